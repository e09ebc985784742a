"""One resource as its page shows it: how it is, and by region the last whole outcome with what happened lately.

PURE: rows of the selectors and a moment in, words and charts out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.cells import (
    Face,
    face_of,
    look_of,
    name_of,
    next_check,
    region_name,
    unlisted_told,
    verdict_look,
    vote_told,
    work_told,
)
from dashboard.charts import ticks
from dashboard.charts.ticks import Tick
from dashboard.image import evidence
from dashboard.image.evidence import Document
from dashboard.instants import Told
from dashboard.region_words import CONDITIONS, RegionView, view
from dashboard.words import Facts, Look
from probes.models import Endpoint, MaintenanceOccurrence, MissedSlots, RegionState, Resource, Verdict
from probes.policy.liveness import RegionCondition
from probes.selectors.history import Past
from probes.selectors.overview import Cell
from probes.selectors.regions import NO_VITALS, Vitals
from probes.selectors.resources import decision_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCard:
    """A region's part of the page. `document` is None before the first outcome, or if it cannot be read."""

    slug: str
    name: str
    condition: str
    region: RegionView
    face: Face
    since: str
    document: Document | None
    is_unreadable: bool
    strip: SafeString
    history: str
    vote: str
    missed: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The head of the page. `canonical` is the reference as checked, `beneath` the verdict under planned work."""

    id: int
    is_endpoint: bool
    name: str
    canonical: str
    registry: str
    look: Look
    since: str
    beneath: Look | None
    sentence: str
    unlisted: str
    explanation: Sequence[str]
    schedule: Facts


def page(resource: Resource, *, work: MaintenanceOccurrence | None = None, now: datetime) -> Page:
    """Return the head of the page of `resource`; `work` is what is planned and on now."""
    verdict: Verdict | None = getattr(resource, "verdict", None)
    look = look_of(resource, verdict, now, work=work)
    return Page(
        id=resource.pk,
        is_endpoint=resource.is_endpoint,
        name=name_of(resource),
        canonical=words.shown(resource.canonical, 700),
        registry=words.shown(resource.registry.name or resource.registry.host, 260),
        look=look,
        since=work_told(work, now) if work and look is Look.MAINTENANCE else _held_since(resource, verdict, now),
        beneath=verdict_look(verdict, now) if look is Look.MAINTENANCE else None,
        sentence=_sentence(verdict),
        unlisted=_unlisted(resource, now),
        explanation=_explanation(verdict),
        schedule=_schedule(resource, now),
    )


def cards(
    resource: Resource,
    cells: Sequence[Cell[RegionState]],
    history: Mapping[int, Sequence[Past]],
    gaps: Sequence[MissedSlots],
    vitals: Mapping[int, Vitals],
    *,
    now: datetime,
) -> list[RegionCard]:
    """Return the part of each region, in the order of the cells; all but them is what is known of their regions."""
    return [_card(resource, item, history.get(item.region.pk, ()), gaps, vitals, now=now) for item in cells]


def _card(
    resource: Resource,
    cell: Cell[RegionState],
    history: Sequence[Past],
    gaps: Sequence[MissedSlots],
    vitals: Mapping[int, Vitals],
    *,
    now: datetime,
) -> RegionCard:
    region, state = cell.region, cell.state
    document = evidence.read(state.document, now) if state else None
    missed = [gap for gap in gaps if gap.region_id in (None, region.pk)]
    checks = _ticks(history, missed, now)
    return RegionCard(
        slug=region.slug,
        name=region_name(region),
        condition="" if cell.condition is RegionCondition.ACTIVE else CONDITIONS[cell.condition],
        region=view(region, vitals.get(region.pk, NO_VITALS), now),
        face=face_of(resource, cell, now),
        since=_since(state.since if state else None, now),
        document=document,
        is_unreadable=state is not None and document is None,
        strip=ticks.strip(checks, label=f"From {region.slug}"),
        history=ticks.told(checks),
        vote=vote_told(state, cell.terms) if state else "",
        missed=[_missed(gap, now) for gap in missed],
    )


def _held_since(resource: Resource, verdict: Verdict | None, now: datetime) -> str:
    return _since(resource.retired_at or resource.paused_at or (verdict.since if verdict else None), now)


def _sentence(verdict: Verdict | None) -> str:
    """Return the verdict in a sentence, as it was explained when it was made."""
    said = words.shown(verdict.explanation, 500) if verdict else ""
    return f"{said[:1].upper()}{said[1:]}." if said else "No region has reported yet."


def _unlisted(resource: Resource, now: datetime) -> str:
    """Return what has become of something that its source lists no more, in a sentence; empty where it does."""
    if not (since := unlisted_told(resource, now)):
        return ""
    source = words.shown(resource.managed_by.name, 100) if resource.managed_by else ""
    beginning = f"{source} lists it no more, {since}" if source else f"Its source lists it no more, {since}"
    fate = "" if resource.is_retired else ": it is still checked, and is retired unless it is listed again"
    return f"{beginning}{fate}."


def _explanation(verdict: Verdict | None) -> list[str]:
    decision = decision_of(verdict) if verdict else None
    if decision is None:
        return []
    regions = words.counted(decision.counted + len(decision.left_out), "region has", "regions have")
    good = decision.counted - decision.failing
    said = [f"{decision.counted} of {regions} a vote: {good} good, {decision.failing} not."]
    said += [
        f"{region} has none: {words.LEFT_OUT.get(cause, cause)}."
        for region, cause in sorted(decision.left_out.items())
    ]
    return said


def _schedule(resource: Resource, now: datetime) -> Facts:
    times = [("Checked", words.every(resource.every_seconds)), ("Next check", next_check(resource, now))]
    host = words.shown(resource.registry.host, 260)
    if resource.is_endpoint:
        return [*times, *_expected(Endpoint.of(resource)), ("Host", host)]
    return [
        *times,
        ("Depth", resource.depth or "automatic"),
        ("Platforms", words.shown(", ".join(resource.platforms), 400)),
        ("Registry", host),
    ]


def _expected(endpoint: Endpoint) -> Facts:
    """Return what is asked and expected. Neither headers nor body: who may look here may not change them."""
    value = f"{endpoint.json_path} = {endpoint.json_equals}" if endpoint.json_equals else endpoint.json_path
    facts = (
        ("Asked by", endpoint.method),
        ("Statuses", endpoint.statuses),
        ("Contains", endpoint.contains),
        ("Matches", endpoint.matches),
        ("JSON", value),
        ("Within", words.milliseconds(endpoint.latency_ms) if endpoint.latency_ms else ""),
        (
            "Certificate good for",
            words.counted(endpoint.certificate_days, "day") if endpoint.certificate_days else "",
        ),
    )
    return [(term, words.shown(said, 400)) for term, said in facts if said]


def _ticks(history: Sequence[Past], missed: Sequence[MissedSlots], now: datetime) -> list[Tick]:
    dated = [(past.slot, _tick(past, now)) for past in history]
    oldest = history[0].slot if history else None
    dated += [
        (gap.last_slot, Tick(look=None, text=_missed(gap, now)))
        for gap in missed
        if oldest is None or gap.last_slot > oldest
    ]
    return [tick for _, tick in sorted(dated, key=lambda item: item[0])]


def _tick(past: Past, now: datetime) -> Tick:
    said = f"{words.moment(past.slot, now)} UTC: {words.reason(past.reason)}, {words.milliseconds(past.duration_ms)}"
    if past.egress_down:
        return Tick(look=Look.EGRESS_DOWN, text=f"{said}; the region reached nothing at all, so it does not count")
    return Tick(look=Look(past.status), text=said)


def _missed(gap: MissedSlots, now: datetime) -> str:
    when: Told = words.moment(gap.first_slot, now)
    if gap.count > 1:
        when = Told.of("{} to {}", when, words.moment(gap.last_slot, now))
    missed = f"{words.counted(gap.count, 'check')} missed, {words.missed(gap.cause, gap.stride)}"
    return Told.of("{}: {}", when, missed)


def _since(then: datetime | None, now: datetime) -> str:
    return words.since(then, now) if then else ""
