"""Sums of registries and groups: what their resources' roll-ups come to, however often these are made again."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from probes.actions import partitions, rollups
from probes.models import DayRollUp, DaySum, HourRollUp, HourSum, LateOutcome, Resource, ResourceGroup, RollUpProgress
from probes.policy.rollup import Rolled, total
from probes.selectors import uptime
from probes.tasks import control
from tests.fakes.chronicle import Chronicle
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.test_rollups import roll_all

pytestmark = pytest.mark.django_db

Sums = dict[tuple[int, datetime], Rolled]


@pytest.fixture
def images(regions: Regions, make_images: MakeImages) -> list[Resource]:
    return make_images(3, interval_seconds=60)


def grouped(seed: int, images: list[Resource], regions: Regions, now: datetime) -> Chronicle:
    """Write a history down, then put the first two of the images into a group."""
    story = Chronicle(seed, images, [region.row for region in regions.values()], now)
    group = ResourceGroup.objects.create(name="Teapots")
    Resource.objects.filter(pk__in=[image.pk for image in images[:2]]).update(group=group)
    for image in images:
        image.refresh_from_db()
    return story


def added_up(model: Any, images: list[Resource]) -> Sums:
    """Return what the roll-ups of these images come to, by region id and start."""
    rows: dict[tuple[int, datetime], list[Rolled]] = defaultdict(list)
    for row in model.objects.filter(resource_id__in=[image.pk for image in images]):
        rows[row.region_id, row.starts_at].append(uptime._row(row))  # noqa: SLF001 - read as it is read
    return {key: total(found) for key, found in rows.items()}


def stored(model: Any, kind: str, owner_id: int) -> Sums:
    rows = model.objects.filter(owner_kind=kind, owner_id=owner_id).exclude(resources=0)
    return {(row.region_id, row.starts_at): uptime._row(row) for row in rows}  # noqa: SLF001 - likewise


def agree(images: list[Resource]) -> bool:
    registry_id, group_id = images[0].registry_id, images[0].group_id
    assert group_id
    return all(
        stored(of, "registry", registry_id) == added_up(model, images)
        and stored(of, "group", group_id)
        == added_up(model, [image for image in images if image.group_id == group_id])
        for of, model in ((HourSum, HourRollUp), (DaySum, DayRollUp))
    )


def test_sums_are_what_the_roll_ups_come_to(now: datetime, regions: Regions, images: list[Resource]) -> None:
    story = grouped(1, images, regions, now)
    roll_all(story.end + rollups.ROLLED_AFTER)
    assert DaySum.objects.exists()
    assert agree(images)
    assert set(HourSum.objects.filter(owner_kind="registry", region_id=0).values_list("resources", flat=True)) == {3}


def test_hour_that_is_rolled_up_again_is_not_added_twice(
    now: datetime, regions: Regions, images: list[Resource]
) -> None:
    story = grouped(2, images, regions, now)
    until = story.end + rollups.ROLLED_AFTER
    roll_all(until)
    before = stored(HourSum, "registry", images[0].registry_id)
    hours = list(story.hours())
    LateOutcome.objects.bulk_create(LateOutcome(resource=images[0], starts_at=hour) for hour in hours[3:9])
    roll_all(until)
    assert stored(HourSum, "registry", images[0].registry_id) == before
    RollUpProgress.objects.filter(unit="hour").update(finished_at=None, resource_id=0)
    roll_all(until)
    assert stored(HourSum, "registry", images[0].registry_id) == before
    assert agree(images)


def test_resource_that_has_moved_is_taken_out_of_where_it_was(
    now: datetime, regions: Regions, images: list[Resource]
) -> None:
    story = grouped(3, images, regions, now)
    until = story.end + rollups.ROLLED_AFTER
    roll_all(until)
    mover, hour = images[0], list(story.hours())[5]
    was_in, now_in = mover.group_id, ResourceGroup.objects.create(name="Bar").pk
    assert was_in
    Resource.objects.filter(pk=mover.pk).update(group=now_in)
    assert not stored(HourSum, "group", now_in), "what was rolled up stays where it was counted"
    LateOutcome.objects.create(resource=mover, starts_at=hour)
    roll_all(until)
    left = {key: value for key, value in stored(HourSum, "group", was_in).items() if key[1] == hour}
    assert left == {key: value for key, value in added_up(HourRollUp, images[1:2]).items() if key[1] == hour}
    came = stored(HourSum, "group", now_in)
    assert came == {key: value for key, value in added_up(HourRollUp, [mover]).items() if key[1] == hour}


def test_months_of_sums_are_dropped_with_the_roll_ups(settings: Settings) -> None:
    settings.KAIROS_ROLLUP_RETENTION_DAYS = 100
    old = (datetime.now(UTC) - timedelta(days=200)).date()
    for table in partitions.SUMS:
        partitions.ensure(table, [old])
    control.partitions()
    assert not [name for table in partitions.SUMS for name in table.existing() if name == table.name(old)]
