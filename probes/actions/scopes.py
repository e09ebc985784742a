"""Incidents of what many resources share, found among those of the resources every few seconds.

Not where reports are taken in: what is shared is seen only over many of them, which several workers take in at once.
One round is at work at a time. Rows of incidents that somebody holds, who is taking in a report, are left for the
next one, so that nobody waits for somebody who waits.

While nothing is open, nothing is asked but whether that is so. What fails is looked through while an incident is
young, or an outage about to be over; so one that lasts costs little. The number of statements does not depend on how
much fails.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Count, DurationField, ExpressionWrapper, Max, Q, Value
from django.db.models.functions import Coalesce

from probes.actions import notices
from probes.actions.incidents import Done
from probes.models import Credential, Incident, IncidentEntry, Region, Registry, Resource
from probes.policy.incidents import BackDate, Cause, Deed, EntryKind, Leave, Level, Open, Resolve, Turn
from probes.policy.scopes import (
    USUAL,
    Failure,
    Kind,
    Outage,
    Scope,
    goes_on_for,
    infer,
    is_over,
    joins,
    left_behind,
    sentence,
)
from probes.policy.terms import Severity
from probes.policy.verdict import fresh_for
from probes.protocol.errors import clean_text
from probes.protocol.outcome import rfc3339
from probes.selectors import failures
from probes.selectors.maintenance import Works
from probes.selectors.terms import terms_of

_LOCK: Final = 0x6B6169726F75  # an advisory lock: one round at a time
_LONGEST_LABEL: Final = 520
_NAMED: Final = 3
"""So many of those that join or leave are named in the timeline of what they join."""

_CHANGED: Final = (
    "level",
    "worst",
    "severity",
    "began_at",
    "resolved_at",
    "cause",
    "failure",
    "extent",
    "explanation",
)
_LEVELS: Final = list(Level)
_SEVERITIES: Final = list(Severity)

_ATTACH: Final = """
WITH given AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS given (id, parent_id, label)
), held AS (
    SELECT incident.id, given.parent_id, given.label FROM probes_incident AS incident JOIN given USING (id)
    WHERE incident.resolved_at IS NULL ORDER BY incident.id FOR NO KEY UPDATE OF incident SKIP LOCKED
), attached AS (
    UPDATE probes_incident AS incident SET parent_id = held.parent_id
    FROM held WHERE incident.id = held.id RETURNING incident.id, held.label
)
INSERT INTO probes_incidententry (incident_id, at, kind, region, before, after, text)
SELECT id, %s, %s, '', '', '', label FROM attached RETURNING incident_id
"""


@dataclass(slots=True, eq=False)
class _Scoped:
    """An incident of a scope in hand, and what belongs to it and is no child of it yet."""

    row: Incident
    scope: Scope
    failing: int = 0  # of its children, for its cause
    levels: set[Level] = field(default_factory=set)  # of its children that are open
    members: list[Failure] = field(default_factory=list)
    joining: list[failures.Loose] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return is_over(self.failing + len(self.members), extent=self.row.extent)


def infer_scopes(*, now: datetime) -> list[Done]:
    """Open, fill and resolve the incidents of scopes; tell of it and return what was done.

    Of a child something is told only when it is left behind: while its parent is open, that speaks for it.
    """
    if not Incident.objects.filter(resolved_at=None).exists():
        return []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            (is_alone,) = cursor.fetchone()
        if not is_alone:
            return []
        found = _Round(now)
        done = found.run()
        notices.announce_incidents([*done, *found.grown], now=now)
        return done


class _Round:
    """One look at all that is open."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._works = Works.on(now)
        self._at_work = _at_work(self._works)
        self._entries: list[IncidentEntry] = []
        self._done: list[Done] = []
        self.grown: list[Done] = []
        """Of the incidents that were open and have new children: these may concern who was told nothing of them."""

    def run(self) -> list[Done]:
        known = self._known()
        found = failures.Unexplained()
        if any(item.is_over for item in known) or failures.are_young(now=self._now):
            since = min((item.row.began_at for item in known), default=self._now)
            found = failures.unexplained(self._works, since=since, now=self._now)
        rest = _shared_out(found.failures, known)
        over: list[_Scoped] = []
        going: list[_Scoped] = []
        for item in known:
            (over if item.is_over else going).append(item)
        self._resolve(over)
        made = self._inferred(rest, found, going)
        for item in (*going, *made):
            self._fill(item, found)
        self._open(made)
        self._attach([*going, *made])
        Incident.objects.bulk_update([item.row for item in (*over, *going)], _CHANGED)
        self._leave()
        IncidentEntry.objects.bulk_create(self._entries)
        return self._done

    def _known(self) -> list[_Scoped]:
        """Return the open incidents of scopes, the largest first. Two queries at most."""
        rows = Incident.objects.filter(resolved_at=None).exclude(scope_kind="").order_by("-extent", "pk")
        found = [(row, scope) for row in rows if (scope := row.scope)]
        if not found:
            return []
        failing: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        levels: dict[int, set[Level]] = defaultdict(set)
        children = Incident.objects.filter(resolved_at=None, parent__in=[row.pk for row, _ in found]).order_by()
        for pk, failure, level, count in children.values_list("parent_id", "failure", "level").annotate(Count("pk")):
            failing[pk][failure] += count
            levels[pk].add(Level(level))
        known = []
        for row, scope in found:
            cause = goes_on_for(failing[row.pk], cause=row.failure, extent=row.extent) or row.failure
            if cause != row.failure:
                self._enter(row, EntryKind.TURNED, text=cause)
                row.failure = cause
            known.append(_Scoped(row, scope, failing=failing[row.pk][cause], levels=levels[row.pk]))
        return known

    def _resolve(self, over: Sequence[_Scoped]) -> None:
        """Resolve what is over, as of the last recovery so far. One query."""
        if not over:
            return
        children = Incident.objects.filter(parent__in=[item.row.pk for item in over], resolved_at__isnull=False)
        recovered = Count("pk", filter=Q(cause=Cause.RECOVERED.value))
        counted = children.order_by().values_list("parent_id").annotate(last=Max("resolved_at"), recovered=recovered)
        ended = {pk: (last, count) for pk, last, count in counted}
        for item in over:
            last, count = ended.get(item.row.pk, (self._now, 0))
            # Otherwise they were paused or deleted: nobody looks any more.
            cause = Cause.RECOVERED if count else Cause.PAUSED
            at = max(last, item.row.began_at)
            item.row.resolved_at, item.row.cause = at, cause.value
            self._enter(item.row, EntryKind.RESOLVED, text=cause.value)
            self._tell(item, Resolve(at, cause))

    def _inferred(
        self, rest: Sequence[Failure], found: failures.Unexplained, going: Sequence[_Scoped]
    ) -> list[_Scoped]:
        """Return new incidents for what the rest has in common. An open one of that scope fails of it from now on."""
        told = {failure.cause for failure in rest if failure.is_told}
        shared = Counter(scope for failure in rest if failure.cause in told for scope in failure.scopes)
        likely = [scope for scope, count in shared.items() if count >= USUAL.minimum]
        outages = infer(rest, failures.Totals(found, self._works).of(likely)) if likely else []
        labels = _labels([outage.scope for outage in outages])
        last_over = _last_over([outage.scope for outage in outages])
        members = {failure.resource: failure for failure in rest}
        items = {item.scope: item for item in going}
        made: list[_Scoped] = []
        for outage in outages:
            item = items.get(outage.scope)
            if item is None:
                row = _row(outage, labels.get(outage.scope, ""), last_over.get(outage.scope), self._now)
                item = items[outage.scope] = _Scoped(row, outage.scope)
                made.append(item)
            elif item.row.failure != outage.cause:
                item.row.failure, item.failing = outage.cause, 0
                self._enter(item.row, EntryKind.TURNED, text=outage.cause)
            item.members += [members[pk] for pk in sorted(outage.resources)]
        return made

    def _fill(self, item: _Scoped, found: failures.Unexplained) -> None:
        """Have an incident follow its members and children."""
        row = item.row
        item.joining = [found.incidents[it.resource] for it in item.members if it.resource in found.incidents]
        row.extent = max(row.extent, item.failing + len(item.members))
        row.explanation = sentence(row.subject, row.failure, extent=row.extent)
        levels = item.levels | {it.level for it in item.joining} or {Level(row.level)}
        severities = {Severity(row.severity), *(it.severity for it in item.joining)}
        level = max(levels, key=_LEVELS.index)
        row.severity = min(severities, key=_SEVERITIES.index)
        if row.pk:
            began_at = min((it.began_at for it in item.members), default=row.began_at)
            if began_at < row.began_at:
                row.began_at = began_at
                self._enter(row, EntryKind.BACK_DATED, text=rfc3339(began_at))
                self._tell(item, BackDate(began_at))
            if level != row.level:
                self._enter(row, EntryKind.TURNED, before=row.level, after=level, text=row.explanation)
                self._tell(item, Turn(level))
        row.level, row.worst = level, max(level, Level(row.worst), key=_LEVELS.index)

    def _open(self, made: Sequence[_Scoped]) -> None:
        Incident.objects.bulk_create([item.row for item in made])
        for item in made:
            self._enter(item.row, EntryKind.OPENED, after=item.row.level, text=item.row.explanation)
            self._tell(item, Open(Level(item.row.level), item.row.began_at))

    def _attach(self, items: Sequence[_Scoped]) -> None:
        """Make what joins a child of what it joins. Two statements."""
        joining = {loose.pk: (loose, item) for item in items for loose in item.joining}
        if not joining:
            return
        parents = [item.row.pk for _, item in joining.values()]
        labels = [item.row.subject for _, item in joining.values()]
        with connection.cursor() as cursor:
            cursor.execute(_ATTACH, [list(joining), parents, labels, self._now, EntryKind.JOINED.value])
            attached = sorted(pk for (pk,) in cursor.fetchall())
        joined: dict[int, list[int]] = defaultdict(list)
        left: dict[int, list[int]] = defaultdict(list)
        for pk in attached:
            loose, item = joining[pk]
            joined[item.row.pk].append(loose.resource)
            if loose.parent is not None:
                left[loose.parent].append(loose.resource)
        self._enter_many(EntryKind.JOINED, joined)
        self._enter_many(EntryKind.LEFT, left)
        opened = {item.incident.pk for item in self._done if isinstance(item.deed, Open)}
        self.grown = [
            Done(item.row, Open(Level(item.row.level), item.row.began_at))
            for item in items
            if item.row.pk in joined and item.row.pk not in opened
        ]

    def _leave(self) -> None:
        """Let what did not recover with its parent stand alone. Four statements."""
        interval = ExpressionWrapper(
            Coalesce("resource__spacing_seconds", "resource__interval_seconds") * Value(timedelta(seconds=1)),
            output_field=DurationField(),
        )
        rows = list(
            Incident.objects.filter(resolved_at=None, parent__resolved_at__lte=Value(self._now) - interval)
            .select_related("resource__group", "parent")
            .order_by("pk")
            .select_for_update(of=("self",), no_key=True, skip_locked=True)
        )
        left: dict[int, list[int]] = defaultdict(list)
        alone = _left_behind(rows, now=self._now) if rows else []
        for row, resource, parent in alone:
            left[parent.pk].append(resource.pk)
            self._enter(row, EntryKind.LEFT, text=parent.subject)
            row.parent = None
            self._done.append(Done(row, Leave(), is_in_maintenance=self._works.end(resource) is not None))
        Incident.objects.filter(pk__in=[row.pk for row, *_ in alone]).update(parent=None)
        self._enter_many(EntryKind.LEFT, left)

    def _is_quiet(self, scope: Scope) -> bool:
        """Tell whether a registry, or a region, is in maintenance as a whole."""
        host, *_ = scope.name.split("/")
        return Scope(Kind.REGISTRY if scope.kind is Kind.REPOSITORY else scope.kind, host) in self._at_work

    def _enter(
        self, incident: Incident, kind: EntryKind, *, before: str = "", after: str = "", text: str = ""
    ) -> None:
        self._entries.append(
            IncidentEntry(incident=incident, at=self._now, kind=kind, before=before, after=after, text=text)
        )

    def _enter_many(self, kind: EntryKind, resources: Mapping[int, Sequence[int]]) -> None:
        """Write one line into each timeline, of so many resources of which the first are named. One query."""
        shown = {pk for ids in resources.values() for pk in ids[:_NAMED]}
        names = {row.pk: str(row) for row in Resource.objects.filter(pk__in=shown)} if shown else {}
        for incident_id, ids in resources.items():
            named = ", ".join(names[pk] for pk in ids[:_NAMED] if pk in names)
            more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
            self._entries.append(
                IncidentEntry(incident_id=incident_id, at=self._now, kind=kind, text=f"{named}{more}")
            )

    def _tell(self, item: _Scoped, deed: Deed) -> None:
        self._done.append(Done(item.row, deed, is_in_maintenance=self._is_quiet(item.scope)))


def _shared_out(failing: Iterable[Failure], known: Sequence[_Scoped]) -> list[Failure]:
    """Give each failure to the first of the outages that it joins; returns those that join none."""
    outages = {(item.scope, item.row.failure): item for item in known}
    order = {id(item): place for place, item in enumerate(known)}
    rest = []
    for failure in failing:
        candidates = [
            item
            for scope in failure.scopes
            if (item := outages.get((scope, failure.cause)))
            and joins(failure, scope=scope, cause=failure.cause, began_at=item.row.began_at)
        ]
        if candidates:
            min(candidates, key=lambda item: order[id(item)]).members.append(failure)
        else:
            rest.append(failure)
    return rest


def _row(outage: Outage, label: str, last_over: datetime | None, now: datetime) -> Incident:
    """Return a new incident, which began no earlier than the one before was over."""
    began_at = max(outage.began_at, last_over) if last_over else outage.began_at
    return Incident(
        scope_kind=outage.scope.kind.value,
        scope_name=outage.scope.name,
        scope_label=label,
        level=Level.DEGRADED.value,
        worst=Level.DEGRADED.value,
        severity=Severity.INFO.value,
        began_at=min(began_at, now),
        opened_at=now,
        failure=outage.cause,
    )


def _last_over(scopes: Sequence[Scope]) -> Mapping[Scope, datetime]:
    """Return when the last incident of each scope was over. One query."""
    if not scopes:
        return {}
    before = Incident.objects.filter(scope_name__in=[scope.name for scope in scopes], resolved_at__isnull=False)
    last = before.order_by().values_list("scope_kind", "scope_name").annotate(Max("resolved_at"))
    return {Scope(Kind(kind), name): at for kind, name, at in last}


def _left_behind(rows: Sequence[Incident], *, now: datetime) -> list[tuple[Incident, Resource, Incident]]:
    """Return which children of what is over were checked often enough since, with their resources and parents."""
    children = [(row, row.resource, row.parent) for row in rows if row.resource and row.parent]
    terms = terms_of(resource for _, resource, _ in children)
    stride = Region.objects.in_service().aggregate(Max("stride"))["stride__max"] or 1
    patience = {
        resource.pk: fresh_for(resource.every_seconds, stride, terms[resource.pk].recoveries + 1)
        for _, resource, _ in children
    }
    over_at = {parent.pk: parent.resolved_at or now for _, _, parent in children}
    failing: dict[int, dict[int, str]] = defaultdict(dict)
    for row, resource, parent in children:
        failing[parent.pk][resource.pk] = row.failure
    alone = {
        pk
        for parent_id, found in failing.items()
        for pk in left_behind(found, found, patience, over_for=now - over_at[parent_id])
    }
    return [child for child in children if child[1].pk in alone]


def _labels(scopes: Sequence[Scope]) -> Mapping[Scope, str]:
    """Return what people call the credentials among the scopes. One query where there is one."""
    ids = [int(scope.name) for scope in scopes if scope.kind is Kind.CREDENTIAL]
    if not ids:
        return {}
    rows = Credential.objects.select_related("registry", "region").filter(pk__in=ids).defer("secret_encrypted")
    return {Scope(Kind.CREDENTIAL, str(row.pk)): clean_text(str(row), _LONGEST_LABEL) for row in rows}


def _at_work(works: Works) -> set[Scope]:
    """Return the registries and regions in maintenance as a whole. Two queries at most."""
    registries = {pk for work in works.whole for pk in work.registries}
    regions = {pk for work in works.seen if work.is_of_everything for pk in work.regions}
    hosts = Registry.objects.filter(pk__in=registries).values_list("host", flat=True) if registries else ()
    slugs = Region.objects.filter(pk__in=regions).values_list("slug", flat=True) if regions else ()
    return {Scope(Kind.REGISTRY, host) for host in hosts} | {Scope(Kind.REGION, slug) for slug in slugs}
