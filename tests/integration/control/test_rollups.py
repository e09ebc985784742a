"""Roll-ups: what the database sums up is what the pure functions say of the same history."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import Model
from pytest_django.fixtures import Settings

from probes.actions import partitions, resources, retention, rolling, rollups
from probes.actions.ingest import ingest
from probes.models import (
    DayRollUp,
    HourRollUp,
    Incident,
    IncidentEntry,
    LateOutcome,
    Outcome,
    Pause,
    Region,
    Resource,
    RollUpProgress,
    VerdictChange,
)
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, HOUR, Rolled, total
from probes.policy.uptime import Tally
from probes.protocol.taxonomy import Status
from probes.selectors import uptime
from probes.tasks import control, summing
from tests.fakes.chronicle import Chronicle
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import batches

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def stored(model: Any, image: Resource, region: Region | None, start: datetime) -> Rolled | None:
    row = model.objects.filter(resource_id=image.pk, region_id=region.pk if region else 0, starts_at=start).first()
    return uptime._row(row) if row else None  # noqa: SLF001 - read as it is read


def roll_all(now: datetime) -> int:
    """Work as the task does, until nothing is left; returns how many pieces there were."""
    pieces = 0
    while True:
        rollups.open_units(now=now)
        done = 0
        while rollups.advance(now=now):
            done += 1
        if not done:
            return pieces
        pieces += done


@pytest.fixture
def images(regions: Regions, make_images: MakeImages) -> list[Resource]:
    return make_images(3, interval_seconds=60)


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_what_the_pure_functions_say(
    seed: int, now: datetime, regions: Regions, images: list[Resource]
) -> None:
    story = Chronicle(seed, images, [region.row for region in regions.values()], now)
    roll_all(story.end + rollups.ROLLED_AFTER)
    everywhere: list[Region | None] = [None, *story.regions]
    for image, region, hour in product(images, everywhere, story.hours()):
        expected = story.expected(image, region, Interval(hour, hour + HOUR))
        found = stored(HourRollUp, image, region, hour)
        if found is None:  # nothing was said, so that only overlays could show
            assert region is not None
            assert not expected.outcomes
            assert not expected.seconds.counted
        else:
            assert found == expected, (image, region, hour)
    (day,) = RollUpProgress.objects.filter(unit="day").order_by("-starts_at").values_list("starts_at", flat=True)[:1]
    for image, region in product(images, everywhere):
        hours = [stored(HourRollUp, image, region, day + number * HOUR) for number in range(24)]
        assert stored(DayRollUp, image, region, day) == total(filter(None, hours))


@pytest.mark.parametrize("seed", range(3))
def test_any_range_is_told_to_the_second(seed: int, now: datetime, regions: Regions, images: list[Resource]) -> None:
    story = Chronicle(seed, images, [region.row for region in regions.values()], now)
    roll_all(story.end + rollups.ROLLED_AFTER - 2 * HOUR)  # the last two hours are not rolled up yet
    for _ in range(8):
        start, end = sorted((story.moment(), story.moment()))
        over = Interval(start, end + MINUTE)
        for image in images:
            assert uptime.rolled(image, over).seconds == story.expected(image, None, over).seconds
            for region in story.regions:
                found, expected = (
                    uptime.rolled(image, over, region=region).seconds,
                    story.expected(image, region, over),
                )
                # An hour in which a region said nothing is unknown, also where work was planned.
                assert (found.up, found.unavailable) == (expected.seconds.up, expected.seconds.unavailable)
                assert found.left_out == expected.seconds.left_out


def test_ranges_are_read_together_as_each_alone(now: datetime, regions: Regions, images: list[Resource]) -> None:
    story = Chronicle(5, images, [region.row for region in regions.values()], now)
    roll_all(story.end + rollups.ROLLED_AFTER - 2 * HOUR)
    overs = [Interval(story.start + hours * HOUR, story.end - 17 * MINUTE) for hours in (0, 20, 30)]
    overs.append(Interval(story.start + 5 * MINUTE, story.start + 7 * HOUR))
    viewpoints: list[Region | None] = [None, *story.regions]
    for image in images:
        together = uptime.rolled_each(image, overs, viewpoints)
        untimed = uptime.rolled_each(image, overs, viewpoints, timed=False)
        assert [{key: one.seconds for key, one in found.items()} for found in untimed] == [
            {key: one.seconds for key, one in found.items()} for found in together
        ]
        for over, found in zip(overs, together, strict=True):
            assert found[0] == uptime.rolled(image, over)
            for region in story.regions:
                assert found[region.pk] == uptime.rolled(image, over, region=region)


def test_pause_that_took_no_time_is_none(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images()
    Pause.objects.create(resource=image, starts_at=now, ends_at=now)
    assert uptime.rolled(image, Interval(now - HOUR, now + HOUR)).seconds == Tally(unknown=7200)


def test_rolling_up_again_changes_nothing(now: datetime, regions: Regions, images: list[Resource]) -> None:
    story = Chronicle(1, images, [region.row for region in regions.values()], now)
    roll_all(story.end + rollups.ROLLED_AFTER)
    before = list(HourRollUp.objects.order_by("pk").values())
    assert before
    ids = [image.pk for image in images]
    for hour in story.hours():
        rolling.roll_hour(ids, hour)
    assert list(HourRollUp.objects.order_by("pk").values()) == before
    assert roll_all(story.end + rollups.ROLLED_AFTER) == 0


def test_work_that_was_interrupted_goes_on_where_it_was(
    now: datetime, regions: Regions, images: list[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "_AT_ONCE", 2)
    story = Chronicle(2, images, [region.row for region in regions.values()], now)
    rollups.open_units(now=story.end + rollups.ROLLED_AFTER)
    assert rollups.advance(now=now)
    first = RollUpProgress.objects.order_by("starts_at").first()
    assert first is not None
    assert (first.resource_id, first.finished_at) == (images[1].pk, None)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(rolling, "roll_hour", die)
        with pytest.raises(KeyboardInterrupt):
            rollups.advance(now=now)
    assert uptime.rolled_until() == first.starts_at
    assert rollups.advance(now=now)
    first.refresh_from_db()
    assert (first.resource_id, first.finished_at) == (images[2].pk, now)
    assert uptime.rolled_until() == first.starts_at + HOUR


def test_task_gives_its_process_back_when_its_time_is_over(
    now: datetime, regions: Regions, images: list[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others wait for the process meanwhile: it is one of two."""
    Chronicle(2, images, [region.row for region in regions.values()], now)
    monkeypatch.setattr(summing, "WORK_SECONDS", 0)
    for finished in (1, 2):
        control.rollup()
        assert RollUpProgress.objects.exclude(finished_at=None).count() == finished


def test_hour_is_rolled_up_only_when_nobody_stores_into_it_unnoticed(
    now: datetime, regions: Regions, images: list[Resource]
) -> None:
    Chronicle(3, images, [region.row for region in regions.values()], now)
    roll_all(now + rollups.ROLLED_AFTER - timedelta(seconds=1))
    assert uptime.rolled_until() == now - HOUR
    roll_all(now + rollups.ROLLED_AFTER)
    assert uptime.rolled_until() == now


def test_day_is_told_by_its_hours_until_it_is_summed_up(
    now: datetime, regions: Regions, images: list[Resource]
) -> None:
    story = Chronicle(4, images, [region.row for region in regions.values()], now)
    roll_all(story.end + rollups.ROLLED_AFTER)
    over = Interval(story.start - DAY, story.end)
    before = {image.pk: uptime.rolled(image, over).seconds for image in images}
    DayRollUp.objects.all().delete()
    RollUpProgress.objects.filter(unit="day").update(finished_at=None, resource_id=0)
    assert {image.pk: uptime.rolled(image, over).seconds for image in images} == before
    RollUpProgress.objects.filter(unit="day").delete()  # as before the day is noted at all
    assert {image.pk: uptime.rolled(image, over).seconds for image in images} == before


@pytest.mark.django_db(transaction=True)
def test_hour_is_not_corrected_while_an_outcome_for_it_is_being_stored(
    now: datetime, make_images: MakeImages
) -> None:
    """Else the mark would be gone, and the outcome in no sum."""
    (image,) = make_images()
    hour = now - 3 * HOUR
    RollUpProgress.objects.create(unit="hour", starts_at=hour, finished_at=now)
    late = {(image.pk, hour): hour + HOUR}
    rollups.note_late(late, now=now)

    def correct_elsewhere() -> bool:
        try:
            return rollups.advance(now=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():  # what `ingest` does, with a pause in the middle
            rollups.note_late(late, now=now)
            assert not elsewhere.submit(correct_elsewhere).result(30)
        assert elsewhere.submit(correct_elsewhere).result(30)
    assert not LateOutcome.objects.exists()


def test_late_outcome_corrects_its_hours_and_its_day(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=3600)
    yesterday = (now - DAY).replace(hour=22, minute=30)
    Resource.objects.update(next_due_at=yesterday, reference_since=yesterday)
    sent = batches(regions, yesterday)
    rollups.open_units(now=now)
    RollUpProgress.objects.all().delete()
    RollUpProgress.objects.create(unit="hour", starts_at=yesterday.replace(hour=20, minute=0))
    roll_all(now + HOUR)
    region = regions["eu-west"]
    assert stored(HourRollUp, image, region.row, yesterday.replace(minute=0)) is None
    ingest(region.report(sent["eu-west"]), now=now)
    assert LateOutcome.objects.count() == 4  # its hour, and those over which it holds: three hours and half a minute
    roll_all(now + HOUR)
    assert LateOutcome.objects.count() == 0
    for hour, seconds in ((22, 1800), (23, 3600)):
        found = stored(HourRollUp, image, region.row, yesterday.replace(hour=hour, minute=0))
        assert found is not None
        assert found.seconds == Tally(available=seconds, unknown=3600 - seconds)
    day = stored(DayRollUp, image, region.row, yesterday.replace(hour=0, minute=0))
    assert day is not None
    assert (day.outcomes, day.seconds.available) == ({Status.AVAILABLE: 1}, 5400)


def test_outcome_in_time_is_not_noted(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images()
    sent = batches(regions, now)
    ingest(regions["eu-west"].report(sent["eu-west"]), now=now + MINUTE)
    assert LateOutcome.objects.count() == 0
    assert Outcome.objects.get().latency is not None


def test_verdicts_and_pauses_are_noted_as_they_change(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()
    for slug, envelope in batches(regions, now).items():
        ingest(regions[slug].report(envelope), now=now)
    assert list(VerdictChange.objects.values_list("state", "at")) == [("available", now)]
    assert resources.pause([image.pk], now=now + HOUR) == 1
    assert resources.pause([image.pk], now=now + HOUR) == 0
    assert resources.resume([image.pk], now=now + 2 * HOUR) == 1
    assert resources.resume([image.pk], now=now + 2 * HOUR) == 0
    assert list(Pause.objects.values_list("starts_at", "ends_at")) == [(now + HOUR, now + 2 * HOUR)]
    image.refresh_from_db()
    image.reference = "ghcr.io/org/another:1"
    resources.save(image, now=now + 3 * HOUR)
    over = Interval(now, now + 4 * HOUR)
    assert uptime.rolled(image, over).seconds == Tally(available=7200, paused=3600, unknown=3600)


def test_history_is_kept_for_its_time_and_what_holds_at_its_beginning(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images()
    for hours in (5, 4, 2):
        VerdictChange.objects.create(resource=image, at=now - hours * HOUR, before="unknown", state="available")
    Pause.objects.create(resource=image, starts_at=now - 5 * HOUR, ends_at=now - 4 * HOUR)
    Pause.objects.create(resource=image, starts_at=now - 5 * HOUR)
    assert retention.drop_history(before=now - 3 * HOUR) == 2
    assert [now - at for at in VerdictChange.objects.order_by("at").values_list("at", flat=True)] == [
        4 * HOUR,
        2 * HOUR,
    ]
    assert Pause.objects.get().ends_at is None


def test_incidents_are_kept_for_as_long_as_the_rest(now: datetime, make_images: MakeImages) -> None:
    """One that is open stays, however long it lasts; and so does a child, which loses its parent."""
    (image,) = make_images()
    bad: dict[str, Any] = {"level": "degraded", "worst": "degraded", "severity": "info", "began_at": now - 5 * HOUR}
    over: dict[str, Any] = {"cause": "recovered", "opened_at": now - 5 * HOUR}
    scope: dict[str, Any] = {"scope_kind": "registry", "scope_name": "ghcr.io"}
    old = Incident.objects.create(**bad, **over, **scope, resolved_at=now - 4 * HOUR)
    IncidentEntry.objects.create(incident=old, at=now, kind="opened")
    kept = [
        Incident.objects.create(**bad, **over, resource=image, resolved_at=now - 2 * HOUR),
        Incident.objects.create(**bad, opened_at=now - 5 * HOUR, resource=image, parent=old),
    ]
    assert retention.drop_history(before=now - 3 * HOUR) == 2
    assert list(Incident.objects.order_by("pk")) == kept
    assert not Incident.objects.exclude(parent=None).exists()


def test_roll_ups_are_partitioned_by_month(now: datetime, db: None) -> None:
    (hours, _days) = partitions.ROLL_UPS
    assert partitions.ensure(
        hours, [datetime(2031, 1, 31, tzinfo=UTC).date(), datetime(2031, 2, 1, tzinfo=UTC).date()]
    ) == [
        "probes_hourrollup_20310101",
        "probes_hourrollup_20310201",
    ]
    assert partitions.ensure(hours, [datetime(2031, 2, 28, tzinfo=UTC).date()]) == []
    today = datetime(2033, 2, 1, tzinfo=UTC).date()
    assert "probes_hourrollup_20310101" in partitions.drop_partitions(today, 730, hours)
    assert "probes_hourrollup_20310201" in hours.existing()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO probes_hourrollup VALUES (1, 0, '2031-02-28 23:00+00')")
    assert issubclass(HourRollUp, Model)


@pytest.mark.parametrize("kept_days", [730, 100])
def test_months_of_roll_ups_are_dropped_when_they_are_older_than_the_setting_says(
    kept_days: int, settings: Settings
) -> None:
    """Whole months with all that is in them, of hours and of days: the last day of one is what counts."""
    assert settings.KAIROS_ROLLUP_RETENTION_DAYS == 730
    settings.KAIROS_ROLLUP_RETENTION_DAYS = kept_days
    oldest = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - kept_days * DAY
    first_kept = (oldest + DAY).replace(day=1)  # though midnight may come before the task does
    last_gone = oldest.replace(day=1) - DAY
    units: Any = list(zip((HourRollUp, DayRollUp), partitions.ROLL_UPS, strict=True))
    for model, table in units:
        partitions.ensure(table, [last_gone.date(), first_kept.date()])
        for at in (last_gone, first_kept):
            model.objects.create(resource_id=1, region_id=0, starts_at=at)
    control.partitions()
    for model, table in units:
        assert list(model.objects.values_list("starts_at", flat=True)) == [first_kept]
        assert table.existing()[0] == table.name(first_kept.date())
