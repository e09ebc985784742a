"""Regions in words: how each is, what it does, and what it says that no other does. PURE: rows in, words out."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dashboard import words
from dashboard.cells import name_of, region_name
from dashboard.instants import Told
from dashboard.region_words import CONDITIONS, look_of, view
from dashboard.side_by_side import others_of, share_of
from dashboard.words import Facts, Look
from probes.models import Region, RegionEvent, RegionKey
from probes.policy.latency import Timed
from probes.policy.liveness import SILENT_AFTER, RegionCondition
from probes.policy.rollup import Rolled
from probes.protocol.egress import CanaryRound
from probes.selectors import workers
from probes.selectors.region_pages import Dissent, Failing, Missed
from probes.selectors.regions import Vitals

_OPINIONS: Final = {"good": (Look.AVAILABLE, "good"), "bad": (Look.UNAVAILABLE, "bad")}
_EVENT_LOOKS: Final = {
    RegionCondition.SILENT: Look.SILENT,
    RegionCondition.EGRESS_DOWN: Look.EGRESS_DOWN,
    RegionCondition.LATE: Look.DEGRADED,
    RegionCondition.ACTIVE: Look.AVAILABLE,
    RegionCondition.PAUSED: Look.PAUSED,
    RegionCondition.DRAINING: Look.PAUSED,
    RegionCondition.RETIRED: Look.RETIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A region in the list. `failing` is empty where nothing fails as seen from there.

    `lapsed` likewise is of what failed when it was last checked from there, which counts no more.
    """

    slug: str
    name: str
    look: Look
    condition: str
    since: str
    facts: Facts
    failing: str
    lapsed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker as it was last heard. `look` is None of one that does as it should."""

    name: str
    version: str
    heard: str
    look: Look | None
    in_flight: str
    load: str
    queue: str
    clock: str
    waiting: str
    dropped: str
    refused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """How one canary answered."""

    host: str
    look: Look
    answer: str
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a region: a mark of its public half, and how far it has come into use."""

    mark: str
    made: str
    used: str
    counts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """Something that the region says and no other does. `own` and `others` are what is said, with their looks."""

    resource_id: int
    name: str
    registry: str
    look: Look | None
    own: str
    others_look: Look | None
    others: str
    why: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a region's condition."""

    at: datetime
    moment: str
    look: Look | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """How many slots have no outcome for one cause, and when the last of them was."""

    count: str
    why: str
    last: str


def cards(
    rows: Iterable[Region], vitals: Mapping[int, Vitals], failing: Mapping[int, Failing], now: datetime
) -> list[Card]:
    """Return regions as the list shows them, in the order given."""
    return [card(row, vitals[row.pk], failing.get(row.pk, Failing()), now) for row in rows]


def card(region: Region, vitals: Vitals, failing: Failing, now: datetime) -> Card:
    least = "" if failing.is_complete else "at least "
    living = workers.living(region, now=now)
    facts = {
        "Heard": words.ago(region.last_seen_at, now) if region.last_seen_at else "not yet",
        "Workers": f"{len(living):,}" if living else "",
        "Version": _versions(living),
        **dict(view(region, vitals, now).facts),
    }
    if len(living) > 1:
        facts["Workers"] = dict(view(region, vitals, now).facts).get("Workers", facts["Workers"])
    if region.latitude is not None and region.longitude is not None:
        facts["Place"] = place(region.latitude, region.longitude)
    return Card(
        slug=region.slug,
        name=region_name(region),
        look=look_of(region),
        condition=CONDITIONS[region.condition],
        since=words.since(region.condition_since, now) if region.condition_since else "",
        facts=[(term, said) for term, said in facts.items() if said],
        failing=f"{least}{words.counted(failing.now, 'image fails', 'images fail')} from there"
        if failing.now
        else "",
        lapsed=f"{least}{words.counted(failing.lapsed, 'image')} failed when last checked, which counts no more"
        if failing.lapsed
        else "",
    )


def place(latitude: float, longitude: float) -> str:
    """Return coordinates for reading: `50.1° N, 8.7° E`."""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.1f}° {north}, {abs(longitude):.1f}° {east}"


def crew(vitals: Vitals, now: datetime) -> list[Worker]:
    """Return the workers of a region, the one that was heard last first."""
    return [_worker(item, now) for item in vitals.workers]


def canaries(found: CanaryRound | None) -> list[Canary]:
    """Return how each canary answered; none where none was asked."""
    return [
        Canary(
            host=words.shown(item.url, 300).partition("://")[2].partition("/")[0],
            look=Look.AVAILABLE if item.answered else Look.UNAVAILABLE,
            answer=f"answered {item.http_status}" if item.answered else words.reason(words.shown(item.error, 40)),
            took=words.milliseconds(item.total_ms),
        )
        for item in (found.canaries if found else ())
    ]


def keys(rows: Iterable[RegionKey], now: datetime) -> list[Key]:
    """Return the keys of a region, the newest first."""
    return [_key(row, now) for row in rows]


def losses(rows: Iterable[Missed], now: datetime) -> list[Loss]:
    """Return what was missed by cause."""
    return [
        Loss(
            count=f"{row.count:,}",
            why=words.missed(row.cause, row.stride),
            last=words.clock(row.last_slot, now),
        )
        for row in rows
    ]


def dissents(rows: Iterable[Dissent], now: datetime) -> list[Alone]:
    """Return what the region says alone, in the order given."""
    return [_alone(row, now) for row in rows]


def changes(rows: Iterable[RegionEvent], now: datetime) -> list[Change]:
    """Return what happened to a region, in the order given."""
    return [_change(row, now) for row in rows]


def day(rolled: Rolled) -> Facts:
    """Return what a region found in a day, of everything that it sees; nothing where nothing is rolled up."""
    if not rolled.outcomes:
        return []
    p50, p95 = rolled.percentile_ms(Timed.CHECK, 50), rolled.percentile_ms(Timed.CHECK, 95)
    found = (
        ("Checks", f"{sum(rolled.outcomes.values()):,}"),
        ("Not available", ", ".join(others_of(rolled)) or "none"),
        ("Uptime", share_of(rolled.seconds)),
        ("Median", words.milliseconds(p50) if p50 is not None else ""),
        ("p95", words.milliseconds(p95) if p95 is not None else ""),
        ("Without a way out", f"{rolled.without_egress:,}" if rolled.without_egress else ""),
    )
    return [(term, said) for term, said in found if said]


def _versions(living: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(sorted({words.shown(item.get("version"), 40) for item in living} - {""}))


def _worker(item: Mapping[str, Any], now: datetime) -> Worker:
    heard_at = datetime.fromisoformat(str(item["received_at"]))
    is_living = now - heard_at <= SILENT_AFTER
    is_cut_off = bool(item.get("egress_down_since"))
    seats, lag, load = item.get("seats"), item.get("queue_lag_seconds"), item.get("load_per_core")
    refused = ", ".join(
        f"{words.shown(str(cause), 40).replace('_', ' ')}: {count}" for cause, count in _refused(item)
    )
    return Worker(
        name=words.shown(workers.name_of(item), 300),
        version=words.shown(item.get("version"), 40),
        heard=words.ago(heard_at, now),
        look=Look.SILENT if not is_living else Look.EGRESS_DOWN if is_cut_off else None,
        in_flight=f"{item.get('in_flight', 0)}{f' of {seats}' if seats else ''}",
        load=f"{load:.2f}" if isinstance(load, int | float) else "",
        queue=words.seconds(lag) if isinstance(lag, int | float) else "",
        clock=words.offset(item.get("clock_offset_seconds"), item.get("clock_uncertainty_seconds")),
        waiting=f"{item.get('spooled_reports', 0)}",
        dropped=f"{item.get('dropped_reports', 0)}",
        refused=refused,
    )


def _refused(item: Mapping[str, Any]) -> Sequence[tuple[str, int]]:
    found = item.get("refused")
    return list(found.items())[:10] if isinstance(found, Mapping) else []


def _key(row: RegionKey, now: datetime) -> Key:
    used = Told.of("last {}", words.ago(row.last_used_at, now)) if row.last_used_at else "not yet"
    counts = "now" if row.valid_until is None else Told.of("until {}", words.clock(row.valid_until, now))
    if row.valid_until is not None and row.valid_until <= now:
        counts = Told.of("no more, since {}", words.clock(row.valid_until, now))
    return Key(
        mark=hashlib.sha256(row.verify_key.encode()).hexdigest()[:16],
        made=words.clock(row.made_at, now),
        used=used,
        counts=counts,
    )


def _alone(row: Dissent, now: datetime) -> Alone:
    state = row.own
    if row.is_digest:
        own_look, own = None, words.short_digest(row.said.value)
        others_look, others = None, words.short_digest(row.said.others)
        since = words.since(state.digest_since, now) if state.digest_since else ""
    else:
        own_look, own = _OPINIONS[row.said.value]
        others_look, others = _OPINIONS[row.said.others]
        since = words.since(state.stance_since, now) if state.stance_since else ""
    is_bad = own_look is Look.UNAVAILABLE
    return Alone(
        resource_id=row.resource.pk,
        name=name_of(row.resource),
        registry=words.shown(row.resource.registry.host, 260),
        look=own_look,
        own=own,
        others_look=others_look,
        others=others,
        why=words.reason(state.reason) if is_bad else "another image behind the tag" if row.is_digest else "",
        since=since,
    )


def _change(row: RegionEvent, now: datetime) -> Change:
    after = RegionCondition(row.after)
    detail = words.shown(row.detail, 300)
    who = "One worker" if row.worker else "The region"
    return Change(
        at=row.at,
        moment=words.clock(row.at, now),
        look=_EVENT_LOOKS.get(after),
        said=f"{who} is {CONDITIONS[after]}{f': {detail}' if detail else ''}",
    )
