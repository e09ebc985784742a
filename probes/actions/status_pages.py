"""Changing public status pages, and announcing something on one."""

from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from probes.models import Announcement, StatusGroup, StatusPage

RowT = TypeVar("RowT", StatusPage, StatusGroup)


def save(row: RowT) -> RowT:
    """Validate and store a new or changed page, or a group on one.

    Raises `ValidationError` by field, and then nothing is stored.
    """
    with transaction.atomic():
        row.full_clean()
        row.save()
    return row


def announce(announcement: Announcement, *, by: Any = None, now: datetime) -> Announcement:
    """Validate and store what somebody announces, or changes of it; who did so first stays its author.

    Raises `ValidationError` by field, and then nothing is stored.
    """
    announcement.changed_at = now
    if not announcement.pk:
        announcement.made_by = by
    with transaction.atomic():
        announcement.full_clean()
        announcement.save()
    return announcement
