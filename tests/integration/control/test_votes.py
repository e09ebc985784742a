"""How regions come to vote, on which terms, and what is kept because of it."""

from dataclasses import replace
from datetime import datetime
from importlib import import_module

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from probes.actions import dispatch, resources, secrets, terms, verdicts
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
from probes.protocol.taxonomy import Reason
from probes.selectors.terms import groups, terms_of
from tests.fakes.far_region import Find, finding, found
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.voting import (
    DENIED,
    GONE,
    LOGIN_ASKED_FOR,
    MINUTE,
    SECOND,
    THROTTLED,
    TIMED_OUT,
    deliver,
    everywhere,
    settled,
    slots_of,
    state_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_usual_terms(regions: Regions) -> None:
    GlobalTerms.objects.update(failures=None, recoveries=None)


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
