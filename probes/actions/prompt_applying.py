"""Applying while somebody waits for the answer of a web process: nothing is waited for, and it ends in time."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from probes.actions import acting, applying
from probes.actions.applying import Applied, ApplyRefused
from probes.policy.audit import Via
from probes.policy.declared import telling
from probes.policy.declared.kinds import Kind
from probes.policy.declared.planning import Verb, Wishes
from probes.policy.declared.reading import Fault, Reading
from probes.policy.declared.secrets import Refusing
from probes.policy.delivery import ChannelKind

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of documents in one request. Whoever has more applies files by the command."""

MOST_SECONDS: Final = 50
"""From when the documents are there until all is stored. Proxies wait for a minute, as a rule."""

RETRY_SECONDS: Final = 10
"""After which to ask again where somebody else applies."""

_NO_ORIGINS: Final = Refusing(
    "Where documents come from elsewhere no secret is looked up here. Leave it out and what is stored stays; set it "
    "over the API, in the admin or by the command."
)
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
    is_superuser: bool = False,
) -> Applied:
    """Apply as `applying.apply` does, but wait for nobody, and not for long.

    With `shown`, the `fingerprint` of a dry run, nothing else than that is done. What only a superuser may set is
    refused to whoever is none, as by its own routes. Raises `ApplyRefused`,
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
            reading,
            wishes,
            now=now,
            dry_run=dry_run,
            resolve=_NO_ORIGINS,
            progress=look_at_the_clock,
            waiting=_refuse,
        )
        look_at_the_clock("", 0, 0)
        if not is_superuser and (faults := list(_for_superusers(applied))):
            raise ApplyRefused(faults)
        if shown is not None and fingerprint(applied) != shown:
            raise NotAsShown
    return applied


def _for_superusers(applied: Applied) -> Iterator[Fault]:
    """Yield what is done that takes a superuser: a channel of Apprise dials wherever its URL leads."""
    for change in applied.plan.of(Verb.CREATE, Verb.UPDATE):
        thing = change.declared
        if thing is not None and thing.kind is Kind.CHANNEL and thing.values["kind"] == ChannelKind.APPRISE:
            yield thing.fault("Apprise dials wherever its URL leads: only a superuser may set it.", "kind")


def _refuse() -> None:
    raise AnotherApplies


def fingerprint(applied: Applied) -> str:
    """Return what stands for what a dry run tells."""
    return telling.fingerprint(applied.foreseen, makes_source=applied.makes_source, kept=applied.kept)
