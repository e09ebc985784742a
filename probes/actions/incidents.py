"""Incidents of resources, in the transaction that computes their verdicts; whoever calls holds the verdicts' locks.

Most reports find all well, and nothing open: then there is one question to the database, and nothing to do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Self

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Max
from msgspec.json import encode

from probes.models import Incident, IncidentEntry, Pause, Region, Resource, Verdict, VerdictChange
from probes.policy import flapping
from probes.policy.ballot import Stance
from probes.policy.incidents import (
    BackDate,
    Cause,
    Deed,
    EntryKind,
    Flap,
    Level,
    Open,
    OpenIncident,
    Resolve,
    Settle,
    Turn,
    region_turns,
    situation,
    step,
)
from probes.policy.scopes import cause_among
from probes.policy.standing import DeepResult
from probes.policy.terms import Terms
from probes.policy.verdict import Decision, Inputs, VerdictState, decide
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Status
from probes.selectors.maintenance import Works

LONGEST_COMMENT: Final = 4000
"""Characters; faces refuse what is longer."""

_CHANGED: Final = ("level", "worst", "began_at", "resolved_at", "cause", "is_flapping", "explanation", "failure")
_as_told: Final = attrgetter(*_CHANGED)

# Django's `bulk_update` takes two milliseconds for each row.
_CHANGE: Final = f"""
UPDATE probes_incident AS incident SET ({", ".join(_CHANGED)}) = ({", ".join(f"given.{name}" for name in _CHANGED)})
FROM jsonb_populate_recordset(NULL::probes_incident, %s::jsonb) AS given WHERE incident.id = given.id
"""  # noqa: S608 - made of the constants above

# Not what was the last to be told of that region already; and that all is there only after it was not.
_NOTE_DEPTH: Final = """
INSERT INTO probes_incidententry (incident_id, at, kind, region, before, after, text, slot)
SELECT incident.id, %(now)s, %(kind)s, %(region)s, '', given.status, given.reason, given.slot
FROM unnest(%(ids)s::bigint[], %(statuses)s::text[], %(reasons)s::text[], %(slots)s::timestamptz[], %(after)s::bool[])
    AS given (id, status, reason, slot, follows_failure)
JOIN probes_incident AS incident ON incident.resource_id = given.id
    AND (incident.resolved_at IS NULL OR incident.id = ANY(%(over)s))
LEFT JOIN LATERAL (
    SELECT text FROM probes_incidententry
    WHERE incident_id = incident.id AND region = %(region)s AND text <> '' ORDER BY id DESC LIMIT 1
) AS told ON true
LEFT JOIN LATERAL (
    SELECT after FROM probes_incidententry
    WHERE incident_id = incident.id AND region = %(region)s AND kind = %(kind)s ORDER BY id DESC LIMIT 1
) AS looked ON true
WHERE given.reason IS DISTINCT FROM told.text
    AND (given.status <> %(well)s OR given.follows_failure OR looked.after <> %(well)s)
ORDER BY incident.id
"""

# And its `bulk_create` has the driver escape each text byte by byte.
_ENTER: Final = """
INSERT INTO probes_incidententry (incident_id, at, kind, region, before, after, text, slot)
SELECT * FROM jsonb_to_recordset(%s::jsonb) AS given (
    incident_id bigint, at timestamptz, kind text, region text, before text, after text, text text, slot timestamptz
)
"""

_LOOK_AGAIN: Final = """
UPDATE probes_verdict AS verdict SET stale_at = least(verdict.stale_at, given.at)
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (id, at) WHERE verdict.resource_id = given.id
"""


@dataclass(frozen=True, slots=True)
class Known:
    """The open incidents of some resources, and what their verdicts were made of until now."""

    incidents: Mapping[int, Incident]
    inputs: Mapping[int, Inputs]


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict that was just computed."""

    inputs: Inputs
    decision: Decision
    explanation: str


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done with an incident, for whoever is to be told: nobody is during maintenance."""

    incident: Incident
    deed: Deed
    is_in_maintenance: bool = False


def known(resource_ids: Iterable[int]) -> Known:
    """Return what is open, before the verdicts are written. One query, two where anything is."""
    rows = Incident.objects.filter(resource__among=resource_ids, resolved_at=None)
    found = {row.resource_id: row for row in rows if row.resource_id is not None}
    if not found:
        return Known({}, {})
    before = Verdict.objects.filter(pk__among=found).values_list("pk", "inputs")
    return Known(found, {pk: Inputs.from_json(inputs) for pk, inputs in before if inputs})


def follow(
    rows: Sequence[Verdict],
    judged: Mapping[int, Judged],
    terms: Mapping[int, Terms],
    before: Known,
    works: Works,
    *,
    now: datetime,
) -> list[Done]:
    """Do with the incidents what the new verdicts ask for; `rows` still say what these were.

    `works` are on. What changed by now is in the history of verdicts already. A constant number of queries.
    """
    concerned = [
        row
        for row in rows
        if row.resource_id in before.incidents
        or judged[row.resource_id].decision.state.harm
        or judged[row.resource_id].decision.state != row.state
    ]
    flaps = _flaps([row.resource_id for row in concerned], before, now)
    # Of what came to be known, or was never told of and is well again, there is nothing to tell.
    concerned = [
        row
        for row in concerned
        if row.resource_id in before.incidents
        or judged[row.resource_id].decision.state.harm
        or flaps[row.resource_id].holds
    ]
    if not concerned:
        return []
    over = _Over.of(concerned, judged, before.incidents, now=now)
    timeline = _Timeline(now, before.incidents.values())
    done: list[Done] = []
    look_again: dict[int, datetime] = {}
    for row in concerned:
        pk, found = row.resource_id, judged[row.resource_id]
        incident = before.incidents.get(pk)
        until = works.end(row.resource)
        course = step(
            replace(
                situation(
                    found.inputs,
                    found.decision,
                    since=row.since if found.decision.state == row.state else now,
                    degraded_after=terms[pk].degraded_after,
                    back_since=over.back_since(row.resource),
                ),
                is_flapping=flaps[pk].holds,
                is_paused=row.resource.paused_at is not None,
                is_retired=row.resource.retired_at is not None,
                clear_since=over.clear_since(row.resource),
                maintenance_until=until,
            ),
            _open_incident(incident),
        )
        for deed in course.deeds:
            incident = timeline.add(incident, deed, found, resource=pk, terms=terms[pk])
            done.append(Done(incident, deed, is_in_maintenance=until is not None))
        if incident:
            timeline.note_regions(incident, before.inputs.get(pk), found)
            if found.decision.state.harm:
                incident.explanation = found.explanation
                incident.failure = cause_among(found.inputs, found.decision) or incident.failure
        if again := min(filter(None, (course.look_again_at, flaps[pk].settles_at)), default=None):
            look_again[pk] = again
    timeline.write()
    if look_again:
        with connection.cursor() as cursor:
            cursor.execute(_LOOK_AGAIN, [list(look_again), list(look_again.values())])
    return done


def note_depth(region: Region, found: Mapping[int, DeepResult], done: Iterable[Done], *, now: datetime) -> None:
    """Write into the timelines what checks of config and layers found from a region, where that is another result.

    `found` is by resource; `done` what the report did with incidents, which may be over by it. One query, or none.
    """
    if not found:
        return
    results = found.values()
    values: dict[str, Any] = {
        "now": now,
        "kind": EntryKind.DEPTH.value,
        "region": region.slug,
        "ids": list(found),
        "statuses": [result.status.value for result in results],
        "reasons": [result.reason for result in results],
        "slots": [result.slot for result in results],
        "after": [result.follows_failure for result in results],
        "over": [item.incident.pk for item in done if isinstance(item.deed, Resolve)],
        "well": Status.AVAILABLE.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_DEPTH, values)


def close(resource_ids: Iterable[int], cause: Cause, *, now: datetime) -> list[Done]:
    """Resolve what is open for a cause other than that all is well; returns what was done."""
    rows = list(Incident.objects.filter(resource__in=resource_ids, resolved_at=None))
    IncidentEntry.objects.bulk_create(
        IncidentEntry(incident=row, at=now, kind=EntryKind.RESOLVED, text=cause.value) for row in rows
    )
    for row in rows:
        row.resolved_at, row.cause = max(row.began_at, now), cause.value
    Incident.objects.bulk_update(rows, ("resolved_at", "cause"))
    return [Done(row, Resolve(now, cause)) for row in rows]


def acknowledge(incident_id: int, *, by: User, now: datetime) -> bool:
    """Note that somebody is at an open incident; False where it is over, or somebody was before."""
    with transaction.atomic():
        unseen = Incident.objects.filter(pk=incident_id, resolved_at=None, acknowledged_at=None)
        if not unseen.update(acknowledged_at=now, acknowledged_by=by):
            return False
        IncidentEntry.objects.create(incident_id=incident_id, at=now, kind=EntryKind.ACKNOWLEDGED, by=by)
    return True


def comment(incident_id: int, text: str, *, by: User, now: datetime) -> IncidentEntry:
    """Add what somebody has to say of an incident, also of one that is over."""
    return IncidentEntry.objects.create(incident_id=incident_id, at=now, kind=EntryKind.COMMENT, text=text, by=by)


class _Timeline:
    """What is to be written of many incidents at once."""

    def __init__(self, now: datetime, known: Iterable[Incident]) -> None:
        self._now = now
        self._known = [(incident, _as_told(incident)) for incident in known]
        self._opened: list[Incident] = []
        self._entries: list[tuple[Incident, dict[str, Any]]] = []

    def add(self, incident: Incident | None, deed: Deed, found: Judged, *, resource: int, terms: Terms) -> Incident:
        """Do the deed with the row in hand, or with the new one, and write it down."""
        if isinstance(deed, Open):
            incident = Incident(
                resource_id=resource,
                level=deed.level,
                worst=deed.level,
                severity=terms.severity,
                began_at=min(deed.began_at, self._now),
                opened_at=self._now,
                is_flapping=deed.is_flapping,
            )
            self._opened.append(incident)
            self._enter(incident, EntryKind.OPENED, after=deed.level, text=found.explanation)
            return incident
        assert incident is not None  # noqa: S101 - only an open incident has any other deed
        match deed:
            case BackDate(began_at):
                incident.began_at = began_at
                self._enter(incident, EntryKind.BACK_DATED, text=rfc3339(began_at))
            case Turn(level):
                self._enter(incident, EntryKind.TURNED, before=incident.level, after=level, text=found.explanation)
                incident.level = level
                if level is Level.UNAVAILABLE:
                    incident.worst = level
            case Flap() | Settle():
                incident.is_flapping = isinstance(deed, Flap)
                self._enter(incident, EntryKind.FLAPPING if incident.is_flapping else EntryKind.SETTLED)
            case Resolve(at, cause):
                incident.resolved_at, incident.cause = max(at, incident.began_at), cause.value
                self._enter(incident, EntryKind.RESOLVED, text=cause.value)
        return incident

    def note_regions(self, incident: Incident, before: Inputs | None, found: Judged) -> None:
        """Write down what regions say now and did not say before; of a new incident, what they say at all."""
        earlier = (before, decide(before)) if before else None
        for turn in region_turns(earlier, (found.inputs, found.decision)):
            self._enter(
                incident,
                EntryKind.REGION,
                region=turn.region,
                before=turn.before or "",
                after=turn.after or "",
                text=turn.reason or "",
                slot=turn.slot,
            )

    def write(self) -> None:
        Incident.objects.bulk_create(self._opened)
        # Most of what an outage brings is what it brought before.
        changed = [incident for incident, told in self._known if _as_told(incident) != told]
        with connection.cursor() as cursor:
            if changed:
                rows = [{"id": item.pk, **{name: getattr(item, name) for name in _CHANGED}} for item in changed]
                cursor.execute(_CHANGE, [encode(rows).decode()])
            if self._entries:
                lines = [{"incident_id": incident.pk, **line} for incident, line in self._entries]
                cursor.execute(_ENTER, [encode(lines).decode()])

    def _enter(
        self,
        incident: Incident,
        kind: EntryKind,
        *,
        region: str = "",
        before: str = "",
        after: str = "",
        text: str = "",
        slot: datetime | None = None,
    ) -> None:
        told = {"region": region, "before": before, "after": after, "text": text, "slot": slot}
        self._entries.append((incident, {"at": self._now, "kind": kind, **told}))


def _open_incident(incident: Incident | None) -> OpenIncident | None:
    if incident is None:
        return None
    return OpenIncident(level=Level(incident.level), began_at=incident.began_at, is_flapping=incident.is_flapping)


def _flaps(resource_ids: Sequence[int], before: Known, now: datetime) -> Mapping[int, flapping.Flapping]:
    """Return which of the resources flap. One query, none where nothing is asked."""
    if not resource_ids:
        return {}
    known = {pk for pk, incident in before.incidents.items() if incident.is_flapping}
    return {pk: flapping.read(pk in known, turned, now=now) for pk, turned in _turned(resource_ids, now).items()}


def _turned(resource_ids: Sequence[int], now: datetime) -> Mapping[int, Sequence[datetime]]:
    """Return when each verdict turned within the window in which it may be flapping, in order."""
    histories: dict[int, list[tuple[datetime, VerdictState]]] = defaultdict(list)
    changes = VerdictChange.objects.filter(resource__among=resource_ids, at__gt=now - flapping.USUAL.window)
    for pk, at, before, state in changes.order_by("at", "id").values_list("resource_id", "at", "before", "state"):
        if pk not in histories:
            histories[pk].append((at, VerdictState(before)))
        histories[pk].append((at, VerdictState(state)))
    return {pk: flapping.turns(histories[pk]) for pk in resource_ids}


@dataclass(frozen=True, slots=True)
class _Over:
    """What is over of some resources: their last incidents and pauses, and maintenance since their failures began."""

    incidents: Mapping[int, datetime]
    pauses: Mapping[int, datetime]
    works: Works
    regions: Mapping[int, str]

    @classmethod
    def of(
        cls, rows: Sequence[Verdict], judged: Mapping[int, Judged], known: Mapping[int, Incident], *, now: datetime
    ) -> Self:
        """Three queries at most, and one more where work of regions alone is over."""
        ids = [row.pk for row in rows]
        over = Incident.objects.filter(resource__among=ids, resolved_at__isnull=False).order_by()
        incidents = over.values("resource_id").annotate(last=Max("resolved_at")).values_list("resource_id", "last")
        paused = Pause.objects.filter(resource__among=ids, ends_at__isnull=False).order_by()
        pauses = paused.values("resource_id").annotate(last=Max("ends_at")).values_list("resource_id", "last")
        began = [
            vote.since
            for row in rows
            for vote in judged[row.pk].inputs.votes
            if vote.since
            and vote.stance is not Stance.GOOD
            # Of an incident that is open it is only asked whether it began earlier.
            and (row.pk not in known or vote.since < known[row.pk].began_at)
        ]
        works = Works.over(since=min(began), now=now) if began else Works()
        seen = {pk for work in works.seen for pk in work.regions}
        regions = dict(Region.objects.filter(pk__in=seen).values_list("pk", "slug")) if seen else {}
        return cls(dict(incidents), dict(pauses), works, regions)

    def clear_since(self, resource: Resource) -> datetime | None:
        """Return before when no incident of the resource began."""
        ends = (self.incidents.get(resource.pk), self.pauses.get(resource.pk), self.works.end(resource))
        return max(filter(None, ends), default=None)

    def back_since(self, resource: Resource) -> Mapping[str, datetime]:
        """Return when maintenance was over that was seen from some regions only."""
        ends = self.works.ends_by_region(resource)
        return {self.regions[pk]: at for pk, at in ends.items() if pk in self.regions}
