"""What failed is kept longer than the rest of its day."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from pytest_django.fixtures import Settings

from probes import tasks
from probes.actions import partitions, thinning
from probes.models import MissedSlots, Outcome, Resource, RollUpProgress
from probes.policy.slots import MissedCause
from probes.protocol.taxonomy import Status
from probes.tasks import summing
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OLD = timedelta(days=20)
BRIEF_SECONDS = 8  # a lock is waited for a second here, and for ten elsewhere


def outcome(resource: Resource, region: int, slot: datetime, status: Status, document: object) -> Outcome:
    return Outcome(
        resource=resource,
        region_id=region,
        slot=slot,
        checked_at=slot,
        batch=uuid4(),
        duration_ms=1,
        status=status,
        reason="why",
        confidence="definite",
        document=document,
    )


@pytest.fixture
def old_day(now: datetime, regions: Regions, make_images: MakeImages) -> datetime:
    """Midnight of a day three weeks ago, with an outcome of each status each hour."""
    (image,) = make_images()
    midnight = (now - OLD).replace(hour=0)
    partitions.ensure(partitions.OUTCOMES, [midnight.date()])
    region = regions["eu-west"].row.pk
    Outcome.objects.bulk_create(
        outcome(image, region, midnight + timedelta(hours=hour, minutes=minute), status, {"steps": [hour]})
        for hour in range(24)
        for minute, status in enumerate(Status)
    )
    Outcome.objects.bulk_create([outcome(image, region, midnight + timedelta(minutes=50), Status.UNAVAILABLE, None)])
    RollUpProgress.objects.create(unit="hour", starts_at=now - timedelta(hours=2), finished_at=now)
    return midnight


def thin(day: datetime) -> int:
    calls = 1
    while not thinning.thin_hour(day.date()):
        calls += 1
    return calls


def test_failures_of_a_day_are_kept_with_their_documents_and_nothing_else(now: datetime, old_day: datetime) -> None:
    before = {
        item.pk: item.document for item in Outcome.objects.filter(status__in=thinning.FAILURES) if item.document
    }
    assert len(before) == 24 * 3
    assert thinning.next_day(now.date(), 14) == old_day.date()
    thin(old_day)
    assert {
        item.pk: item.document for item in Outcome.objects.filter(slot__gte=old_day, slot__lt=old_day + DAY)
    } == before
    assert thinning.next_day(now.date(), 14) is None
    assert f"{partitions.OUTCOMES.name(old_day.date())}_failures" in partitions.OUTCOMES.existing()


def test_copy_that_was_interrupted_goes_on(now: datetime, old_day: datetime) -> None:
    for _ in range(5):
        assert not thinning.thin_hour(old_day.date())
    assert Outcome.objects.filter(slot__lt=old_day + DAY).count() == 24 * 5 + 1, "what is whole is still there"
    assert thin(old_day) == 24 - 5 + 1
    assert Outcome.objects.filter(slot__lt=old_day + DAY).count() == 24 * 3


def test_copy_waits_for_its_place_while_a_backup_reads_and_keeps_nobody_waiting(
    now: datetime, old_day: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Reports would wait behind it, each ten seconds for ten seconds: that is how often it is tried."""
    monkeypatch.setattr(summing, "WORK_SECONDS", 60)  # first come hours that are to be rolled up
    for _ in range(24):
        assert not thinning.thin_hour(old_day.date())
    backup = connection.copy()
    try:
        backup.set_autocommit(False)
        with backup.cursor() as cursor:
            cursor.execute("LOCK TABLE probes_outcome IN ACCESS SHARE MODE")
        began = time.monotonic()
        with pytest.raises(OperationalError) as held:
            thinning.thin_hour(old_day.date())
        assert time.monotonic() - began < BRIEF_SECONDS
        assert partitions.is_held(held.value)
        tasks.rollup()
        assert "waits for its place" in caplog.text
        assert thinning.next_day(now.date(), 14) == old_day.date()
    finally:
        backup.rollback()
        backup.close()
    assert thinning.thin_hour(old_day.date())


def test_day_that_is_kept_whole_is_left_alone(now: datetime, old_day: datetime) -> None:
    assert thinning.next_day(now.date(), OLD.days) is None
    assert thinning.next_day(now.date(), OLD.days - 1) == old_day.date()


def test_day_that_is_not_rolled_up_stays_whole(now: datetime, old_day: datetime) -> None:
    """After weeks without a control plane its last hours are still to be summed up."""
    RollUpProgress.objects.create(unit="hour", starts_at=old_day + timedelta(hours=30))
    assert thinning.next_day(now.date(), 14) is None
    RollUpProgress.objects.update(finished_at=now)
    assert thinning.next_day(now.date(), 14) == old_day.date()
    RollUpProgress.objects.all().delete()
    assert thinning.next_day(now.date(), 14) is None


def test_thinned_day_is_a_partition_like_any_other(now: datetime, old_day: datetime) -> None:
    thin(old_day)
    name = f"{partitions.OUTCOMES.name(old_day.date())}_failures"
    assert partitions.ensure(partitions.OUTCOMES, [old_day.date()]) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid"
            " WHERE relkind = 'i' AND relname LIKE %s",
            [f"{name}%"],
        )
        assert cursor.fetchone() == (6,)
    assert partitions.drop_partitions(now.date(), 90) == []
    assert partitions.drop_partitions((now + 71 * DAY).date(), 90) == [name]


def test_task_thins_and_drops_by_the_settings(
    now: datetime, old_day: datetime, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summing, "WORK_SECONDS", 60)  # first come hours that are to be rolled up
    settings.KAIROS_RETENTION_DAYS = 14
    settings.KAIROS_FAILURES_RETENTION_DAYS = 90
    ancient = (datetime.now(UTC) - timedelta(days=95)).date()
    partitions.ensure(partitions.OUTCOMES, [ancient])
    tasks.rollup()
    tasks.partitions()
    names = partitions.OUTCOMES.existing()
    assert f"{partitions.OUTCOMES.name(old_day.date())}_failures" in names
    assert not any(name.startswith(partitions.OUTCOMES.name(ancient)) for name in names)


def test_day_that_is_too_old_waits_while_a_backup_reads_and_all_else_is_tidied_up(
    make_images: MakeImages, caplog: pytest.LogCaptureFixture
) -> None:
    """Reports would wait behind it, and whatever else is kept for a while only would be kept as long as it reads."""
    ancient = datetime.now(UTC) - timedelta(days=95)
    partitions.ensure(partitions.OUTCOMES, [ancient.date()])
    name = partitions.OUTCOMES.name(ancient.date())
    (image,) = make_images()
    MissedSlots.objects.create(resource=image, first_slot=ancient, last_slot=ancient, cause=MissedCause.DOWNTIME)
    backup = connection.copy()
    try:
        backup.set_autocommit(False)
        with backup.cursor() as cursor:
            cursor.execute("LOCK TABLE probes_outcome IN ACCESS SHARE MODE")
        began = time.monotonic()
        tasks.partitions()
        assert time.monotonic() - began < BRIEF_SECONDS
        assert "what is too old of probes_outcome waits" in caplog.text
        assert name in partitions.OUTCOMES.existing()
        assert not MissedSlots.objects.exists()
    finally:
        backup.rollback()
        backup.close()
    tasks.partitions()
    assert name not in partitions.OUTCOMES.existing()
