"""Changing public status pages, and announcing something on one."""

from datetime import datetime
from typing import Any

from django.db import transaction

from probes.models import Announcement, StatusPage


def save(page: StatusPage) -> StatusPage:
    """Validate and store a new or changed page. Raises `ValidationError` by field, and then nothing is stored."""
    with transaction.atomic():
        page.full_clean()
        page.save()
    return page


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
