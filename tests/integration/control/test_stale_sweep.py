"""What a source lists no more: checked for a while, then retired, never deleted."""

from datetime import datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from probes.actions import staleness
from probes.models import Resource
from probes.tasks import control as tasks
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def states() -> dict[str, tuple[bool, bool]]:
    """Return by tag whether a resource is stale, and whether it is retired."""
    rows = Resource.objects.values_list("tag", "stale_at", "retired_at")
    return {tag: (stale is not None, retired is not None) for tag, stale, retired in rows}


def test_upkeep_retires_what_is_stale_for_longer_than_the_grace(
    now: datetime, regions: Regions, make_images: MakeImages, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KAIROS_STALE_GRACE_DAYS = 7
    listed, missing, gone = make_images(3)
    for tag, image in (("listed", listed), ("missing", missing), ("gone", gone)):
        Resource.objects.filter(pk=image.pk).update(tag=tag)
    staleness.mark_stale([gone.pk], now=now - 8 * DAY)
    staleness.mark_stale([missing.pk], now=now - 6 * DAY)
    monkeypatch.setattr("probes.tasks.control.timezone.now", lambda: now)
    tasks.partitions()
    assert states() == {"listed": (False, False), "missing": (True, False), "gone": (True, True)}
    gone.refresh_from_db()
    assert gone.is_paused
    tasks.partitions()
    assert Resource.objects.count() == 3
