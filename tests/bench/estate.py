"""Resources that ten regions have checked for a time, for the REST API to be asked about.

Everything is made by the database, in sets, and past its triggers: what these would have written is written here. How
much of the history there is for whom:

- each resource: its row, its verdict, ten states with their documents; roll-ups of each day, from each
  region and over all of them; an incident in three months, with its timeline and the two changes of its verdict;
- one resource of `FAILING`: it fails from two regions, has an incident that is open, and each day an event and slots
  that were missed;
- one of a hundred: roll-ups of each hour as well;
- one of a thousand (ten at least): each outcome of two weeks, for that long they are kept, and before that those that
  failed;
- each registry and each group: its sums of each hour and day.

The hours of 100,000 resources would be 800 million. What is asked for is always one of those that have all, and finds
its rows by the same indexes; what is not there would make these deeper by a level.

Imports models: Django must be set up before.
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from typing import Final

from django.db import connection, transaction

from probes.actions import partitions
from probes.models import Region, Registry, ResourceGroup, RollUpProgress, Source
from probes.policy.ballot import Stance
from probes.policy.rollup import DAY, HOUR, floor
from probes.policy.verdict import Inputs, Vote
from probes.protocol.taxonomy import Status

REGIONS: Final = tuple(f"region-{number}" for number in range(10))
REGISTRIES: Final = 20
GROUPS: Final = 50
FAILING: Final = 50
DOCUMENT_BYTES: Final = 1400
HOURS_OF: Final = 100
OUTCOMES_OF: Final = 1000
OUTCOMES_KEPT_DAYS: Final = 14

_RESOURCES: Final = """
INSERT INTO probes_resource (slug, name, reference, registry_id, repository, tag, digest, platforms, strict_platform,
    manifest_cadence_seconds, blobs_cadence_seconds, sample_blobs, check_tag, interval_seconds, labels,
    next_due_at, reference_since, created_at, updated_at, severity, group_id, managed_by_id)
SELECT 'service-' || number, 'service ' || number, registry.host || '/' || repository || ':1', registry.id,
    repository, '1', '',
    '{linux/amd64}', false, 3600, 86400, false, false, 300, jsonb_build_object('team', 'team-' || number %% 100)
        || CASE WHEN number %% 5000 = 0 THEN '{"owner": "one of few"}' ELSE '{}' END::jsonb,
    now() + number * interval '1 ms', %(start)s, %(start)s + number * interval '1 ms',
    %(start)s + number * 7919 %% %(count)s * interval '1 ms', '', grp.id,
    CASE WHEN number %% 2 = 0 THEN %(source)s END
FROM generate_series(1, %(count)s) AS number
CROSS JOIN LATERAL (SELECT 'team-' || number %% 100 || '/service-' || number AS repository) AS path
JOIN probes_registry AS registry ON registry.host = 'registry-' || number %% %(registries)s || '.test'
JOIN probes_resourcegroup AS grp ON grp.name = 'group-' || number %% %(groups)s
ORDER BY number
"""
_WORDS: Final = """
INSERT INTO probes_resourcewords (resource_id, words)
SELECT id, probes_words(name, slug, kind, reference) FROM probes_resource
"""

_VERDICTS: Final = """
INSERT INTO probes_verdict (resource_id, state, since, computed_at, explanation, inputs)
SELECT id, CASE WHEN id %% %(failing)s = 0 THEN 'degraded' ELSE 'available' END, now(), now(), 'all 10 regions can',
    %(inputs)s::jsonb
FROM probes_resource
"""

_STATES: Final = """
INSERT INTO probes_regionstate (resource_id, region_id, status, reason, stage, host, since, last_slot, checked_at,
    warnings, consecutive_failures, consecutive_successes, run_since, ballot, ballot_slot, bad_run_since, stance,
    stance_since, success_slot, digest, duration_ms, document)
SELECT resource.id, region.id, CASE WHEN bad THEN 'unavailable' ELSE 'available' END,
    CASE WHEN bad THEN 'tag_not_found' ELSE 'ok' END, CASE WHEN bad THEN 'manifest' END,
    CASE WHEN bad THEN 'registry.test' END, now() - interval '1 h', now(), now(), '{}',
    CASE WHEN bad THEN 9 ELSE 0 END, CASE WHEN bad THEN 0 ELSE 9 END, now(), CASE WHEN bad THEN 'bad' ELSE 'good' END,
    now(), now(), CASE WHEN bad THEN 'bad' ELSE 'good' END, now(), now(), 'sha256:' || repeat('0', 64),
    100 + resource.id * 7919 %% 900, %(document)s::jsonb
FROM probes_resource AS resource CROSS JOIN probes_region AS region
CROSS JOIN LATERAL (
    SELECT resource.id %% %(failing)s = 0 AND region.slug IN ('region-1', 'region-2') AS bad
) AS course
"""

_INCIDENT: Final = """
INSERT INTO probes_incident (resource_id, registry_id, group_id, level, worst, severity, began_at, opened_at,
    resolved_at, cause, is_flapping, failure, explanation)
SELECT id, registry_id, group_id, 'degraded', 'degraded', 'critical', {opened}, {opened}, {resolved}, '{cause}',
    false, 'tag_not_found', '2 of 10 regions say that the tag is not there'
FROM probes_resource WHERE {which}
"""
_OPEN_INCIDENTS: Final = _INCIDENT.format(
    opened="now() - interval '30 s'", resolved="NULL", cause="", which="id %% %(failing)s = 0"
)
_INCIDENTS: Final = (
    _INCIDENT.format(
        opened="%(day)s + id %% 1440 * interval '1 min'",
        resolved="%(day)s + (id %% 1440 + 60) * interval '1 min'",
        cause="recovered",
        which="id %% 90 = %(number)s",
    ),
    """
INSERT INTO probes_incidententry (incident_id, at, kind, region, before, after, text)
SELECT id, CASE kind WHEN 'resolved' THEN resolved_at ELSE opened_at END, kind, region, '',
    CASE kind WHEN 'opened' THEN 'degraded' WHEN 'region' THEN 'bad' ELSE '' END,
    CASE kind WHEN 'resolved' THEN 'recovered' ELSE '' END
FROM probes_incident CROSS JOIN (
    VALUES ('opened', ''), ('region', 'region-1'), ('region', 'region-2'), ('resolved', '')
) AS entry (kind, region)
WHERE opened_at >= %(day)s AND opened_at < %(day)s + interval '1 day'
""",
    """
INSERT INTO probes_verdictchange (resource_id, at, before, state, explanation, inputs)
SELECT resource_id, CASE state WHEN 'available' THEN resolved_at ELSE opened_at END, before, state, 'as they said',
    '{}'
FROM probes_incident CROSS JOIN (VALUES ('available', 'degraded'), ('degraded', 'available')) AS turn (before, state)
WHERE opened_at >= %(day)s AND opened_at < %(day)s + interval '1 day'
""",
    """
INSERT INTO probes_missedslots (resource_id, region_id, first_slot, last_slot, count, cause, stride)
SELECT resource.id, region.id, slot, slot, 1, 'expired', 1
FROM probes_resource AS resource JOIN probes_region AS region ON region.slug = 'region-1'
CROSS JOIN LATERAL (SELECT %(day)s + resource.id %% 1440 * interval '1 min' AS slot) AS course
WHERE resource.id %% %(failing)s = 0
""",
)

_EVENTS: Final = """
INSERT INTO probes_event (kind, at, severity, resource_id, region, key, text, facts)
SELECT 'tag_moved', %(day)s + id %% 1440 * interval '1 min', 'info', id, 'region-1', id || '/' || %(day)s, 'it moved',
    '{}'
FROM probes_resource WHERE id %% %(failing)s = 0
"""

_VALUES: Final = """
CASE WHEN region.id > 0 THEN 12 * {size} END, 3500 * {size}, 100 * {size}, CASE WHEN region.id > 0 THEN
    ARRAY[10025, 2030, 10122, 2124, 10222, 2226, 10320, 2324, 4425, 4528, 4625, 4731] END
"""
_HOURS: Final = f"""
INSERT INTO probes_hourrollup (resource_id, region_id, starts_at, outcomes_available, seconds_available,
    seconds_unavailable, latency)
SELECT resource.id, region.id, starts_at, {_VALUES.format(size=1)}
FROM generate_series(%(day)s, %(day)s + interval '23 h', interval '1 h') AS starts_at
CROSS JOIN probes_resource AS resource
CROSS JOIN (SELECT id FROM probes_region UNION ALL SELECT 0) AS region WHERE resource.id %% %(hours_of)s = 0
"""  # noqa: S608 - made of the constants above
_DAYS: Final = f"""
INSERT INTO probes_dayrollup (resource_id, region_id, starts_at, outcomes_available, seconds_available,
    seconds_unavailable, latency)
SELECT resource.id, region.id, %(day)s, {_VALUES.format(size=24)}
FROM probes_resource AS resource
CROSS JOIN (SELECT id FROM probes_region UNION ALL SELECT 0) AS region
ORDER BY resource.id, region.id
"""  # noqa: S608 - likewise
_OWNERS: Final = """
(SELECT 'registry' AS kind, id FROM probes_registry UNION ALL SELECT 'group', id FROM probes_resourcegroup) AS owner
CROSS JOIN (SELECT id FROM probes_region UNION ALL SELECT 0) AS region
"""
_SUMS: Final = (
    f"""
INSERT INTO probes_hoursum (owner_kind, owner_id, region_id, starts_at, resources, outcomes_available,
    seconds_available, seconds_unavailable, latency)
SELECT kind, owner.id, region.id, starts_at, 1000, {_VALUES.format(size=1000)}
FROM generate_series(%(day)s, %(day)s + interval '23 h', interval '1 h') AS starts_at CROSS JOIN {_OWNERS}
""",  # noqa: S608 - likewise
    f"""
INSERT INTO probes_daysum (owner_kind, owner_id, region_id, starts_at, resources, outcomes_available,
    seconds_available, seconds_unavailable, latency)
SELECT kind, owner.id, region.id, %(day)s, 1000, {_VALUES.format(size=24000)} FROM {_OWNERS}
""",  # noqa: S608 - likewise
)

_OUTCOMES: Final = """
INSERT INTO probes_outcome (resource_id, region_id, slot, checked_at, batch, duration_ms, status, reason, stage, host,
    confidence, depth, digest, document, latency)
SELECT resource.id, region.id, slot, slot, gen_random_uuid(), 100,
    CASE WHEN bad THEN 'unavailable' ELSE 'available' END, CASE WHEN bad THEN 'tag_not_found' ELSE 'ok' END,
    CASE WHEN bad THEN 'manifest' END, CASE WHEN bad THEN 'registry.test' END, 'definite', 'resolve',
    'sha256:' || repeat('0', 64), NULL, '\\x1bffff17'
FROM generate_series(0, 287) AS number CROSS JOIN probes_resource AS resource CROSS JOIN probes_region AS region
CROSS JOIN LATERAL (SELECT %(day)s + number * interval '5 min' AS slot, number %% 96 = 7 AS bad) AS course
WHERE resource.id %% %(outcomes_of)s = 0 AND (bad OR %(whole)s)
ORDER BY slot
"""


class Estate:
    """All that is asked about; `days` of history end today at midnight, and grow into the past."""

    def __init__(self, resources: int, now: datetime, *, regions: Sequence[str] = REGIONS) -> None:
        self._today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._days = 0
        self._given: dict[str, int] = {
            "count": resources,
            "registries": REGISTRIES,
            "groups": GROUPS,
            "failing": FAILING,
            "hours_of": HOURS_OF,
            "outcomes_of": min(OUTCOMES_OF, resources // 10),
        }
        Region.objects.bulk_create(
            Region(slug=slug, name=slug, verify_key="key", box_public_key="key") for slug in regions
        )
        Registry.objects.bulk_create(Registry(host=f"registry-{number}.test") for number in range(REGISTRIES))
        groups = (f"group-{number}" for number in range(GROUPS))
        ResourceGroup.objects.bulk_create(ResourceGroup(slug=name, name=name) for name in groups)
        source = Source.objects.create(slug="platform", name="The platform's repository")
        self._run(_RESOURCES, start=self._today - timedelta(days=400), source=source.pk)
        votes = tuple(
            Vote(
                region=slug,
                status=Status.AVAILABLE,
                reason="ok",
                slot=now,
                stance=Stance.GOOD,
                since=now,
                told_at=now,
            )
            for slug in regions
        )
        inputs = Inputs(now=now, interval_seconds=300, votes=votes).to_json()
        self._run(_VERDICTS, inputs=json.dumps(inputs))
        document = json.dumps({"steps": [], "padding": token_hex(DOCUMENT_BYTES // 2)})
        for statement in (_WORDS, _STATES, _OPEN_INCIDENTS):
            self._run(statement, document=document)
        self._analyse()

    @property
    def watched(self) -> int:
        """The id of a resource that has all of the history."""
        return self._given["outcomes_of"]

    def grow(self, days: int) -> None:
        """Let there be so many days of history."""
        for number in range(self._days, days):
            day = self._today - timedelta(days=number + 1)
            self._make_partitions(day.date())
            for statement in (_DAYS, _HOURS, *_SUMS, _EVENTS, *_INCIDENTS):
                self._run(statement, day=day, number=number)
            self._run(_OUTCOMES, day=day, whole=number < OUTCOMES_KEPT_DAYS)
        self._days = days
        self._progress()
        self._analyse()

    def _progress(self) -> None:
        """Say that all of it is rolled up, as far as the hours of today that have ended: they are empty."""
        now = datetime.now(UTC)
        units = (("hour", floor(now, HOUR) - HOUR), ("day", self._today - DAY))
        RollUpProgress.objects.all().delete()
        RollUpProgress.objects.bulk_create(
            RollUpProgress(unit=unit, starts_at=at, finished_at=now) for unit, at in units
        )

    def _make_partitions(self, day: date) -> None:
        for table in (partitions.OUTCOMES, *partitions.ROLL_UPS, *partitions.SUMS):
            partitions.ensure(table, [day])

    def _run(self, statement: str, **more: datetime | str | int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # Row by row, the triggers of 100,000 resources take longer than all else.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("SET LOCAL work_mem = '256MB'")
            cursor.execute(statement, {**self._given, **more})

    def _analyse(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")  # or it is written out while it is asked about
