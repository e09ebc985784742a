"""Applying while somebody waits for the answer of a web process: nothing is waited for, and it ends in time."""

import time
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from probes.actions import acting, applying
from probes.actions.applying import Applied
from probes.policy.audit import Via
from probes.policy.declared import telling
from probes.policy.declared.planning import Wishes
from probes.policy.declared.reading import Reading

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of documents in one request: some 30,000 images. Whoever has more applies files by the command."""

MOST_SECONDS: Final = 50
"""From when the documents are there until all is stored. Proxies wait for a minute, as a rule."""

RETRY_SECONDS: Final = 10
"""After which to ask again where somebody else applies."""

_BOUND: Final = "SELECT set_config('statement_timeout', %s, true)"


class AnotherApplies(Exception):
    """Somebody else is applying at this moment. Nothing was done."""


class TooMuch(Exception):
    """It is not done after `MOST_SECONDS`. Nothing was."""


class NotAsShown(Exception):
    """What would be done now is not what somebody was shown. Nothing was done."""


def apply(
    reading: Reading,
    wishes: Wishes,
    *,
    now: datetime,
    note: str = "",
    dry_run: bool = False,
    shown: str | None = None,
) -> Applied:
    """Apply as `applying.apply` does, but wait for nobody, and not for long.

    With `shown`, the `fingerprint` of a dry run, nothing else than that is done. Raises `ApplyRefused`,
    `AnotherApplies`, `TooMuch` and `NotAsShown`. The audit log has it as applied, by whoever acts.
    """
    end = time.monotonic() + MOST_SECONDS

    def look_at_the_clock(_word: str, _done: int, _count: int) -> None:
        if time.monotonic() > end:
            raise TooMuch

    source = wishes.source.name if wishes.source else ""
    with acting.coming_by(Via.APPLY), applying.noted(source, note), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_BOUND, [f"{MOST_SECONDS}s"])
        applied = applying.apply(
            reading, wishes, now=now, dry_run=dry_run, progress=look_at_the_clock, waiting=_refuse
        )
        look_at_the_clock("", 0, 0)
        if shown is not None and fingerprint(applied) != shown:
            raise NotAsShown
    return applied


def _refuse() -> None:
    raise AnotherApplies


def fingerprint(applied: Applied) -> str:
    """Return what stands for what is told of a plan."""
    return telling.fingerprint(applied.plan, makes_source=applied.makes_source, kept=applied.kept)
