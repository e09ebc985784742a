"""Checks that somebody waits for: what becomes of each, and that the wait ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import missed, probing, retention, runs, secrets
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.actions.runs import Ordered
from probes.models import (
    AccountCosts,
    Batch,
    Credential,
    Endpoint,
    MissedSlots,
    Outcome,
    Registry,
    Resource,
    Run,
    RunCheck,
)
from probes.policy.runs import PROBE_SECONDS, REPORT_GRACE, CheckState, RefusalReason
from probes.protocol.batch import Batch as WireBatch
from probes.protocol.egress import Egress, EgressState
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.far_region import Find, finding, found, images
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
GONE = finding(Reason.TAG_NOT_FOUND)
IMAGE = "ghcr.io/org/app:1"


def opened(ordered: Ordered, regions: Regions) -> dict[str, WireBatch]:
    """Let each region open its one batch of a run."""
    slugs = [message.queue.removeprefix("probe.") for message in ordered.messages]
    return {slug: regions[slug].open(message) for slug, message in zip(slugs, ordered.messages, strict=True)}


def answer(ordered: Ordered, regions: Regions, now: datetime, **finds: Find) -> None:
    """Take in what the named regions (with underscores) find."""
    batches = opened(ordered, regions)
    for name, find in finds.items():
        slug = name.replace("_", "-")
        ingest(regions[slug].report(batches[slug], find), now=now)


def probe(now: datetime, **wanted: Any) -> Ordered:
    asked = {"reference": IMAGE, "regions": ["eu-west", "us-east"], **wanted}
    return probing.probe(probing.Wanted(**asked), by=None, now=now)


def states(run: Run) -> dict[str, str]:
    rows = RunCheck.objects.filter(run=run).select_related("region").order_by("region__slug")
    return {row.region.slug: row.refusal or row.state for row in rows}


def is_over(ordered: Ordered) -> bool:
    return Run.objects.get(pk=ordered.run.pk).finished_at is not None


def test_run_is_over_when_each_region_has_answered(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    ordered = runs.check([image.pk], ["eu-west", "us-east"], now=now)
    assert states(ordered.run) == {"eu-west": "waiting", "us-east": "waiting"}
    answer(ordered, regions, now + SECOND, eu_west=found)
    assert states(ordered.run) == {"eu-west": "done", "us-east": "waiting"}
    assert not is_over(ordered)
    answer(ordered, regions, now + 2 * SECOND, us_east=GONE)
    assert Run.objects.get(pk=ordered.run.pk).finished_at == now + 2 * SECOND
    row = RunCheck.objects.get(run=ordered.run, region__slug="us-east")
    assert (row.status, row.reason, row.host) == ("unavailable", "tag_not_found", "ghcr.io")
    assert row.document is None
    assert Outcome.objects.filter(resource=image, slot=row.slot).count() == 2


def test_run_without_an_answer_ends_when_its_batch_has_expired(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    ordered = runs.check([image.pk], ["eu-west"], now=now)
    end = now + timedelta(seconds=60) + REPORT_GRACE
    assert ordered.run.ends_at == end
    assert runs.end_overdue(now=end - SECOND) == 0
    assert runs.end_overdue(now=end) == 1
    assert states(ordered.run) == {"eu-west": "missed"}
    assert Run.objects.get().finished_at == end
    assert runs.end_overdue(now=end) == 0


def test_late_answer_is_still_taken(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    ordered = runs.check([image.pk], ["eu-west"], now=now)
    later = now + timedelta(minutes=5)
    missed.reap_batches(now=later)
    runs.end_overdue(now=later)
    answer(ordered, regions, later, eu_west=found)
    assert states(ordered.run) == {"eu-west": "done"}
    assert Run.objects.get().finished_at == ordered.run.ends_at


def test_nobody_is_waited_for_longer_than_somebody_waits(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=86_400)
    ordered = runs.check([image.pk], now=now)
    assert {message.expires_at for message in ordered.messages} == {now + timedelta(minutes=5)}


def test_check_from_a_region_that_is_not_the_resources_is_refused(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()
    image.regions.set([regions["eu-west"].row])
    ordered = runs.check([image.pk], ["eu-west", "us-east"], now=now)
    assert states(ordered.run) == {"eu-west": "waiting", "us-east": RefusalReason.NOT_ITS_REGION}
    ordered = runs.check([image.pk], ["us-east"], now=now)
    assert ordered.messages == []
    assert is_over(ordered)


def test_endpoint_is_refused_for_a_region_that_cannot_read_it(now: datetime, regions: Regions) -> None:
    ordered = probe(now, reference="https://api.example/health", regions=["eu-west"])
    assert (states(ordered.run), ordered.messages) == ({"eu-west": RefusalReason.OUTDATED}, [])
    assert is_over(ordered)


def test_what_a_stopping_worker_returned_is_waited_for_again(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()
    region = regions["eu-west"]
    region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    ordered = runs.check([image.pk], ["eu-west"], now=now)
    batch = opened(ordered, regions)["eu-west"]
    again = ingest(region.report(batch, returned=batch.plans), now=now + SECOND)
    assert states(ordered.run) == {"eu-west": "waiting"}
    (message,) = again.messages
    ingest(region.report(region.open(message)), now=now + 2 * SECOND)
    assert states(ordered.run) == {"eu-west": "done"}
    assert is_over(ordered)


def test_probe_that_a_stopping_worker_returned_is_missed(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    ordered = probe(now, regions=["eu-west"])
    batch = opened(ordered, regions)["eu-west"]
    assert ingest(region.report(batch, returned=batch.plans), now=now + SECOND).messages == []
    assert states(ordered.run) == {"eu-west": "missed"}
    assert is_over(ordered)


def test_ingest_asks_nothing_more_where_nobody_waits(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()

    def statements(ordered: Ordered) -> list[str]:
        report = regions["eu-west"].report(opened(ordered, regions)["eu-west"])
        with CaptureQueriesContext(connection) as captured:
            ingest(report, now=now + SECOND)
        return [query["sql"] for query in captured if '"probes_run' in query["sql"]]

    waited_for = runs.check([image.pk], ["eu-west"], now=now)
    not_waited_for = runs.check([image.pk], ["eu-west"], now=now)
    Batch.objects.filter(run_id=not_waited_for.run.pk).update(run_id=None)
    assert len(statements(waited_for)) == 5
    assert statements(not_waited_for) == []


def test_probe_is_kept_on_its_run_alone(now: datetime, regions: Regions) -> None:
    ordered = probe(now, platforms=("linux/arm64",))
    batches = opened(ordered, regions)
    assert set(batches) == {"eu-west", "us-east"}
    (plan,) = images(batches["eu-west"])
    assert (plan.reference, plan.depth, plan.platforms) == (IMAGE, Depth.BLOBS, ("linux/arm64",))
    assert (plan.secret_key, batches["eu-west"].secrets) == ("", {})
    assert batches["eu-west"].expires_at == now + timedelta(seconds=PROBE_SECONDS)
    answer(ordered, regions, now + SECOND, eu_west=found, us_east=GONE)
    rows = {row.region.slug: row for row in RunCheck.objects.select_related("region")}
    assert {slug: row.reason for slug, row in rows.items()} == {"eu-west": "ok", "us-east": "tag_not_found"}
    document: Any = rows["us-east"].document
    assert document["canonical"] == IMAGE
    assert is_over(ordered)
    for stored in (Resource, Registry, Outcome, MissedSlots):
        assert not stored.objects.exists()


def test_probe_that_comes_to_nothing_is_no_missed_slot_of_anything(now: datetime, regions: Regions) -> None:
    ordered = probe(now)
    later = now + timedelta(minutes=5)
    missed.reap_batches(now=later)
    runs.end_overdue(now=later)
    assert states(ordered.run) == {"eu-west": "missed", "us-east": "missed"}
    assert set(Batch.objects.values_list("state", flat=True)) == {Batch.State.LOST}
    assert not MissedSlots.objects.exists()


def test_probe_goes_by_the_settings_and_the_quota_of_its_registry(now: datetime, regions: Regions) -> None:
    registry = Registry.objects.create(
        host="ghcr.io", api_host="mirror.example:5000", quota_limit=100, quota_window_seconds=3600
    )
    ordered = probe(now, regions=["eu-west"])
    (plan,) = images(opened(ordered, regions)["eu-west"])
    assert plan.site.api_host == "mirror.example:5000"
    batch = Batch.objects.get()
    assert batch.charges[0] > 0
    answer(ordered, regions, now + SECOND, eu_west=found)
    costs = AccountCosts.objects.get(account__registry=registry)
    assert (costs.checks, costs.requests) == (1, 3)


def test_probe_beyond_our_share_still_goes(now: datetime, regions: Regions) -> None:
    Registry.objects.create(host="ghcr.io", quota_limit=1, quota_window_seconds=3600)
    for _ in range(3):
        ordered = probe(now, regions=["eu-west"])
        assert states(ordered.run) == {"eu-west": "waiting"}


def test_docker_hub_is_counted_though_nothing_of_it_is_stored(now: datetime, regions: Regions) -> None:
    probe(now, reference="alpine:3.20", regions=["eu-west"])
    assert Batch.objects.get().accounts != [0]


@pytest.fixture
def credential(keys_file: Any, now: datetime) -> Credential:
    registry = Registry.objects.create(host="ghcr.io")
    row = Credential.objects.create(registry=registry, repository_prefix="org", username="robot")
    secrets.store_secret(row, now=now, password="s3cret")
    return row


def test_probe_shows_a_login_only_where_it_was_named(now: datetime, regions: Regions, credential: Credential) -> None:
    named = opened(probe(now, credential=credential, regions=["eu-west"]), regions)["eu-west"]
    (plan,) = images(named)
    bound = regions["eu-west"].secret(named, plan)
    assert (bound.secret.username, bound.secret.password) == ("robot", "s3cret")
    nobody = opened(probe(now, regions=["eu-west"]), regions)["eu-west"]
    assert nobody.secrets == {}
    assert "s3cret" not in str(list(Run.objects.values()))


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"reference": "no reference at all"}, "reference"),
        ({"reference": "https://user:password@api.example/"}, "reference"),
        ({"reference": "10.0.0.1:5000/app:1"}, "reference"),
        ({"reference": "localhost:5000/app:1"}, "reference"),
        ({"reference": "http://169.254.169.254/latest/meta-data"}, "reference"),
        ({"reference": "http://[::1]:8080/"}, "reference"),
        ({"platforms": ("amd64",)}, "platforms"),
        ({"platforms": ("all", "linux/amd64")}, "platforms"),
        ({"regions": ["mars"]}, "regions"),
    ],
)
def test_what_cannot_be_probed_is_refused_by_field(
    now: datetime, regions: Regions, wanted: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        probe(now, **wanted)
    assert list(refused.value.message_dict) == [field]
    assert not Run.objects.exists()


def test_private_address_is_probed_where_its_registry_allows_it(now: datetime, regions: Regions) -> None:
    Registry.objects.create(host="10.0.0.1:5000", allow_cidrs=["10.0.0.0/8"])
    assert len(probe(now, reference="10.0.0.1:5000/app:1").messages) == 2


def test_url_is_probed_as_an_endpoint_and_its_query_stays_hidden(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    ordered = probe(now, reference="https://api.example/health?key=s3cret", regions=["eu-west"])
    (plan,) = opened(ordered, regions)["eu-west"].plans
    assert isinstance(plan, EndpointPlan)
    assert plan.url.endswith("key=s3cret")
    answer(ordered, regions, now + SECOND, eu_west=found)
    assert states(ordered.run) == {"eu-west": "done"}
    kept = [*Run.objects.values(), *RunCheck.objects.values()]
    assert "s3cret" not in str(kept)
    assert not Endpoint.objects.exists()


def test_too_many_open_probes_of_one_person_are_refused(
    now: datetime, regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MOST_OPEN_PER_PERSON", 2)
    first, _ = probe(now), probe(now)
    with pytest.raises(probing.Crowded, match="2 probes of yours"):
        probe(now)
    answer(first, regions, now, eu_west=found, us_east=found)
    probe(now)


def test_too_many_open_probes_in_one_region_are_refused(
    now: datetime, regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MOST_OPEN_PER_REGION", 1)
    probe(now, regions=["eu-west"])
    with pytest.raises(probing.Crowded, match="eu-west"):
        probe(now)
    probe(now, regions=["us-east"])
    probe(now + timedelta(minutes=5))  # by then it is over, whoever wrote that down


def test_finding_without_a_way_out_says_nothing(now: datetime, regions: Regions) -> None:
    ordered = probe(now, regions=["eu-west"])
    batch = opened(ordered, regions)["eu-west"]
    ingest(regions["eu-west"].report(batch, GONE, egress=Egress(state=EgressState.DOWN)), now=now)
    row = RunCheck.objects.get()
    assert (row.state, row.is_egress_down, row.answer.ballot) == (CheckState.DONE, True, None)


def test_old_runs_are_dropped_with_their_checks(now: datetime, regions: Regions) -> None:
    probe(now)
    assert retention.drop_runs(before=now) == 0
    assert retention.drop_runs(before=now + SECOND) == 3


def test_report_for_a_run_that_was_dropped_is_taken(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    ordered = runs.check([image.pk], ["eu-west"], now=now)
    retention.drop_runs(before=now + SECOND)
    answer(ordered, regions, now + SECOND, eu_west=found)
    assert Outcome.objects.count() == 1


def test_runs_of_many_checks_are_bounded(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    ids = [image.pk for image in make_images(3)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runs, "MOST_CHECKS", 8)
        with pytest.raises(ValidationError, match="at most 8"):
            runs.check(ids, now=now)
    assert not Run.objects.exists()
    assert len(states(runs.check(ids, now=datetime.now(UTC)).run)) == 3
