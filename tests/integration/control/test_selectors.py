"""What the faces read: the matrix, and the pulse."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import beat
from probes.actions import regions as region_actions
from probes.models import Region, Resource
from probes.policy.liveness import RegionCondition
from probes.policy.verdict import VerdictState
from probes.selectors.health import pulse
from probes.selectors.overview import overview, rows
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import GONE, check_everywhere

pytestmark = pytest.mark.django_db


def test_overview_is_images_times_regions(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    checked, elsewhere, fresh = make_images(3, interval_seconds=60)
    elsewhere.regions.set([regions["us-east"].row])
    Resource.objects.filter(pk=fresh.pk).update(next_due_at=now + timedelta(days=1))
    check_everywhere(regions, now, eu_west=GONE)
    Region.objects.create(slug="announced", name="Announced")
    region_actions.pause([regions["us-east"].row.pk], now=now)

    found = overview()
    assert [region.slug for region in found.regions] == ["ap-south", "eu-west", "us-east"]
    by_image = {row.resource.pk: row for row in found.rows}

    row = by_image[checked.pk]
    assert row.verdict_state is VerdictState.DEGRADED
    cells = [cell for cell in row.cells if cell]
    assert [cell.state.reason if cell.state else None for cell in cells] == ["ok", "tag_not_found", "ok"]
    assert [cell.condition for cell in cells] == [RegionCondition.ACTIVE] * 2 + [RegionCondition.PAUSED]

    assert [cell is None for cell in by_image[elsewhere.pk].cells] == [True, True, False]

    row = by_image[fresh.pk]
    assert (row.verdict, row.verdict_state) == (None, VerdictState.UNKNOWN)
    assert [cell and cell.state for cell in row.cells] == [None] * 3


def test_overview_takes_the_same_queries_for_many_as_for_few(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            for row in rows():
                assert row.resource.canonical
                assert row.verdict_state
        return len(captured)

    make_images(1)
    check_everywhere(regions, now)
    few = queries()
    make_images(30)
    assert queries() == few == 4


def test_overview_of_a_page_reads_that_page_only(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    images = make_images(5)
    page = rows(Resource.objects.order_by("pk")[1:3])
    assert [row.resource.pk for row in page] == [images[1].pk, images[2].pk]


def test_pulse_tells_the_last_tick_and_when_a_region_that_lives_was_heard(now: datetime, regions: Regions) -> None:
    assert (pulse().ticked_at, pulse().heard_at) == (None, None)
    assert beat.stamp(now) is None
    assert beat.stamp(now + timedelta(seconds=1)) == now
    assert beat.stamp(now) == now + timedelta(seconds=1)
    region_actions.record_heartbeat(regions["eu-west"].heartbeat(), now=now)
    assert (pulse().ticked_at, pulse().heard_at) == (now + timedelta(seconds=1), now)
    later = now + timedelta(seconds=5)
    Region.objects.filter(slug="us-east").update(last_seen_at=later, silent_since=later)
    assert pulse().heard_at == now
