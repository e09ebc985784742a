"""Rolling up and thinning out, a few seconds at a time: see `tasks.alone`. The next run goes on where one ended."""

import logging
import time
from datetime import date
from typing import Final

from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from probes.actions import partitions, rollups, thinning

WORK_SECONDS: Final = 3.0
"""So long a run takes up one piece of work after the other; notices wait meanwhile, and for the piece in hand."""

_log = logging.getLogger(__name__)


def sum_up() -> bool:
    """Roll up the hours and days that have ended, then keep what failed of days that are over, while there is time.

    Tell whether there was anything to do.
    """
    now, end = timezone.now(), time.monotonic() + WORK_SECONDS
    rollups.open_units(now=now)
    has_worked = False
    while rollups.advance(now=now):
        has_worked = True
        if time.monotonic() > end:
            return True
    return _thin(now.date(), end) or has_worked


def _thin(today: date, end: float) -> bool:
    """Reduce days that are over to what failed, until `end` by the monotonic clock; tell whether there was one."""
    has_worked = False
    while day := thinning.next_day(today, settings.KAIROS_RETENTION_DAYS):
        try:
            while not thinning.thin_hour(day):
                has_worked = True
                if time.monotonic() > end:
                    return True
        except OperationalError as error:
            if not partitions.is_held(error):
                raise
            _log.warning("what failed on %s waits for its place: somebody reads outcomes, perhaps a backup", day)
            return has_worked
        has_worked = True
        _log.info("kept what failed on %s", day)
    return has_worked
