"""The evidence of one outcome: its document in words, its steps as a ladder.

PURE. Whatever a registry had a say in passes `words.shown`, which bounds it, and the template, which escapes it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.charts import phases
from dashboard.charts.phases import Timing
from dashboard.instants import Told
from dashboard.words import Facts, Look
from probes.protocol.outcome import Outcome

_LONG_HEX: Final = re.compile(r"([0-9a-f]{12})[0-9a-f]{20,}")
_SHOWN_NOTICES: Final = 5


def read(document: Any, now: datetime) -> "Document | None":
    """Return an outcome in words; None for one of another version, or of a region that writes nonsense."""
    try:
        return Document.of(Outcome.from_json(document), now)
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        # Its steps are kept as they came, of whatever type: they are for reading alone.
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder."""

    stage: str
    method: str
    path: str
    url: str
    host: str
    address: str
    answer: str
    is_failed: bool
    total: str
    request_id: str
    bar: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformLine:
    platform: str
    look: Look
    reason: str
    digest: str
    short_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLine:
    host: str
    validity: str
    issuer: str
    is_expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole outcome, in words."""

    look: Look
    reason: str
    code: str
    hint: str
    detail: str
    is_ambiguous: bool
    facts: Facts
    rungs: Sequence[Rung]
    platforms: Sequence[PlatformLine]
    warnings: Sequence[str]
    notices: Sequence[str]
    certificates: Sequence[CertificateLine]

    @classmethod
    def of(cls, outcome: Outcome, now: datetime) -> Self:
        found = outcome.conclusion
        return cls(
            look=Look(found.status),
            reason=words.reason(found.reason),
            code=found.reason,
            hint=words.shown(found.hint or found.reason.meaning.hint, 400),
            detail=words.shown(found.detail, 400),
            is_ambiguous=found.confidence == "ambiguous",
            facts=_facts(outcome, now),
            rungs=_rungs(outcome),
            platforms=[
                PlatformLine(
                    platform=words.shown(item.platform, 100),
                    look=Look(item.status),
                    reason=words.reason(item.reason),
                    digest=words.shown(item.digest, 140),
                    short_digest=words.short_digest(item.digest),
                )
                for item in found.platforms
            ],
            warnings=[words.warning(code) for code in found.warnings],
            notices=[words.shown(notice, 400) for notice in found.notices[:_SHOWN_NOTICES]],
            certificates=[
                CertificateLine(
                    host=words.shown(item.host, 260),
                    validity=_validity(item.not_after, now),
                    issuer=words.shown(item.issuer, 200),
                    is_expired=item.not_after <= now,
                )
                for item in outcome.certificates
            ],
        )


def _facts(outcome: Outcome, now: datetime) -> Facts:
    found, quota = outcome.conclusion, outcome.conclusion.rate_limit
    login = {"none": "", "cached": "token from before", "fresh": "fresh token"}
    facts = (
        ("Began, by its clock", words.moment(outcome.started_at, now)),
        ("Took", words.milliseconds(outcome.duration_ms)),
        ("Failed at", found.stage or ""),
        ("Host", words.shown(found.host, 260)),
        ("Proven to", found.depth or ""),
        ("Requests", f"{outcome.requests}"),
        ("Read", words.counted(outcome.bytes_read, "byte")),
        ("Tries", str(found.attempts) if found.attempts > 1 else ""),
        ("Through the proxy", words.shown(outcome.proxy, 260)),
        ("Login", login.get(found.auth_path, "")),
        ("Next try", Told.of("not before {}", words.moment(found.retry_at, now)) if found.retry_at else ""),
        ("Pull quota left", f"{_or_unknown(quota.remaining)} of {_or_unknown(quota.limit)}" if quota else ""),
        ("Digest", words.shown(found.digest, 140)),
    )
    return [(term, said) for term, said in facts if said]


def _rungs(outcome: Outcome) -> list[Rung]:
    bars = phases.timing_bars(
        [
            Timing(
                total_ms=step.total_ms,
                dns_ms=step.dns_ms,
                connect_ms=step.connect_ms,
                tls_ms=step.tls_ms,
                first_byte_ms=step.first_byte_ms,
            )
            for step in outcome.steps
        ]
    )
    failed = outcome.failed_step
    return [
        Rung(
            stage=step.stage,
            method=words.shown(step.method, 10),
            path=path_of(step.url),
            url=words.shown(step.url, 500),
            host=words.shown(step.host, 260),
            address=words.shown(step.address, 60),
            answer=f"{step.http_status or ''} {words.reason(step.error) if step.error else ''}".strip(),
            is_failed=step is failed,
            total=words.milliseconds(step.total_ms),
            request_id=words.shown(step.request_id, 128),
            bar=bar,
        )
        for step, bar in zip(outcome.steps, bars, strict=True)
    ]


def path_of(url: str) -> str:
    """Return what distinguishes a request: the URL without its host, digests cut short."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return words.shown(_LONG_HEX.sub(r"\1…", f"{parts.path}{query}"), 300)


def _validity(not_after: datetime, now: datetime) -> str:
    date = f"{not_after.day} {not_after:%b %Y}"
    if not_after <= now:
        return f"expired on {date}"
    return f"until {date} ({words.span((not_after - now).total_seconds())} left)"


def _or_unknown(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
