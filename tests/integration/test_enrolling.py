"""Tests take regions that were enrolled by heart: they are what the action makes of a name."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import models, transaction
from pytest_django.fixtures import Settings

from probes.actions import enrolment
from probes.models import AuditEntry, Region, RegionEvent, RegionKey
from tests.fakes import enrolling

pytestmark = pytest.mark.django_db

NOW: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)


def left(settings: Settings, home: Path) -> list[Any]:
    """Enrol a region, and return all that this leaves; then let nothing of it have been."""
    settings.KAIROS_REGION_KEYS_DIR = home
    with transaction.atomic():
        before = AuditEntry.objects.count()
        region, keys = enrolling.enrolled("eu-west", now=NOW)
        found = [[told(row) for row in model.objects.order_by("pk")] for model in (Region, RegionKey, RegionEvent)]
        noted = AuditEntry.objects.count() - before
        stored = Region.objects.get()
        assert (region, told(region)) == (stored, told(stored))
        transaction.set_rollback(True)
    return [*found, noted, keys.to_text(), enrolment.key_file("eu-west").read_text()]


def told(row: models.Model) -> dict[str, Any]:
    """Return all values of a row but its numbers."""
    values = {name: value for name, value in vars(row).items() if name not in ("_state", "id", "region_id")}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in values.items()}


def test_region_enrolled_by_heart_is_what_the_action_leaves(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolling, "_known", {})
    by_the_action = left(settings, tmp_path / "first")
    with monkeypatch.context() as forbidden:
        forbidden.setattr(enrolment, "enroll_here", None)
        by_heart = left(settings, tmp_path / "second")
    assert len(by_the_action[0]) == len(by_the_action[1]) == len(by_the_action[2]) == 1
    assert by_heart == by_the_action


def test_action_is_asked_where_it_has_something_to_take_into_account(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    enroll = enrolment.enroll_here

    def ask(slug: str, *, now: datetime) -> tuple[Region, Path]:
        asked.append(slug)
        return enroll(slug, now=now)

    monkeypatch.setattr(enrolling, "_known", {})
    monkeypatch.setattr(enrolment, "enroll_here", ask)
    settings.KAIROS_REGION_KEYS_DIR = tmp_path
    for _ in range(2):
        assert enrolling.enrolled("eu-west", now=NOW)[0] == Region.objects.get()
    assert asked == ["eu-west", "eu-west"]
