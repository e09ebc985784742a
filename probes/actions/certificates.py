"""Remembering the certificates of hosts, as regions meet them: one row for each place, written only on news.

Registries choose the hosts that they lead to, so as many as they like: no more than some are remembered of each.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from probes.models import HostCertificate, Region
from probes.protocol.errors import clean_text
from probes.protocol.outcome import Certificate

HOSTS_OF_A_REGISTRY: Final = 64
"""From one region. Others are remembered once these have not been met for as long as rows are kept."""

KEPT_FOR: Final = timedelta(days=30)
_REFRESHED_AFTER: Final = timedelta(minutes=10)
_LONGEST_HOST: Final = 260
_LONGEST_ISSUER: Final = 300

_COLUMNS: Final = "registry_id bigint, host text, not_after timestamptz, issuer text, seen_at timestamptz"
_NOTE: Final = f"""
INSERT INTO probes_hostcertificate AS known (region_id, registry_id, host, not_after, issuer, first_seen_at, seen_at)
SELECT %s, registry_id, host, not_after, issuer, seen_at, seen_at
FROM jsonb_to_recordset(%s::jsonb) AS given ({_COLUMNS}) ORDER BY registry_id, host
ON CONFLICT (registry_id, region_id, host) DO UPDATE SET
    not_after = excluded.not_after, issuer = excluded.issuer, seen_at = excluded.seen_at,
    first_seen_at = CASE WHEN (known.not_after, known.issuer) = (excluded.not_after, excluded.issuer)
        THEN known.first_seen_at ELSE excluded.first_seen_at END
WHERE known.seen_at < excluded.seen_at
"""  # noqa: S608 - made of the constants above

_Place = tuple[int, str]
"""A registry's id, and a host on the way to it."""


class Met:
    """The certificates that one report tells of: of each place the one that ends first, by when it was last seen."""

    def __init__(self) -> None:
        self._found: dict[_Place, tuple[Certificate, datetime]] = {}

    def note(self, registry_id: int, certificates: Iterable[Certificate], at: datetime) -> None:
        """Take note of what a check of that registry met at `at`, by our clock."""
        for certificate in certificates:
            place = registry_id, certificate.host
            if place not in self._found:
                self._found[place] = certificate, at
                continue
            other, seen_at = self._found[place]
            first = min(other, certificate, key=lambda one: one.not_after)
            self._found[place] = first, max(at, seen_at)

    def store(self, region: Region, *, now: datetime) -> None:
        """Write down what is new. One query where none is, none where no certificate was met, two at most."""
        if not self._found:
            return
        registries = {registry_id for registry_id, _ in self._found}
        rows = HostCertificate.objects.filter(region=region, registry__in=registries)
        known = {(row.registry_id, row.host): row for row in rows}
        count = Counter(registry_id for registry_id, _ in known)
        news: list[dict[str, Any]] = []
        for place, (certificate, at) in self._found.items():
            registry_id, host = place
            row, issuer = known.get(place), clean_text(certificate.issuer, _LONGEST_ISSUER)
            if row is None:
                if count[registry_id] >= HOSTS_OF_A_REGISTRY or len(host) > _LONGEST_HOST:
                    continue
                count[registry_id] += 1
            elif (row.not_after, row.issuer) == (certificate.not_after, issuer) and (
                at - row.seen_at < _REFRESHED_AFTER
            ):
                continue
            news.append(
                {
                    "registry_id": registry_id,
                    "host": host,
                    "not_after": certificate.not_after.isoformat(),
                    "issuer": issuer,
                    "seen_at": min(at, now).isoformat(),
                }
            )
        if news:
            with connection.cursor() as cursor:
                cursor.execute(_NOTE, [region.pk, json.dumps(news)])
