"""What expires: certificates of the hosts on the way, client certificates, and logins whose end is known.

It is told at 30, 14, 7 and 1 days before, and when it has happened, each once for what expires and when: something
that was renewed has another end, and starts anew. Whoever learns of it late is told what holds then, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from probes.policy.happenings import SEVERITIES, EventKind, Happening
from probes.policy.terms import Severity
from probes.protocol.outcome import rfc3339

STEPS_DAYS: Final = (30, 14, 7, 1)
HORIZON: Final = timedelta(days=STEPS_DAYS[0])
"""Nothing is said of what expires later than this."""

_EXPIRED: Final = {
    EventKind.CERTIFICATE_EXPIRING: EventKind.CERTIFICATE_EXPIRED,
    EventKind.CLIENT_CERTIFICATE_EXPIRING: EventKind.CLIENT_CERTIFICATE_EXPIRED,
    EventKind.CREDENTIAL_EXPIRING: EventKind.CREDENTIAL_EXPIRED,
}
_NEAR_DAYS: Final = {30: Severity.INFO, 14: Severity.WARNING, 7: Severity.WARNING, 1: Severity.CRITICAL}


def step_days(not_after: datetime, *, now: datetime) -> int | None:
    """Return the last step that was reached: 30, 14, 7 or 1 days, 0 when it has expired; None before all of them."""
    left = not_after - now
    if left <= timedelta(0):
        return 0
    return next((days for days in reversed(STEPS_DAYS) if left <= timedelta(days=days)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCertificate:
    """The certificate that a host showed, wherever it was seen: to these regions, on the way to these registries.

    `registries` are (id, host), in order.
    """

    host: str
    not_after: datetime
    issuers: Sequence[str]
    regions: Sequence[str]
    registries: Sequence[tuple[int, str]]


def of_host(shown: HostCertificate, *, now: datetime) -> Happening | None:
    """Return what there is to tell about a host's certificate; the registry it names is the first of several."""
    issuers = "; ".join(shown.issuers)
    what = f"The certificate of {shown.host}{f' by {issuers}' if issuers else ''}"
    found = _ending(EventKind.CERTIFICATE_EXPIRING, shown.host, what, shown.not_after, now)
    return found and replace(
        found,
        registry=shown.registries[0][0],
        region=shown.regions[0] if len(shown.regions) == 1 else "",
        facts={
            **found.facts,
            "host": shown.host,
            "issuer": issuers,
            "regions": list(shown.regions),
            "registries": [host for _, host in shown.registries],
        },
    )


def of_client(registry: int, host: str, subject: str, not_after: datetime, *, now: datetime) -> Happening | None:
    """Return what there is to tell about the client certificate that a registry is shown."""
    what = f"The client certificate for {host}"
    found = _ending(EventKind.CLIENT_CERTIFICATE_EXPIRING, str(registry), what, not_after, now)
    return found and replace(found, registry=registry, facts={**found.facts, "host": host, "subject": subject})


def of_credential(credential: int, name: str, expires_at: datetime, *, now: datetime) -> Happening | None:
    """Return what there is to tell about a login."""
    what = f"The credential {name}"
    found = _ending(EventKind.CREDENTIAL_EXPIRING, str(credential), what, expires_at, now)
    return found and replace(found, credential=credential)


def _ending(expiring: EventKind, subject: str, what: str, not_after: datetime, now: datetime) -> Happening | None:
    step = step_days(not_after, now=now)
    if step is None:
        return None
    kind = expiring if step else _EXPIRED[expiring]
    on = f"{not_after.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Happening(
        kind=kind,
        key=f"{expiring}:{subject}:{rfc3339(not_after)}:{step}",
        at=now,
        severity=_NEAR_DAYS[step] if step else SEVERITIES[kind],
        text=f"{what} {f'expires in {_left(not_after - now)}, on {on}' if step else f'expired on {on}'}.",
        facts={"not_after": rfc3339(not_after), "step_days": step},
    )


def _left(left: timedelta) -> str:
    """Return `7 days`, `1 day`, or `5 hours`: whole hours, of which a part counts as one."""
    hours = -(-left // timedelta(hours=1))
    count, unit = (hours // 24, "day") if hours >= 24 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"
