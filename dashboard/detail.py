"""One resource as its page shows it: by region the last whole outcome, and what happened lately.

PURE: rows of the selectors and a moment in, words and charts out. Whatever a registry had a say in passes
`words.shown`, which bounds it, and the template, which escapes it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

from django.utils.safestring import SafeString

from dashboard import charts, words
from dashboard.cells import Face, Seen, differ, look_of, name_of
from dashboard.charts import Tick, Timing
from dashboard.words import Look
from probes.models import MissedSlots, Resource, Verdict
from probes.protocol.outcome import Outcome, Step
from probes.protocol.taxonomy import Status
from probes.selectors.history import Past
from probes.selectors.overview import Cell
from probes.selectors.regions import RegionCondition
from probes.selectors.resources import decision_of

_LEFT_OUT = {
    "paused": "the region is paused",
    "silent": "the region is silent",
    "unchecked": "nothing has come from it yet",
    "stale": "its last result is too old",
    "indeterminate": "its check could not tell",
    "config_error": "the check needs mending",
}
_CONDITIONS = {
    RegionCondition.RETIRED: "retired",
    RegionCondition.ANNOUNCED: "not enrolled",
    RegionCondition.PAUSED: "paused",
    RegionCondition.SILENT: "silent",
    RegionCondition.ACTIVE: "",
}

_LONG_HEX: Final = re.compile(r"([0-9a-f]{12})[0-9a-f]{20,}")

Facts = Sequence[tuple[str, str]]


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
    """The last whole outcome, in words."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCard:
    """A region's part of the page. `document` is None before the first outcome, or if it cannot be read."""

    slug: str
    name: str
    condition: str
    face: Face
    since: str
    digest: str
    document: Document | None
    is_unreadable: bool
    strip: SafeString
    history: str
    missed: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the page says. `reference` is as given, `canonical` as checked."""

    id: int
    name: str
    canonical: str
    registry: str
    look: Look
    since: str
    explanation: Sequence[str]
    schedule: Facts
    digests_differ: bool
    cards: Sequence[RegionCard]


def page(
    resource: Resource,
    cells: Sequence[Cell],
    history: Mapping[int, Sequence[Past]],
    gaps: Sequence[MissedSlots],
    *,
    now: datetime,
) -> Page:
    """Return the page of `resource`; `history` and `gaps` are those of its regions, as `selectors.history` gives."""
    verdict: Verdict | None = getattr(resource, "verdict", None)
    cards = [_card(resource, item, history.get(item.region.pk, ()), gaps, now) for item in cells]
    return Page(
        id=resource.pk,
        name=name_of(resource),
        canonical=words.shown(resource.canonical, 700),
        registry=words.shown(resource.registry.name or resource.registry.host, 260),
        look=look_of(resource, verdict, now),
        since=_since(resource.paused_at or (verdict.since if verdict else None), now),
        explanation=_explanation(verdict),
        schedule=_schedule(resource, now),
        digests_differ=differ((card.face.look, card.digest) for card in cards),
        cards=cards,
    )


def _card(
    resource: Resource,
    cell: Cell,
    history: Sequence[Past],
    gaps: Sequence[MissedSlots],
    now: datetime,
) -> RegionCard:
    region, state = cell.region, cell.state
    outcome = _read(state.document) if state else None
    missed = [gap for gap in gaps if gap.region_id in (None, region.pk)]
    ticks = _ticks(history, missed, now)
    return RegionCard(
        slug=region.slug,
        name=words.shown(region.name, 100) or region.slug,
        condition=_CONDITIONS[cell.condition],
        face=Face.of(
            Seen(status=state.status, reason=state.reason, slot=state.last_slot) if state else None,
            condition=cell.condition,
            is_paused=resource.is_paused,
            interval_seconds=resource.interval_seconds,
            now=now,
        ),
        since=_since(state.since if state else None, now),
        digest=words.shown(state.digest, 140) if state else "",
        document=Document.of(outcome, now) if outcome else None,
        is_unreadable=state is not None and outcome is None,
        strip=charts.strip(ticks, label=f"From {region.slug}"),
        history=charts.told(ticks),
        missed=[_missed(gap, now) for gap in missed],
    )


def _read(document: Any) -> Outcome | None:
    try:
        return Outcome.from_json(document)
    except ValueError:  # written by another version than this one
        return None


def _explanation(verdict: Verdict | None) -> list[str]:
    decision = decision_of(verdict) if verdict else None
    if decision is None:
        return ["No region has reported yet."]
    regions = words.counted(decision.counted + len(decision.left_out), "region has", "regions have")
    good = decision.counted - decision.failing
    said = [f"{decision.counted} of {regions} a vote: {good} good, {decision.failing} not."]
    said += [
        f"{region} has none: {_LEFT_OUT.get(cause, cause)}." for region, cause in sorted(decision.left_out.items())
    ]
    return said


def _schedule(resource: Resource, now: datetime) -> Facts:
    due = "paused" if resource.is_paused else words.ahead(resource.next_due_at, now)
    return [
        ("Checked", words.every(resource.interval_seconds)),
        ("Next check", due),
        ("Depth", resource.depth or "automatic"),
        ("Platforms", words.shown(", ".join(resource.platforms), 400)),
        ("Registry", words.shown(resource.registry.host, 260)),
    ]


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
        ("Login", login.get(found.auth_path, "")),
        ("Next try", f"not before {words.moment(found.retry_at, now)}" if found.retry_at else ""),
        ("Pull quota left", f"{_or_unknown(quota.remaining)} of {_or_unknown(quota.limit)}" if quota else ""),
        ("Digest", words.shown(found.digest, 140)),
    )
    return [(term, said) for term, said in facts if said]


def _rungs(outcome: Outcome) -> list[Rung]:
    bars = charts.timing_bars(
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
    failed = _failed(outcome)
    return [
        Rung(
            stage=step.stage,
            method=words.shown(step.method, 10),
            path=_path(step.url),
            url=words.shown(step.url, 500),
            host=words.shown(step.host, 260),
            address=words.shown(step.address, 60),
            answer=f"{step.http_status or ''} {words.shown(step.error, 100).replace('_', ' ')}".strip(),
            is_failed=step is failed,
            total=words.milliseconds(step.total_ms),
            bar=bar,
        )
        for step, bar in zip(outcome.steps, bars, strict=True)
    ]


def _path(url: str) -> str:
    """Return what distinguishes a request: the URL without its host, digests cut short."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return words.shown(_LONG_HEX.sub(r"\1…", f"{parts.path}{query}"), 300)


def _failed(outcome: Outcome) -> Step | None:
    """Return the last step at the failed host that did not succeed, if the failure was on the wire."""
    if outcome.status is Status.AVAILABLE:
        return None
    at_host = [step for step in outcome.steps if step.host == outcome.conclusion.host]
    bad = [step for step in at_host if step.error or not 200 <= (step.http_status or 0) < 400]
    return next(reversed(bad or at_host), None)


def _ticks(history: Sequence[Past], missed: Sequence[MissedSlots], now: datetime) -> list[Tick]:
    dated = [
        (
            past.slot,
            Tick(
                look=Look(past.status),
                text=f"{words.moment(past.slot, now)}: {words.reason(past.reason)}"
                f", {words.milliseconds(past.duration_ms)}",
            ),
        )
        for past in history
    ]
    oldest = history[0].slot if history else None
    dated += [
        (gap.last_slot, Tick(look=None, text=_missed(gap, now)))
        for gap in missed
        if oldest is None or gap.last_slot > oldest
    ]
    return [tick for _, tick in sorted(dated, key=lambda item: item[0])]


def _missed(gap: MissedSlots, now: datetime) -> str:
    when = words.moment(gap.first_slot, now)
    if gap.count > 1:
        when = f"{when} to {words.moment(gap.last_slot, now)}"
    return f"{when}: {words.counted(gap.count, 'check')} missed, {words.missed(gap.cause)}"


def _since(then: datetime | None, now: datetime) -> str:
    return words.since(then, now) if then else ""


def _validity(not_after: datetime, now: datetime) -> str:
    date = f"{not_after.day} {not_after:%b %Y}"
    if not_after <= now:
        return f"expired on {date}"
    return f"until {date} ({words.span((not_after - now).total_seconds())} left)"


def _or_unknown(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
