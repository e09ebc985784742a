"""What becomes of tags: told as reports come in, and by looks at those on which regions do not agree.

Of a report in which all is as it was nothing is asked of the database. Whoever takes one in holds the locks of its
resources (`verdicts.locked`), so the moves of one tag are made one after the other.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from probes.actions import events
from probes.models import Event, Region, RegionState, Resource, TagWatch
from probes.policy import tag_events
from probes.policy.happenings import Happening
from probes.policy.standing import DeepResult, Standing, deep_result
from probes.policy.tag_events import MOVES, PLATFORMS, Tagged, move_of
from probes.policy.tags import Look, Move, Sighting, Split, Turn, follow, look, turns
from probes.policy.verdict import Presence, fresh_for
from probes.protocol.plan import ALL_PLATFORMS
from probes.protocol.taxonomy import Status, Warn
from probes.selectors.subscriptions import regions_of
from probes.selectors.terms import terms_of

_AT_ONCE: Final = 500
_RECALLED: Final = 64
"""As many moves of a tag are read again, to tell whether a turn follows one of them."""

_RECALLED_OF_PLATFORMS: Final = 512
"""Of all its platforms together: a look at an index that is broken may tell of dozens at once."""

_TAGGED: Final = ("reference", "kind", "repository", "tag", "digest", "registry__host", "is_tag_immutable")
_SENT_AWAY: Final = frozenset({Presence.PAUSED, Presence.DRAINING})
_VOTING: Final = frozenset({Presence.PRESENT, Presence.UNHEARD})  # of the latter, what it found is a sign of life

_TRAILS: Final = """
SELECT given.id, event.kind, event.at, event.region, event.facts
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (id, since)
CROSS JOIN (VALUES (%s::text[], %s), (%s::text[], %s)) AS wanted (kinds, most)
CROSS JOIN LATERAL (
    SELECT kind, at, region, facts FROM probes_event
    WHERE resource_id = given.id AND at >= given.since AND kind = ANY(wanted.kinds)
    ORDER BY at DESC LIMIT wanted.most
) AS event
"""

_WATCH: Final = """
INSERT INTO probes_tagwatch (resource_id, look_at)
SELECT given.id, %(now)s FROM unnest(%(ids)s::bigint[]) AS given (id)
WHERE 1 < (SELECT count(DISTINCT digest) FROM probes_regionstate WHERE resource_id = given.id)
    OR EXISTS (SELECT FROM probes_tagwatch WHERE resource_id = given.id)
ORDER BY given.id
ON CONFLICT (resource_id) DO UPDATE SET look_at = excluded.look_at
"""

_DATE_BACK: Final = """
UPDATE probes_event AS event SET key = given.new_key, at = given.at, region = given.region, text = given.text
FROM jsonb_to_recordset(%s::jsonb) AS given (key text, new_key text, at timestamptz, region text, text text)
WHERE event.key = given.key AND NOT EXISTS (SELECT FROM probes_event AS other WHERE other.key = given.new_key)
"""
"""Where more happened than is recalled, the older one may be known already: then the later one stays as it is."""

_Trails = Mapping[tuple[int, str], Sequence[Move]]
"""The moves that are known, by resource and platform; of the tag itself the latter is empty."""


@dataclass(slots=True)
class Sights:
    """What one report tells of tags, and of layers, as its outcomes move the standings of one region on."""

    region: str
    turns: dict[int, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    looked: set[int] = field(default_factory=set)  # whose digest is another, or the first
    away: dict[int, datetime] = field(default_factory=dict)  # pinned images whose tag points elsewhere, by slot
    deep: dict[int, DeepResult] = field(default_factory=dict)  # what was found of layers that was not known

    def note(self, resource_id: int, before: Standing | None, after: Standing) -> None:
        if found := turns(self.region, before, after):
            self.turns[resource_id] += found
        if after.digest and (before is None or after.digest != before.digest):
            self.looked.add(resource_id)
        if Warn.TAG_MOVED in after.warnings and (before is None or Warn.TAG_MOVED not in before.warnings):
            self.away.setdefault(resource_id, after.last_slot)
        if result := deep_result(before, after):
            self.deep[resource_id] = result


def take(sights: Sights, *, now: datetime) -> list[Event]:
    """Tell what a report tells of tags, once its states are stored; return the new events.

    No query where nothing is new, otherwise a constant number.
    """
    told = _tell(sights, now) if sights.turns or sights.away else []
    if sights.looked:
        with connection.cursor() as cursor:
            cursor.execute(_WATCH, {"ids": list(sights.looked), "now": now})
    return told


def _tell(sights: Sights, now: datetime) -> list[Event]:
    ids = sights.turns.keys() | sights.away.keys()
    resources = Resource.objects.filter(pk__in=ids).select_related("registry")
    rows = list(resources.only(*_TAGGED, "platforms", "reference_since").order_by("pk"))
    trails = _trails({row.pk: row.reference_since for row in rows if row.pk in sights.turns})
    made: list[Happening] = []
    dated_back: list[dict[str, Any]] = []
    for row in rows:
        tagged = _tagged(row)
        for platform, given in _by_platform(row, sights.turns.get(row.pk, ())).items():
            trace = follow(trails.get((row.pk, platform), ()), given)
            made += [tag_events.of_move(tagged, move, platform) for move in trace.made]
            dated_back += [_dated_back(tagged, *pair, platform) for pair in trace.dated_back]
        if row.digest and (slot := sights.away.get(row.pk)):
            made.append(
                tag_events.of_pinned(tagged, row.digest, region=sights.region, since=row.reference_since, at=slot)
            )
    if dated_back:
        with connection.cursor() as cursor:
            cursor.execute(_DATE_BACK, [json.dumps(dated_back)])
    return events.record(made, now=now)


def _by_platform(row: Resource, given: Iterable[Turn]) -> Mapping[str, Sequence[Turn]]:
    """Return the turns of the tag, and of each platform that is wanted; what is pinned has no turns of its own."""
    wanted = set(row.platforms)
    found: dict[str, list[Turn]] = defaultdict(list)
    for turn in given:
        if (turn.platform in wanted or ALL_PLATFORMS in wanted) if turn.platform else not row.digest:
            found[turn.platform].append(turn)
    return found


def _tagged(row: Resource) -> Tagged:
    return Tagged(resource=row.pk, name=row.canonical, is_immutable=row.is_tag_immutable)


def _trails(since: Mapping[int, datetime]) -> _Trails:
    """Return the last moves of each tag that is still meant. One query, or none."""
    trails: dict[tuple[int, str], list[Move]] = defaultdict(list)
    if since:
        with connection.cursor() as cursor:
            kinds = ([*MOVES], _RECALLED, [*PLATFORMS], _RECALLED_OF_PLATFORMS)
            cursor.execute(_TRAILS, (list(since), list(since.values()), *kinds))
            for pk, kind, at, region, facts in cursor.fetchall():
                known = json.loads(facts)
                trails[pk, known.get("platform", "")].append(move_of(kind, known, region=region, at=at))
    return trails


def _dated_back(tagged: Tagged, before: Move, after: Move, platform: str) -> dict[str, Any]:
    again = tag_events.of_move(tagged, after, platform)
    return {
        "key": tag_events.key_of(tagged.resource, before, platform),
        "new_key": again.key,
        "at": after.at.isoformat(),
        "region": after.region,
        "text": again.text,
    }


def look_at_watched(*, now: datetime) -> list[Event]:
    """Look at the tags whose time has come, some hundreds in a transaction; return what is new."""
    told: list[Event] = []
    while True:
        with transaction.atomic():
            due = TagWatch.objects.filter(look_at__lte=now).order_by("look_at").select_for_update(skip_locked=True)
            watches = list(due[:_AT_ONCE])
            told += _look_at(watches, now)
        if len(watches) < _AT_ONCE:
            return told


def _look_at(watches: Sequence[TagWatch], now: datetime) -> list[Event]:
    ids = [watch.pk for watch in watches]
    if not ids:
        return []
    resources = Resource.objects.select_related("registry", "group").in_bulk(ids)
    seen = _sightings(resources, now)
    bound = timedelta(seconds=settings.KAIROS_TAG_SPLIT_SECONDS)
    happened: list[Happening] = []
    over: list[int] = []
    for watch in watches:
        result = look(seen[watch.pk], watch.split_since, now=now, bound=bound)
        happened += _happened(_tagged(resources[watch.pk]), result, now)
        if isinstance(result.found, Split):
            watch.split_since = result.found.since
        if result.look_again_at is None:
            over.append(watch.pk)
        else:
            watch.look_at = result.look_again_at
    TagWatch.objects.filter(pk__in=over).delete()
    kept = [watch for watch in watches if watch.pk not in set(over)]
    TagWatch.objects.bulk_update(kept, ["look_at", "split_since"])
    return events.record(happened, now=now)


def _happened(tagged: Tagged, result: Look, now: datetime) -> list[Happening]:
    if result.found is None:
        return []
    if isinstance(result.found, Split):
        return [tag_events.of_split(tagged, result.found, now=now)]
    return [tag_events.of_joined(tagged, result.found)]


def _sightings(resources: Mapping[int, Resource], now: datetime) -> Mapping[int, Sequence[Sighting]]:
    """Return what the regions that are not sent away saw last of each tag. A few queries."""
    terms, voters = terms_of(resources.values()), regions_of(resources)
    states = RegionState.objects.filter(resource__in=resources, digest__isnull=False).defer("document", "platforms")
    standing = {(state.resource_id, state.region_id): state for state in states}
    found: dict[int, list[Sighting]] = {pk: [] for pk in resources}
    for pk, resource in resources.items():
        for region in voters[pk]:
            state = standing.get((pk, region.pk))
            if state is not None and (presence := _presence(region)) not in _SENT_AWAY:
                lapses_at = state.last_slot + fresh_for(
                    resource.every_seconds, region.stride, terms[pk].fresh_intervals
                )
                counts = (
                    presence in _VOTING
                    and state.status == Status.AVAILABLE
                    and not state.egress_down
                    and now < lapses_at
                )
                found[pk].append(_sighting(state, region, counts=counts))
    return found


def _presence(region: Region) -> Presence:
    return Presence.of(region.condition, is_heard=region.last_seen_at is not None)


def _sighting(state: RegionState, region: Region, *, counts: bool) -> Sighting:
    since = state.digest_since or state.since
    return Sighting(region=region.slug, digest=state.digest or "", since=since, counts=counts)
