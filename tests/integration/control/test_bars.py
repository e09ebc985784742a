"""Bars: what is read for them, in as few rows as possible, is what the timeline of each second says."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import partitions, rollups
from probes.models import (
    ALL_REGIONS,
    DayRollUp,
    HourRollUp,
    Incident,
    Region,
    Resource,
    RollUpProgress,
    Verdict,
    VerdictChange,
)
from probes.policy.access import EVERYTHING, Reach
from probes.policy.buckets import Bar, Face
from probes.policy.grid import second
from probes.policy.intervals import Interval
from probes.policy.latency import Timed
from probes.policy.rollup import DAY, HOUR, floor, total, whole_hours
from probes.policy.uptime import WINDOWS
from probes.selectors import bars, durations, latencies, uptime
from probes.selectors.downtime import downtime
from probes.selectors.sums import Source
from tests.fakes.chronicle import Chronicle
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.test_rollups import roll_all

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def story(now: datetime, regions: Regions, make_images: MakeImages) -> Chronicle:
    story = Chronicle(7, make_images(3, interval_seconds=60), [region.row for region in regions.values()], now)
    Resource.objects.update(created_at=story.start - 2 * DAY)
    for image in story.images:
        image.refresh_from_db()
    return story


def seen(story: Chronicle) -> Sequence[Resource]:
    return list(Resource.objects.select_related("group").filter(pk__in=[image.pk for image in story.images]))


def verdict_bars(resources: Sequence[Resource], window: Interval, *, now: datetime) -> Mapping[int, Bar]:
    with bars.begun(resources, window, now=now) as asked:
        pass
    return asked.read().bars()


def medians(
    resources: Sequence[Resource], window: Interval, *, now: datetime, reach: Reach = EVERYTHING
) -> Mapping[int, Sequence[float | None]]:
    with latencies.begun(resources, window, now=now, reach=reach) as asked:
        pass
    return asked.medians()


def faces(bar: Bar) -> list[tuple[str, int]]:
    """(worst face, how many buckets) of each run."""
    return [(str(run.bucket.worst), run.count) for run in bar.runs]


@pytest.mark.parametrize("window", WINDOWS)
def test_bar_has_the_seconds_of_uptime(story: Chronicle, window: str) -> None:
    now = story.end + 25 * MINUTE
    roll_all(story.end + rollups.ROLLED_AFTER - 2 * HOUR)
    over = Interval(now - WINDOWS[window], now)
    found = verdict_bars(seen(story), over, now=now)
    for image in seen(story):
        bar = found[image.pk]
        expected = uptime.rolled(image, whole_hours(over, now=now)).seconds
        # What was unknown because it was not there yet is drawn as nothing.
        before = expected.unknown - bar.seconds.unknown
        assert bar.seconds == type(expected)(
            **{
                **{name: getattr(expected, name) for name in ("available", "degraded", "unavailable", "maintenance")},
                "paused": expected.paused,
                "unknown": expected.unknown - before,
            }
        )
        assert before == max(0, second(image.created_at) - bar.grid.start)
        for place, bucket in bar.buckets:
            assert bucket.present + bucket.absent == bar.grid.length
            assert place < bar.grid.count


def test_downtime_is_that_of_the_bars_at_every_edge(story: Chronicle) -> None:
    """Of whole days, of the hours of a day that is cut, and of what is not rolled up, at either end of a range."""
    now = story.end + 25 * MINUTE
    roll_all(story.end + rollups.ROLLED_AFTER - 2 * HOUR)
    for verdict in Verdict.objects.all():
        turned = "available" if verdict.state == "unavailable" else "unavailable"
        at = story.end + timedelta(minutes=3, seconds=verdict.pk % 7 + 0.7)
        for before, state in ((verdict.state, turned), (turned, verdict.state)):
            VerdictChange.objects.create(resource_id=verdict.pk, at=at, before=before, state=state)
            at += timedelta(minutes=9, seconds=2.6)
    spans = [(start, end) for start in (72, 40, 33, 20, 4, 2, 1, 0.5) for end in (30, 10, 1.5, 0.7, 0) if start > end]
    told: dict[tuple[float, float], list[int]] = {}
    for start, end in spans:
        over = Interval(now - start * HOUR, now - end * HOUR)
        found = downtime(over, now=now)
        told[start, end] = [found.get(image.pk, 0) for image in story.images]
        drawn = verdict_bars(seen(story), over, now=now)
        assert told[start, end] == [drawn[image.pk].seconds.unavailable for image in story.images], (start, end)
    assert {(33, 10), (4, 1.5), (2, 0), (1, 0)} <= {edge for edge in told if any(told[edge])}


@pytest.mark.parametrize("window", ["24h", "7d"])
def test_lane_has_the_seconds_and_the_checks_of_its_region(story: Chronicle, window: str) -> None:
    now = story.end + 25 * MINUTE
    roll_all(story.end + rollups.ROLLED_AFTER - 2 * HOUR)
    over = Interval(now - WINDOWS[window], now)
    whole = whole_hours(over, now=now)
    for image in seen(story):
        found = bars.lanes(image, story.regions, over, now=now)
        for region in story.regions:
            bar, expected = found[region.pk], story.expected(image, region, whole)
            assert (bar.seconds.up, bar.seconds.unavailable) == (expected.seconds.up, expected.seconds.unavailable)
            checks = sum(bucket.checks or 0 for _, bucket in bar.buckets)
            assert checks == sum(expected.outcomes.values())


def test_buckets_of_hours_are_those_of_each_second(story: Chronicle) -> None:
    """Read by roll-ups or from the history itself, each bucket comes out the same, but for who said nothing."""
    now = story.end + 5 * MINUTE
    over = Interval(now - WINDOWS["7d"], now)

    def merged(found: Bar) -> list[tuple[int, ...]]:
        unknown, silent = list(Face).index(Face.UNKNOWN), list(Face).index(Face.NO_DATA)
        rows = [list(bucket.seconds) for _, bucket in found.buckets]
        for row in rows:
            row[unknown] += row[silent]
        return [tuple(count for place, count in enumerate(row) if place != silent) for row in rows]

    written = verdict_bars(seen(story), over, now=now)
    roll_all(story.end + rollups.ROLLED_AFTER)
    rolled = verdict_bars(seen(story), over, now=now)
    for image in story.images:
        assert merged(written[image.pk]) == merged(rolled[image.pk])


def test_of_a_day_of_up_and_down_the_hours_that_were_down_are_enough_where_all_are_there(
    now: datetime, make_images: MakeImages
) -> None:
    (image,) = make_images()
    day = floor(now, DAY) - 3 * DAY
    image.created_at = day
    for table in partitions.ROLL_UPS:
        partitions.ensure(table, [day.date()])
    for unit, length in (("hour", HOUR), ("day", DAY)):
        RollUpProgress.objects.create(unit=unit, starts_at=floor(now, length) - length, finished_at=now)
    own = {"resource_id": image.pk, "region_id": ALL_REGIONS}
    HourRollUp.objects.create(**own, starts_at=day + 9 * HOUR, seconds_available=2700, seconds_unavailable=900)
    told = DayRollUp.objects.create(**own, starts_at=day, seconds_available=85_500, seconds_unavailable=900)

    def first_slots() -> list[tuple[int, int, int]]:
        """(down, up, without data) of the three slots of that day."""
        bar = verdict_bars([image], Interval(now - WINDOWS["30d"], now), now=now)[image.pk]
        place = bar.grid.place(second(day))
        rows = [dict(zip(Face, bucket.seconds, strict=True)) for at, bucket in bar.buckets if place <= at < place + 3]
        return [(row[Face.UNAVAILABLE], row[Face.AVAILABLE], row[Face.NO_DATA]) for row in rows]

    third = 8 * 3600
    assert first_slots() == [(0, third, 0), (900, third - 900, 0), (0, third, 0)]
    told.seconds_available, told.seconds_unavailable = 85_400, 1000
    told.save()
    assert first_slots() == [(0, 0, third), (900, 2700, third - 3600), (0, 0, third)]


@pytest.mark.parametrize("window", ["30d", "90d"])
def test_of_days_in_a_row_that_come_as_one_a_day_of_which_nothing_is_known_is_none(
    now: datetime, make_images: MakeImages, window: str
) -> None:
    first, other = make_images(2)
    days = [floor(now, DAY) - ago * DAY for ago in (5, 4, 3, 2)]
    for unit, length in (("hour", HOUR), ("day", DAY)):
        RollUpProgress.objects.create(unit=unit, starts_at=floor(now, length) - length, finished_at=now)
    for table in partitions.ROLL_UPS:
        partitions.ensure(table, [day.date() for day in days])
    for image, missing in ((first, days[2]), (other, days[0])):
        image.created_at = days[0]
        for day in days:
            if day != missing:
                own = {"resource_id": image.pk, "region_id": ALL_REGIONS, "starts_at": day}
                DayRollUp.objects.create(**own, seconds_available=86_400)
    drawn = verdict_bars([first, other], Interval(now - WINDOWS[window], now), now=now)
    for image, missing in ((first, days[2]), (other, days[0])):
        bar = drawn[image.pk]
        for day in days:
            slots = range(bar.grid.place(second(day)), bar.grid.place(second(day + DAY)))
            told = {str(bucket.worst) for at, bucket in bar.buckets if at in slots}
            assert told == {"no_data" if day == missing else "available"}, (image, day)


def test_healthy_image_has_no_gap_whatever_its_interval(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images(1, interval_seconds=86_400)
    Resource.objects.update(created_at=now - 90 * DAY)
    image.refresh_from_db()
    VerdictChange.objects.create(resource=image, at=now - 90 * DAY, before="unknown", state="available")
    for window in ("24h", "7d", "90d"):
        bar = verdict_bars([image], Interval(now - WINDOWS[window], now), now=now)[image.pk]
        assert {face for face, _ in faces(bar)} <= {"available", "None"}, window


def test_what_was_not_there_yet_is_absent_and_what_nobody_told_of_is_no_data(
    now: datetime, make_images: MakeImages
) -> None:
    (image,) = make_images()
    Resource.objects.update(created_at=now - 3 * HOUR)
    image.refresh_from_db()
    VerdictChange.objects.create(resource=image, at=now - 2 * HOUR, before="unknown", state="available")
    bar = verdict_bars([image], Interval(now - DAY, now), now=now)[image.pk]
    assert next(face for face, _ in faces(bar) if face != "None") == "no_data"
    assert bar.seconds.unknown == second(now - 2 * HOUR) - second(now - 3 * HOUR)
    assert bar.seconds.available == second(now) - second(now - 2 * HOUR)


def test_bad_bucket_tells_the_failure_of_its_incident(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images()
    Resource.objects.update(created_at=now - 10 * DAY)
    image.refresh_from_db()
    for ago, before, state in ((9 * DAY, "unknown", "available"), (5 * HOUR, "available", "unavailable")):
        VerdictChange.objects.create(resource=image, at=now - ago, before=before, state=state)
    Incident.objects.create(
        resource=image,
        level="unavailable",
        worst="unavailable",
        severity="critical",
        began_at=now - 5 * HOUR,
        opened_at=now - 5 * HOUR,
        failure="tag_not_found",
    )
    for window in ("24h", "7d"):
        bar = verdict_bars([image], Interval(now - WINDOWS[window], now), now=now)[image.pk]
        assert {bucket.cause for _, bucket in bar.buckets if bucket.is_bad} == {"tag_not_found"}
        assert not any(bucket.cause for _, bucket in bar.buckets if not bucket.is_bad)


def test_window_that_lies_ahead_is_refused_and_one_that_reaches_ahead_ends_now(
    now: datetime, make_images: MakeImages
) -> None:
    (image,) = make_images()
    with pytest.raises(ValueError, match="ends after it starts"):
        verdict_bars([image], Interval(now + DAY, now + 2 * DAY), now=now)
    bar = verdict_bars([image], Interval(now - 4 * HOUR, now + 4 * HOUR), now=now)[image.pk]
    assert bar.grid.end == second(now)


def test_roll_ups_of_a_clock_that_is_ahead_are_not_counted_beyond_now(story: Chronicle) -> None:
    roll_all(story.end + rollups.ROLLED_AFTER)
    now = story.end - 2 * HOUR - 20 * MINUTE
    over = Interval(now - WINDOWS["7d"], now)
    found = verdict_bars(seen(story), over, now=now)
    for image in seen(story):
        expected = story.expected(image, None, Interval(whole_hours(over, now=now).start, now)).seconds
        assert found[image.pk].seconds.up == expected.up
        assert found[image.pk].seconds.unavailable == expected.unavailable


@pytest.mark.parametrize("window", WINDOWS)
def test_page_of_bars_takes_three_queries_at_most(story: Chronicle, window: str) -> None:
    roll_all(story.end + rollups.ROLLED_AFTER)
    now = story.end + 5 * MINUTE
    listed = seen(story)
    for count in (1, 3):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            verdict_bars(listed[:count], Interval(now - WINDOWS[window], now), now=now)
        assert len(asked) == (2 if window == "24h" else 3)
    with CaptureQueriesContext(connection) as asked:
        bars.lanes(listed[0], story.regions, Interval(now - WINDOWS[window], now), now=now)
    assert len(asked) <= 6


def test_nothing_is_asked_for_nothing(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images()
    over = Interval(now - DAY, now)
    with CaptureQueriesContext(connection) as asked:
        assert verdict_bars([], over, now=now) == {}
        assert bars.lanes(image, [], over, now=now) == {}
    assert not asked.captured_queries


def test_region_that_never_spoke_has_no_data(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    Resource.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    image = Resource.objects.select_related("group").get(pk=image.pk)
    region: Region = next(iter(regions.values())).row
    bar = bars.lanes(image, [region], Interval(now - DAY, now), now=now)[region.pk]
    assert {face for face, _ in faces(bar)} == {"no_data"}
    assert {bucket.checks for _, bucket in bar.buckets} == {0}


def test_course_of_latencies_is_the_median_of_each_piece_of_time(story: Chronicle) -> None:
    roll_all(story.end + rollups.ROLLED_AFTER)
    listed = seen(story)
    now = story.end + 30 * MINUTE
    reach = Reach(groups=None, regions=frozenset({story.regions[0].pk}))
    day, theirs = Interval(now - DAY, now), Interval(now - 2 * DAY, now)
    with CaptureQueriesContext(connection) as asked:
        found = medians(listed, day, now=now)
    assert len(asked) == 1
    limited = medians(listed, theirs, now=now, reach=reach)
    for image in listed:
        for hours, regions, points in ((24, story.regions, found), (48, story.regions[:1], limited)):
            expected = [
                sum(
                    (story.expected(image, region, Interval(hour, hour + HOUR)) for region in regions[1:]),
                    story.expected(image, regions[0], Interval(hour, hour + HOUR)),
                ).percentile_ms(Timed.CHECK, 50)
                for hour in (story.end - number * HOUR for number in range(hours, 0, -1))
            ]
            assert list(points[image.pk]) == expected
    # Of the whole check, and by the day where the window is long.
    month = medians(listed, Interval(now - 30 * DAY, now), now=now)[listed[0].pk]
    assert len(month) in (30, 31)
    assert month[-2] is not None
    assert medians(listed, Interval(now, now + HOUR), now=now) == {image.pk: [] for image in listed}


def test_durations_are_the_percentiles_of_each_slot(story: Chronicle) -> None:
    roll_all(story.end + rollups.ROLLED_AFTER)
    now = story.end + 30 * MINUTE
    image, ids = story.images[0], [region.pk for region in story.regions]
    found = durations.durations(Source.of_resource(image.pk), ids, Interval(now - DAY, now), now=now)
    for timed, lines in found.lines.items():
        for place in range(found.grid.count):
            expected = total(story.expected(image, one, found.grid.interval(place)) for one in story.regions)
            for percent in durations.PERCENTS:
                assert lines[percent][place] == expected.percentile_ms(timed, percent)
    for one in story.regions:
        expected = story.expected(image, one, found.grid.interval(0))
        assert found.regions[one.pk][50][0] == expected.percentile_ms(Timed.CHECK, 50)
    whole = total(story.expected(image, one, Interval(story.end - DAY, story.end)) for one in story.regions)
    assert {timed: told[0][99] for timed, told in found.whole.items()} == {
        timed: whole.percentile_ms(timed, 99) for timed in whole.latency
    }
    assert durations.durations(Source.of_resource(image.pk), [], Interval(now - DAY, now), now=now).lines == {}
    with CaptureQueriesContext(connection) as asked:
        durations.durations(Source.of_resource(image.pk), ids, Interval(now - 90 * DAY, now), now=now)
    assert len(asked) == 2
    with pytest.raises(ValueError, match="ends after it starts"):
        durations.durations(Source.of_resource(image.pk), ids, Interval(now, now + HOUR), now=now)
