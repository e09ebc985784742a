"""Incidents, as they come of what regions find."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from probes.actions import dispatch, incidents, resources, verdicts
from probes.actions.ingest import ingest
from probes.models import GlobalTerms, Incident, IncidentEntry, Outcome, RegionState, Resource, Verdict
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.far_region import Find, finding, found
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
GONE = finding(Reason.TAG_NOT_FOUND)
HOLE = finding(Reason.LAYER_MISSING, Stage.LAYER)
THROTTLED = finding(Reason.RATE_LIMITED)
EVERYWHERE = ("ap-south", "eu-west", "us-east")


class Story:
    """One image that was found good from everywhere at noon, and what is found of it since, minute by minute."""

    def __init__(self, regions: Regions, image: Resource, now: datetime) -> None:
        self.regions, self.image, self.now = regions, image, now
        self.round()

    def round(self, *failing: str, find: Find = GONE, times: int = 1) -> datetime:
        """Have the image checked from everywhere; return the slot of the last check."""
        return [self.rounds(dict.fromkeys(failing, find)) for _ in range(times)][-1]

    def rounds(self, finds: Mapping[str, Find]) -> datetime:
        """Have the image checked from everywhere once; what is found is by region, and else that all is well."""
        self.now += MINUTE
        asked = dispatch.check_now([self.image.pk], now=self.now)
        for message in sorted(asked.messages, key=lambda message: message.queue):
            region = self.regions[message.queue.removeprefix("probe.")]
            ingest(region.report(region.open(message), finds.get(region.slug, found)), now=self.now + SECOND)
        return self.now + timedelta(milliseconds=1)  # checks that are asked for are never on a whole second

    def later(self, wait: timedelta) -> None:
        self.now += wait
        verdicts.refresh_lapsed(now=self.now)


@pytest.fixture
def story(regions: Regions, make_images: MakeImages, now: datetime) -> Story:
    """One failure turns a region bad here."""
    (image,) = make_images(interval_seconds=3600)
    return Story(regions, image, now)


def told(incident: Incident) -> list[tuple[str, str, str, str]]:
    return list(incident.entries.values_list("kind", "region", "before", "after"))


def test_outage_is_an_incident_from_its_first_failure_on(story: Story) -> None:
    GlobalTerms.objects.update(failures=3)
    first = story.round(*EVERYWHERE)
    story.round(*EVERYWHERE)
    assert not Incident.objects.exists()
    story.round(*EVERYWHERE)
    incident = Incident.objects.get()
    assert (incident.level, incident.worst, incident.severity) == ("unavailable", "unavailable", "critical")
    assert (incident.began_at, incident.opened_at) == (first, story.now + SECOND)
    assert incident.explanation == Verdict.objects.get().explanation
    assert told(incident) == [
        ("opened", "", "", "unavailable"),
        ("region", "ap-south", "", "bad"),
        ("region", "eu-west", "", "bad"),
        ("region", "us-east", "", "good"),
        ("region", "us-east", "good", "bad"),
    ]


def test_incident_resolves_by_itself_when_all_is_well(story: Story) -> None:
    story.round(*EVERYWHERE)
    back = story.round()
    incident = Incident.objects.get()
    assert (incident.resolved_at, incident.cause, incident.is_open) == (back, "recovered", False)
    assert [kind for kind, *_ in told(incident)][-2:] == ["resolved", "region"]
    story.round(*EVERYWHERE)
    assert [item.is_open for item in Incident.objects.order_by("id")] == [False, True]


def test_failure_of_one_region_is_an_incident_when_it_lasts(story: Story) -> None:
    first = story.round("us-east")
    assert not Incident.objects.exists()
    assert Verdict.objects.get().stale_at == first + 15 * MINUTE
    story.later(14 * MINUTE)
    assert not Incident.objects.exists()
    story.later(2 * MINUTE)
    incident = Incident.objects.get()
    assert (incident.level, incident.began_at, incident.opened_at) == ("degraded", first, story.now)


def test_incident_turns_with_the_verdict_and_keeps_what_was_worst(story: Story) -> None:
    story.round(*EVERYWHERE)
    story.round("us-east")
    incident = Incident.objects.get()
    assert (incident.level, incident.worst, incident.is_open) == ("degraded", "unavailable", True)
    assert ("turned", "", "unavailable", "degraded") in told(incident)


def test_nobody_who_can_tell_neither_opens_nor_resolves(story: Story) -> None:
    story.round(*EVERYWHERE, find=THROTTLED)
    assert not Incident.objects.exists()
    story.round(*EVERYWHERE)
    story.round(*EVERYWHERE, find=THROTTLED)
    assert Incident.objects.get().is_open


def test_image_that_comes_and_goes_has_one_incident_until_it_settles(story: Story) -> None:
    for _ in range(4):
        story.round(*EVERYWHERE)
        story.round()
    flapping = Incident.objects.get(resolved_at=None)
    assert flapping.is_flapping
    count = Incident.objects.count()
    for _ in range(3):
        story.round(*EVERYWHERE)
        story.round()
    assert (Incident.objects.count(), flapping.entries.filter(kind="resolved").count()) == (count, 0)
    story.later(70 * MINUTE)
    flapping.refresh_from_db()
    assert (flapping.is_flapping, flapping.cause) == (False, "recovered")
    assert [kind for kind in flapping.entries.values_list("kind", flat=True) if kind != "region"][-2:] == [
        "settled",
        "resolved",
    ]


def test_paused_image_has_no_open_incident(story: Story) -> None:
    story.round(*EVERYWHERE)
    resources.pause([story.image.pk], now=story.now + 2 * SECOND)
    story.later(MINUTE)
    assert Incident.objects.get().cause == "paused"
    resources.resume([story.image.pk], now=story.now)
    ended = story.now
    story.round(*EVERYWHERE)
    again = Incident.objects.get(resolved_at=None)
    assert again.began_at == ended


def test_incident_of_an_image_that_another_took_the_place_of_is_over(story: Story) -> None:
    story.round(*EVERYWHERE)
    story.image.refresh_from_db()
    story.image.reference = "ghcr.io/org/other:1"
    resources.save(story.image, now=story.now + MINUTE)
    incident = Incident.objects.get()
    assert (incident.cause, incident.resolved_at) == ("replaced", story.now + MINUTE)


def test_incident_is_acknowledged_once_and_commented_at_any_time(story: Story, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="somebody")
    story.round(*EVERYWHERE)
    incident = Incident.objects.get()
    assert incidents.acknowledge(incident.pk, by=user, now=story.now)
    assert not incidents.acknowledge(incident.pk, by=user, now=story.now)
    story.round()
    incidents.comment(incident.pk, "A disk was full.", by=user, now=story.now)
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.is_open) == (user, False)
    kinds = incident.entries.exclude(by=None).values_list("kind", "text")
    assert list(kinds) == [("acknowledged", ""), ("comment", "A disk was full.")]


def test_resource_cannot_have_two_open_incidents(story: Story) -> None:
    story.round(*EVERYWHERE)
    incident = Incident.objects.get()
    incident.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        incident.save()


def deep(story: Story, **asked: object) -> list[tuple[str, str, str]]:
    """Return the lines of the timeline that tell of layers."""
    rows = IncidentEntry.objects.filter(kind="depth", **asked).order_by("id")
    return list(rows.values_list("region", "after", "text"))


def test_line_of_a_region_names_the_outcome_that_made_it(story: Story) -> None:
    slot = story.round(*EVERYWHERE)
    turned = IncidentEntry.objects.filter(kind="region", after="bad").values_list("region", "slot")
    assert sorted(turned) == [(slug, slot) for slug in EVERYWHERE]
    assert Outcome.objects.filter(slot=slot, resource=story.image, document__isnull=False).count() == 3


def test_layers_that_are_missing_elsewhere_are_told_before_they_turn_a_region(story: Story) -> None:
    """The layers were there at one; a single failure turns nobody."""
    story.round("us-east")
    story.later(16 * MINUTE)
    assert Incident.objects.get().is_open
    GlobalTerms.objects.update(failures=3)
    slot = story.rounds({"us-east": GONE, "eu-west": HOLE})
    assert deep(story) == [("eu-west", "unavailable", "layer_missing")]
    assert IncidentEntry.objects.get(kind="depth").slot == slot
    story.rounds({"us-east": GONE, "eu-west": HOLE})
    assert len(deep(story)) == 1
    story.rounds({"us-east": GONE})
    assert deep(story)[1:] == [("eu-west", "available", "ok")]


def test_layers_that_turn_a_region_are_told_once(story: Story) -> None:
    story.rounds(dict.fromkeys(EVERYWHERE, HOLE))
    assert set(Incident.objects.get().entries.filter(after="bad").values_list("text", flat=True)) == {"layer_missing"}
    assert deep(story) == []


def test_what_is_found_in_depth_is_told_of_an_incident_that_is_over_by_it(story: Story) -> None:
    story.rounds(dict.fromkeys(EVERYWHERE, HOLE))
    story.round()
    assert not Incident.objects.get().is_open
    assert deep(story) == [(slug, "available", "ok") for slug in EVERYWHERE]


def test_layers_that_are_there_at_the_first_look_are_no_other_result(story: Story) -> None:
    story.round(*EVERYWHERE)
    story.round()
    assert RegionState.objects.exclude(blobs_proved_at=None).count() == 3
    assert deep(story) == []


def test_layers_that_are_back_are_told_though_something_else_failed_meanwhile(story: Story) -> None:
    story.round("us-east")
    story.later(16 * MINUTE)
    GlobalTerms.objects.update(failures=3)
    for finds in (HOLE, GONE, HOLE, found):
        story.rounds({"us-east": GONE, "eu-west": finds})
    assert deep(story) == [("eu-west", "unavailable", "layer_missing"), ("eu-west", "available", "ok")]


def test_nothing_is_told_of_layers_while_no_incident_is_open(story: Story) -> None:
    GlobalTerms.objects.update(failures=3)
    story.rounds(dict.fromkeys(EVERYWHERE, HOLE))
    assert not IncidentEntry.objects.exists()


def _fail(regions: Regions, messages: Sequence[Any], now: datetime) -> None:
    for message in messages:
        region = regions[message.queue.removeprefix("probe.")]
        ingest(region.report(region.open(message), GONE), now=now)


def test_queries_do_not_depend_on_how_many_incidents_there_are(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    GlobalTerms.objects.update(quorum_votes=1, minimum_votes=1)

    def queries(count: int, due: datetime) -> int:
        make_images(count)
        messages = [item for item in dispatch.claim_due(due).messages if item.queue == "probe.us-east"]
        with CaptureQueriesContext(connection) as captured:
            _fail(regions, messages, due)
        return len(captured)

    few = queries(2, now)
    assert queries(60, now + SECOND) == few <= 33
    assert Incident.objects.count() == 62
    assert IncidentEntry.objects.filter(kind="opened").count() == 62
