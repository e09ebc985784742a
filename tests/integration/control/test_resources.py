"""What a resource may be, and what saving one does."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction

from probes.actions import resources, verdicts
from probes.models import Channel, Credential, Incident, Notice, Pause, RegionState, Registry, Resource, Verdict
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason
from tests.fakes.far_region import finding
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import check_everywhere
from tests.integration.control.waiting import in_a_thread, wait_until_somebody_waits

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def refusal(now: datetime, **values: Any) -> dict[str, list[str]]:
    """Save what cannot be saved; return the messages by field."""
    with pytest.raises(ValidationError) as error:
        resources.save(Resource(**{"reference": "ghcr.io/org/app:1", **values}), now=now)
    assert not Resource.objects.exists()
    return error.value.message_dict


@pytest.mark.parametrize(
    ("reference", "host", "repository", "tag", "canonical"),
    [
        ("alpine", "docker.io", "library/alpine", "latest", "docker.io/library/alpine:latest"),
        ("ghcr.io/org/app:1.2", "ghcr.io", "org/app", "1.2", "ghcr.io/org/app:1.2"),
        (
            f"localhost:5000/a@sha256:{'0' * 64}",
            "localhost:5000",
            "a",
            "",
            f"localhost:5000/a@sha256:{'0' * 64}",
        ),
    ],
)
def test_saving_fills_the_canonical_fields_and_makes_the_registry(
    now: datetime, reference: str, host: str, repository: str, tag: str, canonical: str
) -> None:
    image = resources.save(Resource(reference=reference), now=now)
    assert (image.registry.host, image.repository, image.tag) == (host, repository, tag)
    assert image.canonical == canonical
    assert resources.save(Resource(reference=reference), now=now).registry == image.registry


def test_new_resource_is_due_at_once(now: datetime) -> None:
    image = resources.save(Resource(reference="alpine"), now=now + timedelta(milliseconds=900))
    assert image.next_due_at == now


def test_reference_that_does_not_parse_is_refused_with_its_position(now: datetime) -> None:
    messages = refusal(now, reference="ghcr.io/Org/app:1")
    assert list(messages) == ["reference"]
    assert messages["reference"][0].endswith("(at character 9)")
    assert not Registry.objects.exists()


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"interval_seconds": 14}, "interval_seconds", "From 15 seconds"),
        ({"interval_seconds": 31 * 86_400}, "interval_seconds", "From 15 seconds"),
        ({"platforms": []}, "platforms", "cannot be blank"),
        ({"platforms": ["linux"]}, "platforms", "not OS/ARCH"),
        ({"platforms": ["all", "linux/amd64"]}, "platforms", "all stands alone"),
        ({"depth": "bottom"}, "depth", "not a valid choice"),
        ({"labels": ["a"]}, "labels", "an object of texts"),
        ({"labels": {"a": 1}}, "labels", "an object of texts"),
    ],
)
def test_bad_field_is_refused_by_name_and_nothing_is_stored(
    now: datetime, values: dict[str, Any], field: str, message: str
) -> None:
    messages = refusal(now, **values)
    assert list(messages) == [field]
    assert message in messages[field][0]


def test_credential_for_another_registry_is_a_field_error(now: datetime) -> None:
    credential = Credential.objects.create(registry=Registry.objects.create(host="quay.io"))
    messages = refusal(now, credential=credential)
    assert messages == {"credential": ["This credential is for quay.io, the image is at ghcr.io."]}


def test_credential_for_other_repositories_is_a_field_error(now: datetime) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    credential = Credential.objects.create(registry=registry, repository_prefix="other")
    assert refusal(now, credential=credential) == {"credential": ["This credential is for repositories under other."]}


def test_database_itself_refuses_an_image_without_tag_and_digest(now: datetime) -> None:
    image = resources.save(Resource(reference="alpine"), now=now)
    with pytest.raises(IntegrityError, match="resource_names_tag_or_digest"):
        Resource.objects.filter(pk=image.pk).update(tag="")


@pytest.mark.parametrize("values", [{"interval_seconds": 60}, {"platforms": ["all"]}, {"reference": "alpine:3"}])
def test_change_of_what_or_how_often_is_checked_at_once(now: datetime, values: dict[str, Any]) -> None:
    image = resources.save(Resource(reference="alpine"), now=now)
    Resource.objects.update(next_due_at=now + HOUR)
    for name, value in values.items():
        setattr(image, name, value)
    assert resources.save(image, now=now + timedelta(seconds=9)).next_due_at == now + timedelta(seconds=9)


def test_change_of_name_does_not_disturb_schedule_or_pause(now: datetime) -> None:
    image = resources.save(Resource(reference="alpine"), now=now)
    stale = Resource.objects.get(pk=image.pk)
    Resource.objects.update(next_due_at=now + HOUR, paused_at=now)
    stale.name = "Alpine"
    resources.save(stale, now=now)
    image.refresh_from_db()
    assert (image.name, image.next_due_at, image.paused_at) == ("Alpine", now + HOUR, now)


def test_other_image_forgets_how_the_former_one_stood(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()
    check_everywhere(regions, now)
    image.refresh_from_db()
    image.reference = "ghcr.io/org/app-0:2"
    resources.save(image, now=now + HOUR)
    assert not RegionState.objects.exists()
    assert not Verdict.objects.exists()
    assert image.reference_since == now + HOUR


def test_regions_are_set_with_the_resource(now: datetime, regions: Regions) -> None:
    image = resources.save(Resource(reference="alpine"), regions=[regions["eu-west"].row], now=now)
    resources.save(image, now=now)
    assert [region.slug for region in image.regions.all()] == ["eu-west"]
    resources.save(image, regions=[], now=now)
    assert not image.regions.exists()


def test_region_that_is_taken_away_loses_its_say_and_the_others_are_asked_at_once(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    check_everywhere(regions, now, us_east=finding(Reason.TAG_NOT_FOUND))
    assert Verdict.objects.get().state == VerdictState.DEGRADED
    kept = [regions["ap-south"].row, regions["eu-west"].row]
    changed = resources.save(Resource.objects.get(), regions=kept, now=now + MINUTE)
    assert changed.next_due_at == now + MINUTE
    verdicts.refresh_lapsed(now=now + MINUTE)
    assert Verdict.objects.get().state == VerdictState.AVAILABLE


def test_saving_the_same_regions_again_disturbs_nothing(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    check_everywhere(regions, now)
    before, stale_at = Resource.objects.get(), Verdict.objects.get().stale_at
    after = resources.save(Resource.objects.get(), regions=[], now=now + MINUTE)
    assert after.next_due_at == before.next_due_at > now
    assert Verdict.objects.get().stale_at == stale_at


def rename(image: Resource, now: datetime) -> None:
    image.reference = "ghcr.io/org/other:1"
    resources.save(image, now=now)


def delete(image: Resource, now: datetime) -> None:
    resources.delete([image.pk], now=now)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [rename, delete])
def test_change_waits_for_a_report_that_is_being_taken_in(
    now: datetime, regions: Regions, make_images: MakeImages, change: Callable[[Resource, datetime], None]
) -> None:
    (image,) = make_images()
    check_everywhere(regions, now)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            change(Resource.objects.get(), now + MINUTE)
        except BaseException as error:  # noqa: BLE001 - reported by the main thread
            failures.append(error)
        finally:
            connections.close_all()

    changing = threading.Thread(target=work)
    with transaction.atomic():  # what `ingest` does, with a pause in the middle
        verdicts.locked([image.pk], now=now)
        changing.start()
        wait_until_somebody_waits()
        RegionState.objects.update(consecutive_successes=7)
    changing.join(60)
    assert not failures
    assert not RegionState.objects.exists()
    assert not Verdict.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_deletion_and_pause_do_not_wait_for_each_other(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """Whoever pauses an image holds its row, and then its verdict's."""
    (image,) = make_images()
    check_everywhere(regions, now)
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():  # what `pause` does, with a pause in the middle
            Resource.objects.select_for_update(no_key=True).get()
            deleting = elsewhere.submit(in_a_thread, lambda: delete(image, now + MINUTE))
            wait_until_somebody_waits()
            Verdict.objects.update(stale_at=now)
        deleting.result(30)
    assert not Verdict.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_deletion_takes_incidents_before_their_notices(now: datetime, make_images: MakeImages) -> None:
    """As `infer_scopes` does, which tells of a child that its parent leaves behind: else the two would wait."""
    (image,) = make_images()
    incident = Incident.objects.create(
        resource=image, level="degraded", worst="degraded", severity="info", began_at=now, opened_at=now
    )
    channel = Channel.objects.create(name="Operators", kind="webhook")
    notice = Notice.objects.create(
        channel=channel,
        key="incident/opened",
        topic="incident_opened",
        incident=incident,
        announcement={},
        created_at=now,
        due_at=now,
    )
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
            deleting = elsewhere.submit(in_a_thread, lambda: resources.delete([image.pk], now=now))
            wait_until_somebody_waits()
            Notice.objects.select_for_update(no_key=True, nowait=True).get(pk=notice.pk)
        deleting.result(30)
    notice.refresh_from_db()
    assert notice.incident_id is None


@pytest.mark.django_db(transaction=True)
def test_deletion_takes_notices_in_their_order(now: datetime, make_images: MakeImages) -> None:
    """As whoever judges or sends them does: else the two would wait for each other, and one of them would fail."""
    (image,) = make_images()
    incident = Incident.objects.create(
        resource=image, level="degraded", worst="degraded", severity="info", began_at=now, opened_at=now
    )
    channel = Channel.objects.create(name="Operators", kind="webhook")
    notices = [
        Notice.objects.create(
            channel=channel,
            key=f"incident/{topic}",
            topic=topic,
            incident=incident,
            announcement={},
            created_at=now,
            due_at=now,
        )
        for topic in ("incident_opened", "incident_worse")
    ]
    for notice in reversed(notices):
        Notice.objects.filter(pk=notice.pk).update(attempts=1)  # the rows lie in this order
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            Notice.objects.select_for_update(no_key=True).get(pk=notices[0].pk)
            deleting = elsewhere.submit(in_a_thread, lambda: resources.delete([image.pk], now=now))
            wait_until_somebody_waits()
            Notice.objects.select_for_update(no_key=True, nowait=True).get(pk=notices[1].pk)
        deleting.result(30)
    assert not Notice.objects.exclude(incident=None).exists()


def test_image_is_paused_though_its_last_pause_was_never_ended(now: datetime, make_images: MakeImages) -> None:
    """As the version before leaves it that resumes an image while it is replaced."""
    (image,) = make_images()
    Pause.objects.create(resource=image, starts_at=now - HOUR)
    assert resources.pause([image.pk], now=now) == 1
    pauses = Pause.objects.order_by("starts_at").values_list("starts_at", "ends_at")
    assert list(pauses) == [(now - HOUR, now), (now, None)]


@pytest.mark.django_db(transaction=True)
def test_pause_takes_verdicts_in_the_order_in_which_a_report_does(now: datetime, make_images: MakeImages) -> None:
    """Else the two would wait for each other, and one of them would be lost."""
    images = make_images(2)
    with transaction.atomic():
        verdicts.locked([image.pk for image in images], now=now)
    for image in reversed(images):
        Incident.objects.create(
            resource=image, level="degraded", worst="degraded", severity="info", began_at=now, opened_at=now
        )
        Verdict.objects.filter(pk=image.pk).update(computed_at=now)  # the rows lie in this order
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            Verdict.objects.select_for_update(no_key=True).get(pk=images[0].pk)
            pausing = elsewhere.submit(in_a_thread, lambda: resources.pause([item.pk for item in images], now=now))
            wait_until_somebody_waits()
            Verdict.objects.select_for_update(no_key=True, nowait=True).get(pk=images[1].pk)
        assert pausing.result(30) == 2


@pytest.mark.django_db(transaction=True)
def test_no_verdict_is_held_while_another_is_made(now: datetime, make_images: MakeImages) -> None:
    """Whoever makes it may want those that are there next: the two would wait for each other."""
    known, new = [image.pk for image in make_images(2)]

    def lock(*ids: int) -> None:
        with transaction.atomic():
            verdicts.locked(ids, now=now)

    lock(known)
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            verdicts.locked([new], now=now)
            waiting = elsewhere.submit(in_a_thread, lambda: lock(known, new))
            wait_until_somebody_waits()
            Verdict.objects.select_for_update(no_key=True, nowait=True).get(pk=known)
        waiting.result(30)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"host": "index.docker.io"}, "host"),
        ({"host": "registry"}, "host"),
        ({"host": "EXAMPLE.com"}, "host"),
        ({"host": "a.example/b"}, "host"),
        ({"api_host": "API.example"}, "api_host"),
        ({"api_host": "http://a"}, "api_host"),
        ({"allow_cidrs": ["10.0.0.1/8"]}, "allow_cidrs"),
        ({"allow_cidrs": ["169.254.169.254/32"]}, "allow_cidrs"),
        ({"allow_cidrs": ["fd00:c1::a9fe:a9fe/128"]}, "allow_cidrs"),
        ({"allow_hosts": ["https://blobs.internal"]}, "allow_hosts"),
        ({"allow_hosts": ["10.0.0.0/8"]}, "allow_hosts"),
        ({"trusted_auth_hosts": ["a b"]}, "trusted_auth_hosts"),
        ({"resolve": ["a.example"]}, "resolve"),
        ({"resolve": {"a.example": []}}, "resolve"),
        ({"resolve": {"a.example": ["b.example"]}}, "resolve"),
        ({"resolve": {"a.example": [7]}}, "resolve"),
        ({"resolve": {"-": ["10.0.0.1"]}}, "resolve"),
        ({"ca_pem": "not a certificate"}, "ca_pem"),
        ({"ca_pem": "x" * 300_000}, "ca_pem"),
    ],
)
def test_registry_setting_that_cannot_be_is_a_field_error(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        Registry(**{"host": "registry.example:5000", **values}).full_clean()
    assert list(error.value.message_dict) == [field]


def test_registry_settings_reach_the_plan() -> None:
    registry = Registry(
        host="docker.io",
        api_host="mirror",
        allow_cidrs=["10.0.0.0/8"],
        allow_hosts=["blobs.internal:9000"],
        trusted_auth_hosts=["auth.example", "sso:8443"],
        resolve={"mirror": ["10.0.0.5", "fd12::5"]},
        plain_http=True,
    )
    registry.full_clean()
    site = registry.site
    assert (site.api_host, site.allow_cidrs, site.plain_http) == ("mirror", ("10.0.0.0/8",), True)
    assert site.resolve == (("mirror", ("10.0.0.5", "fd12::5")),)
    assert site.allow_hosts == ("blobs.internal:9000",)
    assert site.trusted_auth_hosts == ("auth.example", "sso:8443")
