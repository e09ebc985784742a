"""Events: what happens to tags and what expires, told once, as reports come in and as time goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from probes import tasks
from probes.actions import dispatch, events, resources, retention, tags
from probes.actions.ingest import ingest
from probes.models import Event, RegionState, Resource, TagWatch
from probes.policy.happenings import EventKind, Happening
from probes.policy.tags import SPLIT_AFTER
from probes.policy.terms import Severity
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, PlatformResult
from probes.protocol.taxonomy import Reason, Stage, Warn
from probes.selectors.events import events_of
from tests.fakes.far_region import Find, finding, found
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
A, B, C = ("sha256:" + letter * 64 for letter in "abc")
EVERYWHERE = ("ap-south", "eu-west", "us-east")


def at(digest: str, *platforms: tuple[str, Reason], warnings: tuple[Warn, ...] = ()) -> Find:
    """Return a `find`: the tag points at this digest, which has these platforms."""
    results = tuple(
        PlatformResult(platform=name, digest=None, status=reason.status, reason=reason) for name, reason in platforms
    )
    lost = next((reason for _, reason in platforms if reason is not Reason.OK), None)

    def find(plan: CheckPlan) -> Outcome:
        outcome = found(plan, digest=digest) if lost is None else found(plan, lost, Stage.INDEX)
        told = replace(outcome.conclusion, digest=digest, platforms=results, warnings=warnings)
        return replace(outcome, conclusion=told)

    return find


class Tale:
    """One image, and what each region finds of its tag, round by round."""

    def __init__(self, regions: Regions, image: Resource, now: datetime) -> None:
        self.regions, self.image, self.now = regions, image, now

    def round(
        self, finds: Mapping[str, Find] | Find, *, after: timedelta = MINUTE, order: Sequence[str] = EVERYWHERE
    ) -> None:
        """Have the image checked from everywhere, reports arriving in that order; who is not named is silent."""
        self.now += after
        asked = dispatch.check_now([self.image.pk], now=self.now)
        messages = {message.queue.removeprefix("probe."): message for message in asked.messages}
        for slug in order:
            find = finds if callable(finds) else finds.get(slug)
            if find is not None:
                region = self.regions[slug]
                ingest(region.report(region.open(messages[slug]), find), now=self.now + SECOND)

    def look(self) -> None:
        tags.look_at_watched(now=self.now)

    def told(self) -> list[tuple[str, str]]:
        return list(Event.objects.order_by("at", "id").values_list("kind", "region"))


@pytest.fixture
def tale(regions: Regions, make_images: MakeImages, now: datetime) -> Tale:
    """All regions have seen A."""
    (image,) = make_images(interval_seconds=3600, platforms=["linux/amd64", "linux/arm64"])
    story = Tale(regions, image, now)
    story.round(at(A, ("linux/amd64", Reason.OK), ("linux/arm64", Reason.OK)))
    return story


def test_nothing_is_told_while_all_is_as_it_was(tale: Tale) -> None:
    tale.round(at(A))
    tale.round(finding(Reason.TAG_NOT_FOUND))
    tale.round(at(A))
    tale.look()
    assert tale.told() == []
    assert not TagWatch.objects.exists()


def test_tag_that_moved_is_one_event_however_many_regions_see_it(tale: Tale) -> None:
    tale.round({"eu-west": at(B), "us-east": at(A), "ap-south": at(A)})
    tale.round(at(B))
    (event,) = Event.objects.all()
    assert (event.kind, event.region, event.severity, event.resource) == (
        "tag_moved",
        "eu-west",
        "info",
        tale.image,
    )
    assert event.facts == {"before": A, "after": B}
    assert event.text.startswith("ghcr.io/org/app-0:1 moved from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb")
    assert list(events_of(tale.image)) == [event]


def test_tag_that_goes_back_moved_twice(tale: Tale) -> None:
    tale.round(at(B))
    tale.round(at(A))
    assert [kind for kind, _ in tale.told()] == ["tag_moved", "tag_moved"]
    assert Event.objects.latest("at").facts == {"before": B, "after": A}


@pytest.mark.parametrize("order", [EVERYWHERE, EVERYWHERE[::-1]])
def test_order_in_which_reports_arrive_does_not_matter(tale: Tale, order: Sequence[str]) -> None:
    for digest in (B, C, A, B):
        tale.round(at(digest), order=order)
    assert [facts["after"] for facts in Event.objects.order_by("at").values_list("facts", flat=True)] == [B, C, A, B]


def test_move_is_dated_back_to_who_saw_it_first(tale: Tale) -> None:
    asked = dispatch.check_now([tale.image.pk], now=tale.now + MINUTE)
    early = next(message for message in asked.messages if message.queue == "probe.us-east")
    tale.round({"eu-west": at(B)}, after=5 * MINUTE)
    before = Event.objects.get()
    region = tale.regions["us-east"]
    ingest(region.report(region.open(early), at(B)), now=tale.now + SECOND)
    event = Event.objects.get()
    assert (event.pk, event.region, event.facts) == (before.pk, "us-east", before.facts)
    assert before.at - event.at == 4 * MINUTE
    assert event.text.endswith("as first seen from us-east.")


def test_platforms_that_come_and_go_hide_no_move(tale: Tale, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "_RECALLED", 1)
    monkeypatch.setattr(tags, "_RECALLED_OF_PLATFORMS", 1)
    tale.round({"eu-west": at(B, ("linux/amd64", Reason.OK), ("linux/arm64", Reason.OK))})
    tale.round({"eu-west": at(B, ("linux/amd64", Reason.OK), ("linux/arm64", Reason.PLATFORM_MISSING))})
    tale.round({"us-east": at(B)})
    assert [kind for kind, _ in tale.told()] == ["tag_moved", "platform_vanished"]


def test_move_is_not_dated_back_onto_one_that_is_known(tale: Tale, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened before all that is recalled is in the way of a late report, which loses nothing by that."""
    monkeypatch.setattr(tags, "_RECALLED", 1)
    asked = dispatch.check_now([tale.image.pk], now=tale.now + MINUTE)
    early = {message.queue.removeprefix("probe."): message for message in asked.messages}

    def deliver(slug: str, now: datetime) -> int:
        region = tale.regions[slug]
        return ingest(region.report(region.open(early[slug]), at(B)), now=now).stored

    deliver("eu-west", tale.now + MINUTE + SECOND)
    tale.round({"eu-west": at(A)}, after=5 * MINUTE)
    tale.round({"eu-west": at(B)}, after=5 * MINUTE)
    before = tale.told()
    assert len(before) == 3
    assert deliver("us-east", tale.now + SECOND) == 1
    assert tale.told() == before


def test_tag_that_is_to_stay_is_critical_when_it_moves(tale: Tale) -> None:
    Resource.objects.update(is_tag_immutable=True)
    tale.round(at(B))
    event = Event.objects.get()
    assert (event.kind, event.severity) == ("immutable_tag_moved", "critical")


def test_another_image_in_its_place_has_not_moved(tale: Tale) -> None:
    tale.round(at(B))
    tale.image.refresh_from_db()
    tale.image.reference = "ghcr.io/org/app-0:2"
    resources.save(tale.image, now=tale.now + MINUTE)
    tale.now += MINUTE
    tale.round(at(C))
    tale.round(at(B))
    assert [facts["before"] for facts in Event.objects.order_by("at").values_list("facts", flat=True)] == [A, C]


def test_tag_beside_a_digest_that_moved_is_told_once(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    """R13."""
    (image,) = make_images(reference=f"ghcr.io/org/app:1@{A}", check_tag=True, interval_seconds=3600)
    tale = Tale(regions, image, now)
    for warnings in ((), (Warn.TAG_MOVED,), (), (Warn.TAG_MOVED,)):
        tale.round(at(A, warnings=warnings))
    event = Event.objects.get()
    assert (event.kind, event.region, event.facts) == ("tag_moved", "ap-south", {"before": A, "after": None})


def test_platform_that_is_gone_is_told_beside_the_failure(tale: Tale) -> None:
    gone = at(B, ("linux/amd64", Reason.OK), ("linux/arm64", Reason.PLATFORM_MISSING))
    tale.round(gone)
    tale.round(at(C, ("linux/amd64", Reason.OK), ("linux/arm64", Reason.OK)))
    assert RegionState.objects.filter(status="available").count() == 3
    assert sorted(tale.told()) == [
        ("platform_appeared", "ap-south"),
        ("platform_vanished", "ap-south"),
        ("tag_moved", "ap-south"),
        ("tag_moved", "ap-south"),
    ]
    vanished = Event.objects.get(kind="platform_vanished")
    assert (vanished.severity, vanished.facts) == ("warning", {"platform": "linux/arm64"})


def test_where_all_platforms_are_wanted_one_that_is_listed_no_more_is_told_of(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    (image,) = make_images(interval_seconds=3600, platforms=["all"])
    tale = Tale(regions, image, now)
    tale.round(at(A, ("linux/amd64", Reason.OK), ("linux/s390x", Reason.OK)))
    tale.round(at(B, ("linux/amd64", Reason.OK)))
    assert ("platform_vanished", "ap-south") in tale.told()


def test_platform_that_nobody_wants_any_more_is_not_missed(tale: Tale) -> None:
    tale.image.refresh_from_db()
    tale.image.platforms = ["linux/amd64"]
    resources.save(tale.image, now=tale.now)
    tale.round(at(A, ("linux/amd64", Reason.OK)))
    assert tale.told() == []


def test_regions_that_disagree_for_long_are_a_split_until_they_agree(tale: Tale) -> None:
    for _ in range(2):
        tale.round({"ap-south": at(A), "eu-west": at(B), "us-east": at(B)}, after=15 * MINUTE)
        tale.look()
    assert [kind for kind, _ in tale.told()] == ["tag_moved"]
    tale.round({"ap-south": at(A), "eu-west": at(B), "us-east": at(B)}, after=16 * MINUTE)
    tale.look()
    tale.look()
    split = Event.objects.get(kind="tag_split")
    assert (split.severity, split.facts["behind"], split.facts["newest"]) == ("warning", ["ap-south"], B)
    assert split.facts["lag_seconds"] == 31 * 60
    tale.round(at(B), after=9 * MINUTE)
    tale.now += SECOND
    tale.look()
    joined = Event.objects.get(kind="tag_joined")
    assert (joined.facts["lasted_seconds"], joined.facts["digest"]) == (40 * 60, B)
    assert not TagWatch.objects.exists()
    tale.look()
    assert Event.objects.count() == 3


def test_bound_of_a_split_is_a_setting(tale: Tale, settings: Settings) -> None:
    assert SPLIT_AFTER.total_seconds() == settings.KAIROS_TAG_SPLIT_SECONDS
    settings.KAIROS_TAG_SPLIT_SECONDS = 60
    for _ in range(3):
        tale.round({"ap-south": at(A), "eu-west": at(B)})
    tale.look()
    assert Event.objects.filter(kind="tag_split").exists()


def test_region_that_fails_or_is_silent_splits_nothing(tale: Tale) -> None:
    gone = finding(Reason.CONNECT_TIMEOUT)
    for _ in range(3):
        tale.round({"ap-south": gone, "eu-west": at(B), "us-east": at(B)}, after=30 * MINUTE)
        tale.look()
    for _ in range(6):
        tale.round({"eu-west": at(B), "us-east": at(B)}, after=60 * MINUTE)
        tale.look()
    assert [kind for kind, _ in tale.told()] == ["tag_moved"]
    assert TagWatch.objects.exists()


def test_task_looks_at_what_is_due(
    tale: Tale, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By now its outcomes are stale, which is silence: a split that was told of stays open."""
    tale.round({"ap-south": at(A), "eu-west": at(B)}, after=31 * MINUTE)
    tale.now += 31 * MINUTE
    tale.look()
    split = Event.objects.get(kind="tag_split")
    RegionState.objects.update(digest=B)
    TagWatch.objects.update(look_at=tale.now)
    monkeypatch.setattr(timezone, "now", lambda: tale.now)  # in the first hour after noon, the tale is ahead
    tasks.tags()
    joined = Event.objects.get(kind="tag_joined")
    assert joined.facts["since"] == split.facts["since"]
    assert joined.text in caplog.text


def test_event_is_recorded_once(make_images: MakeImages, regions: Regions, now: datetime) -> None:
    (image,) = make_images()
    happening = Happening(
        kind=EventKind.TAG_MOVED,
        key="k",
        at=now + MINUTE,
        severity=Severity.INFO,
        text="It\nmoved.",
        resource=image.pk,
    )
    (event,) = events.record([happening], now=now)
    assert (event.at, event.text, event.resource) == (now, "It moved.", image)
    assert events.record([happening, replace(happening, key="k2")], now=now) == [Event.objects.get(key="k2")]
    assert events.record([happening], now=now) == events.record([], now=now) == []


def test_events_are_kept_for_as_long_as_history(tale: Tale) -> None:
    tale.round(at(B))
    retention.drop_history(before=tale.now)
    assert Event.objects.count() == 1
    retention.drop_history(before=tale.now + MINUTE)
    assert not Event.objects.exists()


def test_resource_goes_with_its_events(tale: Tale) -> None:
    tale.round({"eu-west": at(B)})
    resources.delete([tale.image.pk], now=tale.now)
    assert not Event.objects.exists()
    assert not TagWatch.objects.exists()


def test_queries_do_not_depend_on_how_many_tags_moved(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    def queries(count: int, due: datetime) -> int:
        make_images(count, interval_seconds=60)
        for digest in (A, B):
            Resource.objects.update(next_due_at=due)
            message = next(item for item in dispatch.claim_due(due).messages if item.queue == "probe.us-east")
            region = regions["us-east"]
            report = region.report(region.open(message), at(digest))
            with CaptureQueriesContext(connection) as captured:
                ingest(report, now=due)
            due += MINUTE
        Resource.objects.all().delete()
        return len(captured)

    assert queries(2, now) == queries(60, now + 3 * MINUTE) <= 26
    with CaptureQueriesContext(connection) as captured:
        tags.look_at_watched(now=now)
    assert len([query for query in captured if "SELECT" in query["sql"]]) == 1


def test_state_of_before_there_were_events_begins_no_event(tale: Tale) -> None:
    """Whoever upgrades has states without the slot since which a digest is seen, and without platforms."""
    RegionState.objects.update(digest_since=None, platforms={})
    tale.round(at(A, ("linux/amd64", Reason.OK), ("linux/arm64", Reason.PLATFORM_MISSING)))
    assert tale.told() == []
    tale.round(at(B))
    assert tale.told() == [("tag_moved", "ap-south")]
