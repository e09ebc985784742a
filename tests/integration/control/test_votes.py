"""How regions come to vote, on which terms, and what is kept and asked because of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from probes.actions import dispatch, resources, secrets, terms, verdicts
from probes.actions.ingest import Ingested, ingest
from probes.actions.plans import Message
from probes.models import (
    Credential,
    GlobalTerms,
    Region,
    RegionState,
    Resource,
    ResourceGroup,
    Verdict,
    VerdictChange,
)
from probes.policy.verdict import Inputs, VerdictState, decide
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Reason, Stage
from probes.selectors.terms import groups, terms_of
from tests.fakes.far_region import Find, finding, found
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
GONE = finding(Reason.TAG_NOT_FOUND)
TIMED_OUT = finding(Reason.CONNECT_TIMEOUT)
LOGIN_ASKED_FOR = finding(Reason.AUTH_REQUIRED)
THROTTLED = finding(Reason.RATE_LIMITED)
DENIED = finding(Reason.BLOB_BACKEND_DENIED, Stage.LAYER)


@pytest.fixture(autouse=True)
def _on_usual_terms(regions: Regions) -> None:
    GlobalTerms.objects.update(failures=None, recoveries=None)


def deliver(regions: Regions, messages: Sequence[Message], now: datetime, finds: dict[str, Find]) -> list[Ingested]:
    """Let each region check and report what it was sent; `finds` says by slug what is found (available)."""
    taken = []
    for message in messages:
        slug = message.queue.removeprefix("probe.")
        report = regions[slug].report(regions[slug].open(message), finds.get(slug, found))
        taken.append(ingest(report, now=now))
    return taken


def slots_of(regions: Regions, start: datetime, count: int, **finds: Find) -> list[datetime]:
    """Check what is due every minute, `count` times, from everywhere; what is to be confirmed is not."""
    named = {slug.replace("_", "-"): find for slug, find in finds.items()}
    due = [start + number * MINUTE for number in range(count)]
    for slot in due:
        deliver(regions, dispatch.claim_due(slot).messages, slot + SECOND, named)
    return due


def everywhere(find: Find) -> dict[str, Find]:
    return {"ap_south": find, "eu_west": find, "us_east": find}


def settled(regions: Regions, make_images: MakeImages, now: datetime, **values: object) -> tuple[Resource, datetime]:
    """Return an image that was good from everywhere, and its next slot."""
    (image,) = make_images(interval_seconds=60, **values)
    slots_of(regions, now, 1)
    image.refresh_from_db()
    return image, image.next_due_at


def state_of(image: Resource, slug: str = "us-east") -> RegionState:
    return RegionState.objects.get(resource=image, region__slug=slug)


def test_region_turns_bad_after_three_failures_and_is_dated_back(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, due = settled(regions, make_images, now)
    first, second = slots_of(regions, due, 2, **everywhere(GONE))
    assert Verdict.objects.get().state == VerdictState.AVAILABLE
    assert (state_of(image).stance, state_of(image).stance_since) == ("good", now)
    assert (state_of(image).status, state_of(image).consecutive_failures) == ("unavailable", 2)
    slots_of(regions, second + MINUTE, 1, **everywhere(GONE))
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE
    state = state_of(image)
    assert (state.stance, state.stance_since, state.run_since, state.bad_run) == ("bad", first, first, 3)


def test_region_turns_good_after_two_recoveries(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    image, due = settled(regions, make_images, now)
    slots_of(regions, due, 3, **everywhere(GONE))
    slots_of(regions, due + 3 * MINUTE, 1)
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE
    slots_of(regions, due + 4 * MINUTE, 1)
    assert Verdict.objects.get().state == VerdictState.AVAILABLE
    assert state_of(image).stance_since == due + 3 * MINUTE


def test_degraded_counts_as_an_outage_where_all_see_it(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """C.2: a pull fails, whoever has to act."""
    _, due = settled(regions, make_images, now)
    slots_of(regions, due, 3, **everywhere(finding(Reason.REGISTRY_ERROR)))
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE


def test_throttled_region_leaves_the_vote_and_keeps_its_stance(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, due = settled(regions, make_images, now)
    slots_of(regions, due, 1, us_east=THROTTLED)
    assert (state_of(image).status, state_of(image).stance) == ("indeterminate", "good")
    decision = decide(Inputs.from_json(Verdict.objects.get().inputs))
    assert (decision.state, decision.counted, decision.left_out) == ("available", 2, {"us-east": "indeterminate"})


def test_region_without_the_login_that_others_have_leaves_the_vote(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, due = settled(regions, make_images, now)
    for slug in ("ap-south", "eu-west"):
        region = Region.objects.get(slug=slug)
        credential = Credential(registry=image.registry, username="robot", region=region)
        secrets.store_secret(credential, password="right", now=now)
    *_, last = slots_of(regions, due, 3, us_east=LOGIN_ASKED_FOR)
    verdict = Verdict.objects.get()
    decision = decide(Inputs.from_json(verdict.inputs))
    assert (state_of(image).stance, verdict.state) == ("bad", "available")
    assert (decision.counted, decision.left_out) == (2, {"us-east": "no_login"})
    Credential.objects.all().delete()  # a login that nobody has is no region's lack
    slots_of(regions, last + MINUTE, 1, us_east=LOGIN_ASKED_FOR)
    assert Verdict.objects.get().state == VerdictState.DEGRADED


def test_region_that_could_never_tell_has_no_ballot(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    slots_of(regions, now, 1, **everywhere(THROTTLED))
    state = state_of(image)
    assert (state.ballot, state.stance, state.run_since, state.bad_run) == (None, "unproved", None, 0)
    assert Verdict.objects.get().state == VerdictState.UNKNOWN


def test_change_is_kept_with_what_it_came_from(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    image, due = settled(regions, make_images, now)
    slots_of(regions, due, 3, us_east=DENIED, eu_west=DENIED)
    changes = list(VerdictChange.objects.order_by("id"))
    assert [(change.before, change.state) for change in changes] == [
        ("unknown", "available"),
        ("available", "degraded"),
        ("degraded", "unavailable"),
    ]
    assert [decide(Inputs.from_json(change.inputs)).state for change in changes] == [item.state for item in changes]
    said = f"2 of 3 fresh regions cannot read a layer: ghcr.io: blob backend denied since {due:%H:%M} UTC"
    assert changes[-1].explanation == Verdict.objects.get().explanation == said
    assert (changes[-1].resource, changes[-1].at) == (image, due + 2 * MINUTE + SECOND)


def test_detail_of_a_failure_is_part_of_its_explanation(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    def told(plan: Plan) -> object:
        outcome = DENIED(plan)
        return replace(outcome, conclusion=replace(outcome.conclusion, detail="layer 4: HTTP 403"))

    _, due = settled(regions, make_images, now)
    slots_of(regions, due, 3, **everywhere(told))  # type: ignore[arg-type]  # it is one
    assert "blob backend denied, layer 4: HTTP 403 since" in Verdict.objects.get().explanation


def test_image_that_another_took_the_place_of_leaves_a_change(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, due = settled(regions, make_images, now)
    image.reference = "ghcr.io/org/other:1"
    resources.save(image, now=due)
    change = VerdictChange.objects.latest("at")
    assert (change.before, change.state, change.inputs) == ("available", "unknown", {})
    resources.save(image, now=due)
    assert VerdictChange.objects.count() == 2


def test_terms_of_a_resource_overrule_its_groups_and_those_the_terms_of_all(make_images: MakeImages) -> None:
    GlobalTerms.objects.update_or_create(pk=1, defaults={"failures": 5, "recoveries": 4, "minimum_votes": 3})
    group = ResourceGroup.objects.create(name="Shop", failures=2, quorum_votes=1)
    (image,) = make_images(group=group, quorum_percent=80)
    found_terms = terms_of([image])[image.pk]
    assert (found_terms.failures, found_terms.recoveries, found_terms.minimum_votes) == (2, 4, 3)
    assert (found_terms.quorum.percent, found_terms.quorum.votes) == (80, None)
    assert [(item.name, item.image_count) for item in groups()] == [("Shop", 1)]  # type: ignore[attr-defined]  # annotated


def test_terms_of_all_may_be_missing(make_images: MakeImages) -> None:
    """A database that was emptied is no reason to take in no report."""
    GlobalTerms.objects.all().delete()
    (image,) = make_images()
    assert terms_of([image])[image.pk].failures == 3


def test_group_decides_how_many_failures_and_votes_it_takes(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    group = ResourceGroup.objects.create(name="Critical", failures=1, quorum_votes=1)
    _, due = settled(regions, make_images, now, group=group)
    slots_of(regions, due, 1, us_east=GONE)
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE


@pytest.mark.parametrize("whose", ["all", "group", "own"])
def test_verdict_follows_when_terms_change(
    now: datetime, regions: Regions, make_images: MakeImages, whose: str
) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    image, due = settled(regions, make_images, now, group=group)
    last = slots_of(regions, due, 3, us_east=GONE)[-1]
    assert Verdict.objects.get().state == VerdictState.DEGRADED
    concerned: dict[str, GlobalTerms | ResourceGroup | Resource] = {
        "all": GlobalTerms.objects.get(),
        "group": group,
        "own": image,
    }
    row = concerned[whose]
    row.quorum_votes = 1
    if isinstance(row, Resource):
        row.refresh_from_db(fields=["next_due_at"])
        resources.save(row, now=last)
    else:
        terms.save(row, now=last)
    (change,) = verdicts.refresh_lapsed(now=last + 2 * SECOND)
    assert change.after is VerdictState.UNAVAILABLE


def test_terms_of_another_group_lapse_nothing(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    settled(regions, make_images, now)
    terms.save(ResourceGroup(name="Others", failures=9), now=now)
    assert not Verdict.objects.filter(stale_at__lte=now + SECOND).exists()


@pytest.mark.parametrize("values", [{"quorum_votes": 1, "quorum_percent": 50}, {"failures": 0}, {"severity": "bad"}])
def test_terms_that_make_no_sense_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        terms.save(ResourceGroup(name="Shop", **values), now=datetime.now().astimezone())
    with pytest.raises(IntegrityError), transaction.atomic():
        ResourceGroup.objects.create(name="Shop", **values)


def asked_of(taken: Sequence[Ingested]) -> list[str]:
    return sorted(message.queue for item in taken for message in item.messages)


def test_first_failure_of_transport_is_asked_again_at_once(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, due = settled(regions, make_images, now)
    (once,) = [
        item
        for item in deliver(regions, dispatch.claim_due(due).messages, due + SECOND, {"us-east": TIMED_OUT})
        if item.messages
    ]
    assert asked_of([once]) == ["probe.us-east"]
    assert asked_of(deliver(regions, once.messages, due + 2 * SECOND, {})) == []
    state = state_of(image)
    assert (state.status, state.stance, state.stance_since) == ("available", "good", now)
    assert state.last_slot > due


def turned_bad(regions: Regions, image: Resource, at: datetime) -> list[Ingested]:
    """Let us-east find it gone three times in a row; return what came of the third."""
    taken: list[Ingested] = []
    for number in range(3):
        asked = dispatch.check_now([image.pk], ["us-east"], now=at + number * SECOND)
        taken = deliver(regions, asked.messages, at + number * SECOND, {"us-east": GONE})
    return taken


def test_region_that_turns_bad_has_the_others_asked_until_they_are_sure(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, _ = settled(regions, make_images, now)
    taken = turned_bad(regions, image, now + 10 * SECOND)
    assert asked_of(taken) == ["probe.ap-south", "probe.eu-west"]
    finds = {"ap-south": GONE}
    for number in range(2):
        at = now + (15 + number) * SECOND
        taken = deliver(regions, [item for each in taken for item in each.messages], at, finds)
        assert asked_of(taken) == ["probe.ap-south"]
    taken = deliver(regions, [item for each in taken for item in each.messages], now + 17 * SECOND, finds)
    assert asked_of(taken) == ["probe.eu-west"]  # now that one more has turned, is it still good there?
    taken = deliver(regions, [item for each in taken for item in each.messages], now + 18 * SECOND, finds)
    assert asked_of(taken) == []
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE


def test_regions_whose_checks_are_due_are_waited_for(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, _ = settled(regions, make_images, now)
    assert asked_of(turned_bad(regions, image, now + 40 * SECOND)) == []


def test_image_that_never_was_good_is_settled_at_once(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    messages = dispatch.claim_due(now).messages
    finds = dict.fromkeys(regions, GONE)
    rounds = 0
    while messages:
        rounds += 1
        messages = [
            message for item in deliver(regions, messages, now + rounds * SECOND, finds) for message in item.messages
        ]
    assert rounds == 3
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE


def test_paused_image_is_not_confirmed(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    image, due = settled(regions, make_images, now)
    messages = dispatch.claim_due(due).messages
    resources.pause([image.pk], now=due)
    assert asked_of(deliver(regions, messages, due + SECOND, dict.fromkeys(regions, TIMED_OUT))) == []


def test_report_is_taken_in_though_it_cannot_be_confirmed(
    now: datetime,
    regions: Regions,
    make_images: MakeImages,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The control plane's key is needed to hand out checks, and not to read what came of them."""
    _, due = settled(regions, make_images, now)
    messages = dispatch.claim_due(due).messages
    settings.KAIROS_CONTROL_KEY_FILE = tmp_path / "none.json"
    taken = deliver(regions, messages, due + SECOND, dict.fromkeys(regions, TIMED_OUT))
    assert [(item.stored, item.messages) for item in taken] == [(1, [])] * 3
    assert "cannot be confirmed" in caplog.text


def test_registry_that_fails_as_a_whole_is_asked_for_a_part(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(50, interval_seconds=60)
    slots_of(regions, now, 1)
    Resource.objects.update(next_due_at=now + MINUTE)
    messages = [item for item in dispatch.claim_due(now + MINUTE).messages if item.queue == "probe.us-east"]
    (taken,) = deliver(regions, messages, now + MINUTE, {"us-east": TIMED_OUT})
    assert sum(message.checks for message in taken.messages) == 20


def test_queries_do_not_depend_on_how_much_failed(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    def queries(count: int, due: datetime) -> int:
        make_images(count)
        messages = [item for item in dispatch.claim_due(due).messages if item.queue == "probe.us-east"]
        with CaptureQueriesContext(connection) as captured:
            deliver(regions, messages, due, {"us-east": TIMED_OUT})
        return len(captured)

    assert queries(2, now) == queries(15, now + SECOND) <= 33


@pytest.mark.django_db(transaction=True)
def test_report_does_not_wait_for_a_row_that_somebody_holds(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """Whoever changes a resource locks it before its verdict; whoever takes in a report the other way round."""
    _, due = settled(regions, make_images, now)
    messages = [item for item in dispatch.claim_due(due).messages if item.queue == "probe.us-east"]
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM probes_resource FOR NO KEY UPDATE")
        (taken,) = deliver(regions, messages, due + SECOND, {"us-east": TIMED_OUT})
        assert (taken.stored, taken.messages) == (1, [])
    finally:
        other.rollback()
        other.close()


def _forget_votes() -> None:
    RegionState.objects.update(
        ballot=None,
        ballot_slot=None,
        run_since=None,
        bad_run=0,
        bad_run_since=None,
        stance="unproved",
        stance_since=None,
    )
    VerdictChange.objects.all().delete()
    GlobalTerms.objects.all().delete()


@pytest.mark.parametrize(
    ("find", "failures", "stance"),
    [(found, 1, "good"), (GONE, 3, "bad"), (GONE, 1, "good"), (THROTTLED, 1, "good")],
    ids=["good", "bad", "a first failure", "could not tell"],
)
def test_update_finds_stances_in_what_was_counted(
    now: datetime, regions: Regions, make_images: MakeImages, find: Find, failures: int, stance: str
) -> None:
    image, due = settled(regions, make_images, now)
    last = slots_of(regions, due, failures, **everywhere(find))[-1]
    _forget_votes()
    with connection.cursor() as cursor:
        cursor.execute(import_module("probes.migrations.0015_votes_seed").SEED)
    assert state_of(image).stance == stance
    changes = [change.state for change in VerdictChange.objects.all()]
    assert [*changes, "unknown"][0] == Verdict.objects.get().state
    assert GlobalTerms.objects.exists()
    slots_of(regions, last + MINUTE, 1)
    assert state_of(image).ballot == "good"


def test_reports_that_come_in_another_order_are_counted_in_that_of_their_slots(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """Bad, good, bad, bad: the good one comes last, and the region has not turned."""
    image, due = settled(regions, make_images, now)
    messages = []
    for number in range(4):
        claimed = dispatch.claim_due(due + number * MINUTE).messages
        messages += [item for item in claimed if item.queue == "probe.us-east"]
        deliver(regions, [item for item in claimed if item not in messages], due + number * MINUTE + SECOND, {})
    for number in (0, 2, 3):
        deliver(regions, [messages[number]], due + 3 * MINUTE + SECOND, {"us-east": GONE})
    assert (state_of(image).stance, state_of(image).bad_run) == ("bad", 3)
    deliver(regions, [messages[1]], due + 3 * MINUTE + 2 * SECOND, {})
    state = state_of(image)
    assert (state.stance, state.stance_since, state.bad_run, state.consecutive_failures) == ("good", now, 2, 2)
    assert (state.status, state.last_slot, state.run_since) == ("unavailable", due + 3 * MINUTE, due + 2 * MINUTE)
    assert state.document["status"] == "unavailable"
    assert Verdict.objects.get().state == VerdictState.AVAILABLE


def test_late_outcome_is_the_first_that_could_tell(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    first, second = (
        next(item for item in dispatch.claim_due(now + number * 2 * MINUTE).messages if item.queue == "probe.us-east")
        for number in range(2)
    )
    deliver(regions, [second], now + 2 * MINUTE, {"us-east": THROTTLED})
    deliver(regions, [first], now + 2 * MINUTE, {})
    state = state_of(image)
    assert (state.status, state.stance, state.ballot_slot) == ("indeterminate", "good", now)


def test_late_outcome_that_could_not_tell_reads_no_history(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(interval_seconds=60)
    first, second = (
        next(item for item in dispatch.claim_due(now + number * 2 * MINUTE).messages if item.queue == "probe.us-east")
        for number in range(2)
    )
    deliver(regions, [second], now + 2 * MINUTE, {})
    with CaptureQueriesContext(connection) as captured:
        deliver(regions, [first], now + 2 * MINUTE, {"us-east": THROTTLED})
    assert not any("LATERAL" in query["sql"] for query in captured)
