"""Images that are checked from three regions, and what a control plane has beside them after two years of that.

What grows with the images is made by the database. Of what `/metrics` reads there are, for ten thousand of them:

- 80,200 incidents: each image had one in three months, for the two years that they are kept; and of the images that
  are unavailable, one in fifty, each has one that is open;
- 40,400 notices of two channels: that the last incident of each image opened and that it was over, for they are kept
  for three months; what opened just now is still held back;
- 90,000 batches: each check of the day for which the ledger is kept, a hundred to a batch. Those of the last ten
  seconds are not answered yet.

For twenty registries, however many images they have:

- 80 accounts of quotas: a login that all regions use, and the address of each region. All have a limit, of which each
  region was told. That is more than in life, where few registries tell one;
- 240 certificates: of the registry's own host, of the one that gives tokens, and of two that have blobs, as each
  region saw them.

And each region has four workers, so that there are enough while one is lost and another replaced; a region lists
twenty at most. They are heard by real heartbeats. Of durations and outcomes there are the counters of each region,
registry and step or status.

Imports models: Django must be set up before.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from django.db import connection

from probes.actions import regions
from probes.models import (
    Batch,
    Channel,
    Credential,
    HostCertificate,
    Incident,
    Notice,
    QuotaAccount,
    Registry,
    Resource,
    ResourceGroup,
)
from probes.policy.delivery import ChannelKind
from probes.policy.hearsay import readings_to_json
from probes.policy.quota_limits import Reading
from tests.fakes.far_region import FarRegion

REGIONS: Final = ("ap-south", "eu-west", "us-east")
REGISTRIES: Final = 20
WORKERS: Final = 4
CHANNELS: Final = (ChannelKind.EMAIL, ChannelKind.ALERTMANAGER)
_HOSTS: Final = ("", "auth.", "blobs-1.", "blobs-2.")
_LIMIT: Final = 5000
_WINDOW_SECONDS: Final = 6 * 3600
_SEATS: Final = 50

_RESOURCES: Final = """
INSERT INTO probes_resource (name, reference, registry_id, repository, tag, digest, platforms, strict_platform,
    manifest_cadence_seconds, blobs_cadence_seconds, sample_blobs, check_tag, interval_seconds, labels,
    next_due_at, reference_since, created_at, updated_at, severity, group_id)
SELECT '', registry.host || '/bench/' || number || ':1', registry.id, 'bench/' || number, '1', '',
    '{linux/amd64}', false, 3600, 86400, false, false, 300, '{}', now() + interval '1 day',
    now(), now(), now(), '', (SELECT id FROM probes_resourcegroup)
FROM generate_series(%(first)s::integer, %(last)s::integer) AS number
JOIN probes_registry AS registry ON registry.host = 'registry-' || number %% %(registries)s || '.test'
"""

_VERDICTS: Final = """
INSERT INTO probes_verdict (resource_id, state, since, computed_at, inputs)
SELECT id, CASE WHEN id %% 50 = 0 THEN 'unavailable' ELSE 'available' END, now(), now(),
    jsonb_build_object('votes', repeat('x', 1000))
FROM probes_resource ON CONFLICT DO NOTHING
"""

_STATES: Final = """
INSERT INTO probes_regionstate (resource_id, region_id, status, reason, since, last_slot, checked_at, warnings,
    consecutive_failures, consecutive_successes, run_since, ballot, ballot_slot, bad_run_since, stance,
    stance_since, success_slot, document)
SELECT resource.id, region.id, 'available', 'ok', now(), now(), now(), '{}', 0, 9, now(), 'good', now(), now(),
    'good', now(), now(), jsonb_build_object('steps', repeat(md5(resource.id::text), 60))
FROM probes_resource AS resource CROSS JOIN probes_region AS region ON CONFLICT DO NOTHING
"""

_COUNTERS: Final = """
INSERT INTO probes_counter (counted, key, region_id, registry_id, counts, seconds)
SELECT 'durations', step, region.id, registry.id, array_fill(1000000000, ARRAY[18]), 123456.789
FROM unnest('{check,challenge,token,manifest,index,child,config,layer}'::text[]) AS step
CROSS JOIN probes_region AS region CROSS JOIN probes_registry AS registry
UNION ALL SELECT 'outcomes', status, region.id, registry.id, '{1000000000}', 0
FROM unnest('{available,unavailable,degraded,indeterminate}'::text[]) AS status
CROSS JOIN probes_region AS region CROSS JOIN probes_registry AS registry ON CONFLICT DO NOTHING
"""

# Number 0 of an image is the one that is open.
_INCIDENTS: Final = """
INSERT INTO probes_incident (resource_id, level, worst, severity, began_at, opened_at, resolved_at, cause,
    is_flapping, failure, explanation)
SELECT resource.id, 'unavailable', 'unavailable', 'critical', opened_at - interval '10 min', opened_at,
    CASE WHEN number > 0 THEN opened_at + interval '1 h' END, CASE WHEN number > 0 THEN 'recovered' ELSE '' END,
    false, 'tag_not_found', 'unavailable: 3 of 3 regions say that the tag is not there'
FROM generate_series(0, 8) AS number CROSS JOIN probes_resource AS resource CROSS JOIN LATERAL (
    SELECT now() - CASE WHEN number > 0 THEN (90 * number - 45) * interval '1 day' ELSE interval '30 s' END
        AS opened_at
) AS course
WHERE (number > 0 OR resource.id %% 50 = 0)
    AND NOT EXISTS (SELECT FROM probes_incident AS known WHERE known.resource_id = resource.id)
"""

_NOTICES: Final = """
INSERT INTO probes_notice (channel_id, uid, key, topic, incident_id, announcement, state, created_at, due_at,
    attempts, last_error, because, sent_at)
SELECT channel.id, gen_random_uuid(), 'incident-' || incident.id || '/' || word, 'incident_' || word, incident.id,
    jsonb_build_object('title', incident.explanation, 'facts', (
        SELECT string_agg(md5(incident.id || '/' || part), '') FROM generate_series(1, 25) AS part
    )),
    CASE WHEN sent_at IS NULL THEN 'pending' ELSE 'sent' END, opened_at, opened_at + interval '1 min',
    CASE WHEN sent_at IS NULL THEN 0 ELSE 1 END, '', '', sent_at
FROM probes_incident AS incident CROSS JOIN probes_channel AS channel
CROSS JOIN unnest('{opened,resolved}'::text[]) AS word
CROSS JOIN LATERAL (SELECT incident.resolved_at + interval '1 min' AS sent_at) AS course
WHERE opened_at > now() - interval '90 days' AND (word = 'opened' OR resolved_at IS NOT NULL)
ON CONFLICT DO NOTHING
"""

_BATCHES: Final = """
INSERT INTO probes_batch (id, region_id, issued_at, expires_at, resource_ids, slots, state, reported_at, is_second)
SELECT gen_random_uuid(), region_id, issued_at, issued_at + interval '5 min',
    ARRAY(SELECT number + place FROM generate_series(1, 100) AS place), array_fill(issued_at, ARRAY[100]),
    CASE WHEN is_answered THEN 'reported' ELSE 'sent' END,
    CASE WHEN is_answered THEN issued_at + interval '5 s' END, false
FROM (
    SELECT region.id AS region_id, number, issued_at, issued_at < now() - interval '10 s' AS is_answered
    FROM generate_series(3 * %(first)s::integer, 3 * %(last)s::integer + 2) AS number
    CROSS JOIN probes_region AS region
    CROSS JOIN LATERAL (SELECT now() - number %% 8640 * interval '10 s' AS issued_at) AS course
) AS issued
"""

_GROWING: Final = (_RESOURCES, _VERDICTS, _STATES, _COUNTERS, _INCIDENTS, _NOTICES, _BATCHES)


class Inventory:
    """Registries and regions with all that is theirs, and as many images as are added."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self._regions = [FarRegion.enrolled(slug) for slug in REGIONS]
        self._workers = [(region, str(uuid4())) for region in self._regions for _ in range(WORKERS)]
        self._heartbeats = 0
        ResourceGroup.objects.create(name="bench")
        Channel.objects.bulk_create(Channel(name=kind.value, kind=kind.value) for kind in CHANNELS)
        Registry.objects.bulk_create(Registry(host=f"registry-{number}.test") for number in range(REGISTRIES))
        registries = list(Registry.objects.all())
        for registry in registries:
            self._give_accounts(registry, now)
            self._give_certificates(registry, now)

    def add_images(self, first: int, last: int) -> None:
        """Make the images of these numbers, the last one included, and what grows with them."""
        with connection.cursor() as cursor:
            for statement in _GROWING:
                cursor.execute(statement, {"first": first, "last": last, "registries": REGISTRIES})
            cursor.execute("ANALYZE")

    def beat(self) -> None:
        """Have every worker be heard, as it is every few seconds."""
        self._heartbeats += 1
        for number, (region, worker) in enumerate(self._workers):
            heartbeat = region.heartbeat(
                self._heartbeats, worker=worker, host=f"worker-{number}", seats=_SEATS, in_flight=number
            )
            regions.record_heartbeat(heartbeat, now=datetime.now(UTC))

    def __str__(self) -> str:
        rows = (Resource, Incident, Notice, Batch, QuotaAccount, HostCertificate)
        counts = [f"{model.objects.count():,} {model._meta.verbose_name_plural}" for model in rows]  # noqa: SLF001 - Django's documented API
        return f"{', '.join(counts)}, {len(self._workers)} workers"

    def _give_accounts(self, registry: Registry, now: datetime) -> None:
        login = Credential.objects.create(registry=registry, username="robot")
        told = Reading(at=now, limit=_LIMIT, remaining=_LIMIT - 1, window_seconds=_WINDOW_SECONDS)
        everywhere = dict.fromkeys((region.row.pk for region in self._regions), told)
        accounts = [QuotaAccount(registry=registry, credential=login, readings=readings_to_json(everywhere))]
        accounts += [
            QuotaAccount(
                registry=registry,
                egress=f"192.0.2.{number}",
                regions=[region.slug],
                readings=readings_to_json({region.row.pk: told}),
            )
            for number, region in enumerate(self._regions)
        ]
        for account in accounts:
            account.limit, account.remaining, account.window_seconds = told.limit, told.remaining, told.window_seconds
            account.read_at = account.created_at = now
        QuotaAccount.objects.bulk_create(accounts)

    def _give_certificates(self, registry: Registry, now: datetime) -> None:
        HostCertificate.objects.bulk_create(
            HostCertificate(
                registry=registry,
                region=region.row,
                host=f"{prefix}{registry.host}",
                not_after=now + timedelta(days=60),
                first_seen_at=now,
                seen_at=now,
            )
            for prefix in _HOSTS
            for region in self._regions
        )
