"""Examples of dry runs, made of what they are made of otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.serializers.dry_run import shown
from probes.models import Resource
from probes.policy.incidents import Cause, Level
from probes.policy.intervals import Interval
from probes.policy.replay import Outage, balance
from probes.policy.terms import Terms
from probes.protocol.outcome import rfc3339
from probes.selectors.replays import DryRun, Replayed

_DAY: Final = Interval(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
_MINUTE: Final = timedelta(minutes=1)


def asked() -> dict[str, Any]:
    return {
        "terms": {"failures": 2},
        "resource": "shop",
        "since": rfc3339(_DAY.start),
        "until": rfc3339(_DAY.end),
    }


def found() -> dict[str, Any]:
    began_at = _DAY.start + 600 * _MINUTE
    outage = Outage(
        worst=Level.UNAVAILABLE,
        began_at=began_at,
        opened_at=began_at + 5 * _MINUTE,
        resolved_at=began_at + 10 * _MINUTE,
        cause=Cause.RECOVERED,
    )
    replayed = Replayed(
        resource=Resource(pk=42, slug="shop"),
        terms=Terms(failures=2),
        would_be=[outage],
        was=[],
        would_come_to=balance([outage], over=_DAY),
        came_to=balance([], over=_DAY),
    )
    return shown(DryRun(over=_DAY, replayed=[replayed], is_complete=True, outcomes=864))
