"""Images in the admin: added as a person types them, and seen being checked."""

from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from probes.actions import dispatch, secrets, verdicts
from probes.models import Credential, Outcome, RegionState, Registry, Resource, Verdict
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown, text_of

pytestmark = pytest.mark.django_db


def typed(reference: str, **values: Any) -> dict[str, Any]:
    """Return what the form sends when a person has typed only an image."""
    fields = {
        "reference": reference,
        "platforms": "linux/amd64",
        "interval_seconds": "300",
        "manifest_cadence_seconds": "21600",
        "blobs_cadence_seconds": "86400",
        "labels": "",
    }
    return {**fields, **values}


def page_of(image: Resource) -> str:
    return f"{ADMIN}/resource/{image.pk}/change/"


def test_new_image_leads_to_its_page_and_is_due_at_once(client: Client, plane: ControlPlane) -> None:
    response = client.post(f"{ADMIN}/resource/add/", typed("Quay.io/org/app:1.2"))
    image = Resource.objects.get()
    assert response.headers["Location"] == page_of(image)
    assert (image.canonical, image.registry.host) == ("quay.io/org/app:1.2", "quay.io")
    assert image.next_due_at <= timezone.now()
    page = shown(client, page_of(image))
    assert "Quay.io/org/app:1.2 was added. Its first check is on the way" in page
    assert page.count("waiting for its first check") == 3
    assert [claimed.checks for claimed in dispatch.claim_due(timezone.now()).messages] == [1, 1, 1]


@pytest.mark.parametrize("reference", ["", "a" * 1025])
def test_reference_that_its_field_refuses_is_not_called_empty_besides(
    client: Client, plane: ControlPlane, reference: str
) -> None:
    errors = errors_of(client.post(f"{ADMIN}/resource/add/", typed(reference)))
    assert [len(messages) for messages in errors.values()] == [1]


def test_regions_of_an_image_that_are_changed_have_their_say_at_once(client: Client, plane: ControlPlane) -> None:
    image = plane.image(interval_seconds=3600)
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    chosen = [plane.region("ap-south").pk, plane.region("eu-west").pk]
    client.post(page_of(image), typed(image.reference, interval_seconds="3600", regions=chosen))
    assert sorted(image.regions.values_list("pk", flat=True)) == sorted(chosen)
    verdicts.refresh_lapsed(now=timezone.now())
    assert Verdict.objects.get().state == VerdictState.AVAILABLE


def test_page_shows_how_the_image_stands_from_each_region(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    page = shown(client, page_of(image))
    assert "! degraded since" in page
    assert page.count("✓ available") == 2
    assert "us-east ✗ unavailable tag_not_found manifest at ghcr.io The registry knows no such tag." in page


def test_panel_is_answered_alone_for_the_page_to_keep_current(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    panel = f"{ADMIN}/resource/{image.pk}/standing/"
    assert f'data-address="{panel}"' in client.get(page_of(image)).content.decode()
    before = shown(client, panel)
    assert "waiting for its first check" in before
    assert "<form" not in client.get(panel).content.decode()
    plane.check(image)
    assert "✓ available" in shown(client, panel)
    assert client.get(f"{ADMIN}/resource/0/standing/").status_code == 404


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        (typed("foo/Bar"), "reference", "repository must be lowercase: foo/bar (at character 5)"),
        (typed("https://ghcr.io/org/app"), "reference", "a reference has no scheme"),
        (typed("ghcr.io/org/app:"), "reference", "the tag is empty (at character 17)"),
        (typed(""), "reference", "This field is required."),
        (typed("ghcr.io/org/app", interval_seconds="5"), "interval_seconds", "From 15 seconds to 2592000"),
        (typed("ghcr.io/org/app", blobs_cadence_seconds="0"), "blobs_cadence_seconds", "From 1 second"),
        (typed("ghcr.io/org/app", interval_seconds=""), "interval_seconds", "This field is required."),
        (typed("ghcr.io/org/app", platforms="linux"), "platforms", "'linux' is not OS/ARCH[/VARIANT]"),
        (typed("ghcr.io/org/app", platforms="all,linux/amd64"), "platforms", "all stands alone."),
        (typed("ghcr.io/org/app", regions=["0"]), "regions", "0 is not one of the available choices"),
        (typed("ghcr.io/org/app", depth="bottom"), "depth", "bottom is not one of the available choices"),
        (typed("ghcr.io/org/app", labels="team"), "labels", "Line 1: write NAME=VALUE."),
        (typed("ghcr.io/org/app", labels="a=1\n\na=2"), "labels", "Line 3: a has a value already."),
    ],
)
def test_bad_input_is_an_error_at_its_field_and_nothing_is_stored(
    client: Client, plane: ControlPlane, values: dict[str, Any], field: str, words: str
) -> None:
    response = client.post(f"{ADMIN}/resource/add/", values)
    errors = errors_of(response)
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert words.replace("'", "&#x27;") in response.content.decode()
    assert not Resource.objects.exists()
    assert not Registry.objects.exists()


@pytest.mark.parametrize(
    ("host", "prefix", "words"),
    [
        ("quay.io", "", "This credential is for quay.io, the image is at ghcr.io."),
        ("ghcr.io", "other", "This credential is for repositories under other."),
    ],
)
def test_credential_for_another_place_is_refused(
    client: Client, plane: ControlPlane, host: str, prefix: str, words: str
) -> None:
    registry = Registry.objects.create(host=host)
    credential = Credential.objects.create(registry=registry, repository_prefix=prefix, username="robot")
    response = client.post(f"{ADMIN}/resource/add/", typed("ghcr.io/org/app", credential=credential.pk))
    assert errors_of(response) == {"credential": [words]}
    assert not Resource.objects.exists()


def test_everything_that_is_typed_is_stored(client: Client, plane: ControlPlane) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    credential = Credential.objects.create(registry=registry, username="robot")
    values = typed(
        "ghcr.io/org/app:1",
        name="the app",
        platforms="linux/amd64, linux/arm64",
        depth="blobs",
        interval_seconds="60",
        manifest_cadence_seconds="3600",
        blobs_cadence_seconds="7200",
        sample_blobs="on",
        strict_platform="on",
        check_tag="on",
        is_tag_immutable="on",
        regions=[plane.region("eu-west").pk, plane.region("us-east").pk],
        credential=credential.pk,
        labels="team = payments\ntier=1=a",
    )
    client.post(f"{ADMIN}/resource/add/", values)
    image = Resource.objects.get()
    assert (image.name, image.platforms, image.depth) == ("the app", ["linux/amd64", "linux/arm64"], "blobs")
    assert (image.interval_seconds, image.credential) == (60, credential)
    assert (image.manifest_cadence_seconds, image.blobs_cadence_seconds, image.sample_blobs) == (3600, 7200, True)
    assert (image.strict_platform, image.check_tag, image.is_tag_immutable) == (True, True, True)
    assert image.labels == {"team": "payments", "tier": "1=a"}
    assert sorted(image.regions.values_list("slug", flat=True)) == ["eu-west", "us-east"]
    assert "team=payments\ntier=1=a" in client.get(page_of(image)).content.decode()


def test_another_image_forgets_what_was_known_of_the_former_one(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    response = client.post(page_of(image), typed("ghcr.io/org/app:2"))
    assert response.headers["Location"] == f"{ADMIN}/resource/"
    assert not RegionState.objects.exists()


def test_check_now_says_what_was_sent_and_where_to_look(
    client: Client, plane: ControlPlane, broker: str, django_capture_on_commit_callbacks: Any
) -> None:
    image = plane.image()
    with django_capture_on_commit_callbacks(execute=True) as published:
        response = client.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": "check_now"})
    assert response.headers["Location"] == page_of(image)
    assert len(published) == 1
    page = client.get(page_of(image))
    assert "One check was sent to ap-south, eu-west, us-east. Its run and outcomes appear within seconds." in text_of(
        page
    )
    assert f'<a href="{ADMIN}/outcome/?resource={image.pk}">' in page.content.decode()
    image.refresh_from_db()
    assert image.asked_slot is not None
    assert "Asked for a check." in shown(client, f"{ADMIN}/resource/{image.pk}/history/")


def test_check_now_of_chosen_rows(client: Client, plane: ControlPlane) -> None:
    chosen = [plane.image(f"ghcr.io/org/app-{number}:1").pk for number in range(3)]
    response = client.post(f"{ADMIN}/resource/", {"action": "check_now", "_selected_action": chosen[:2]})
    assert messages_of(response)[0].startswith("Checks of 2 resources were sent to ap-south, eu-west, us-east.")
    assert Resource.objects.filter(asked_slot=None).get().pk == chosen[2]


def test_check_now_without_an_active_region_says_so(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.region("eu-west").__class__.objects.update(paused_at=plane.now)
    response = client.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": "check_now"})
    assert messages_of(response) == ["No active region checks this: nothing was sent."]


def test_paused_image_is_resumed_by_its_button(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    for order, words in (
        ("pause", "One resource is paused: nothing is checked until resumed. What is on its way still arrives."),
        ("pause", "All of these were paused already."),
        ("resume", "One resource is resumed: the next check is sent within a second or two."),
        ("resume", "None of these was paused."),
    ):
        response = client.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": order})
        assert messages_of(response)[-1] == words
        image.refresh_from_db()
        assert image.is_paused is (order == "pause")
        other = "resume" if image.is_paused else "pause"
        page = client.get(page_of(image)).content.decode()
        assert f'name="order" value="{other}"' in page
        assert f'name="order" value="{order}"' not in page


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_chosen_rows_are_paused_and_resumed(client: Client, plane: ControlPlane, action: str) -> None:
    paused_at = None if action == "pause" else plane.now
    images = [plane.image(f"ghcr.io/org/app-{number}:1", paused_at=paused_at) for number in range(2)]
    client.post(f"{ADMIN}/resource/", {"action": action, "_selected_action": [image.pk for image in images]})
    assert Resource.objects.filter(paused_at__isnull=action == "resume").count() == 2


def test_image_is_paused_until_an_instant(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    order = f"{ADMIN}/resource/{image.pk}/order/"
    until = timezone.now().replace(second=0, microsecond=0) + timedelta(hours=3)
    response = client.post(order, {"order": "pause", "until": f"{until:%Y-%m-%dT%H:%M}"})
    (told,) = messages_of(response)
    assert told.startswith(f"One resource is paused: nothing is checked until {until:%Y-%m-%d %H:%M} UTC.")
    image.refresh_from_db()
    assert image.resumes_at == until
    assert f"nothing is checked until {until:%Y-%m-%d %H:%M}:00 UTC" in shown(client, page_of(image))
    assert "paused, resumed in 2 h" in shown(client, f"{ADMIN}/resource/")


@pytest.mark.parametrize("typed", ["yesterday", "2020-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00"])
def test_image_is_paused_until_no_other_time(client: Client, plane: ControlPlane, typed: str) -> None:
    image = plane.image()
    response = client.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": "pause", "until": typed})
    (told,) = messages_of(response)
    assert told.startswith("Nothing was paused")
    image.refresh_from_db()
    assert not image.is_paused


def test_chosen_rows_are_paused_for_a_while(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    client.post(f"{ADMIN}/resource/", {"action": "pause_for_an_hour", "_selected_action": [image.pk]})
    image.refresh_from_db()
    ends = image.resumes_at
    assert ends is not None
    assert timedelta(minutes=59) < ends - timezone.now() <= timedelta(hours=1)


@pytest.mark.parametrize("order", ["check_now", "pause", "resume"])
def test_onlooker_orders_nothing(onlooker: Client, plane: ControlPlane, order: str) -> None:
    image = plane.image()
    page = onlooker.get(page_of(image))
    assert page.status_code == 200
    assert b'name="order"' not in page.content
    assert b'id="kairos-trial"' not in page.content
    assert b'value="check_now"' not in onlooker.get(f"{ADMIN}/resource/").content
    assert onlooker.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": order}).status_code == 403
    onlooker.post(f"{ADMIN}/resource/", {"action": order, "_selected_action": [image.pk]})
    image.refresh_from_db()
    assert (image.asked_slot, image.paused_at) == (None, None)


def test_order_is_posted_and_known(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    assert client.get(f"{ADMIN}/resource/{image.pk}/order/").status_code == 405
    assert client.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": "delete_selected"}).status_code == 302
    assert Resource.objects.count() == 1


def test_stranger_sees_no_panel(plane: ControlPlane) -> None:
    image = plane.image()
    for address in ("standing", "order"):
        response = Client().get(f"{ADMIN}/resource/{image.pk}/{address}/")
        assert response.headers["Location"].startswith("/admin/login/")


def test_image_is_deleted_with_what_was_written_of_it(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    address = f"{ADMIN}/resource/{image.pk}/delete/"
    assert "Are you sure" in shown(client, address)
    client.post(address, {"post": "yes"})
    assert not Resource.objects.exists()
    assert not RegionState.objects.exists()
    assert Outcome.objects.count() == 3  # they go with retention


NARROWED: Final = {
    "": ["fine", "gone", "new"],
    "verdict=available": ["fine"],
    "verdict=unavailable": ["gone"],
    "verdict=unknown": ["new"],
    "schedule=paused": ["new"],
    "schedule=running": ["fine", "gone"],
    "q=quay.io": ["gone"],
}


def test_list_is_narrowed(client: Client, plane: ControlPlane) -> None:
    fine = plane.image("ghcr.io/org/one:1", name="fine")
    gone = plane.image("quay.io/org/two:1", name="gone")
    plane.image("ghcr.io/org/three:1", name="new", paused_at=plane.now)
    plane.check(fine)
    plane.check(gone, finds=dict.fromkeys(plane.regions, finding(Reason.NOT_FOUND)))
    for query, names in NARROWED.items():
        rows = client.get(f"{ADMIN}/resource/?{query}").context["cl"].result_list
        assert [row.name for row in rows] == names, query


def test_list_tells_how_images_stand_and_when_they_are_due(client: Client, plane: ControlPlane) -> None:
    image = plane.image(name="the app", interval_seconds=90)
    listed = f"{ADMIN}/resource/"
    assert "the app ghcr.io/org/app:1 ? unknown — every 90 s next 1 h late" in shown(client, listed)
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    Resource.objects.update(next_due_at=timezone.now() + timedelta(seconds=150))
    assert "! degraded ✓ 2 ✗ us-east every 90 s next in 2 min" in shown(client, listed)
    Resource.objects.update(paused_at=plane.now)
    assert "— paused ✓ 2 ✗ us-east every 90 s paused" in shown(client, listed)


def test_pages_take_the_same_queries_for_many_as_for_few(client: Client, plane: ControlPlane) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    secrets.store_secret(Credential(registry=registry, username="robot"), password="secret", now=plane.now)
    images = [plane.image()]
    plane.check(*images)

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            shown(client, address)
        return len(captured)

    pages = (f"{ADMIN}/resource/", page_of(images[0]))
    few = [queries(address) for address in pages]
    images += [plane.image(f"quay.io/org/app-{number}:1") for number in range(15)]
    plane.check(*images)
    plane.check(*images, finds=dict.fromkeys(plane.regions, finding(Reason.NOT_FOUND)))
    assert [queries(address) for address in pages] == few
    assert max(few) <= 16
