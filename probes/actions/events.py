"""Recording events: each once, whoever comes with it and however often."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import connection

from probes.actions import announcements, notices
from probes.models import Event
from probes.policy.happenings import Happening
from probes.protocol.errors import clean_text

_LONGEST_TEXT: Final = 1000
_COLUMNS: Final = (
    "kind text, at timestamptz, severity text, resource_id bigint, registry_id bigint, credential_id bigint,"
    " region text, key text, text text, facts jsonb"
)
_NAMES: Final = ", ".join(column.split()[0] for column in _COLUMNS.split(","))

_RECORD: Final = f"""
INSERT INTO probes_event ({_NAMES})
SELECT {_NAMES} FROM jsonb_to_recordset(%s::jsonb) AS given ({_COLUMNS}) ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING id
"""  # noqa: S608 - made of the constants above


def record(happenings: Iterable[Happening], *, now: datetime) -> list[Event]:
    """Write down what happened and is not known yet, in the caller's transaction, and announce it.

    Returns the new events, in order. None happens later than `now`. Three queries, and those of the outbox where
    somebody is to be told; one where nothing is new, and none where nothing happened. Whoever
    calls holds what the events are about, so that it is not deleted meanwhile.
    """
    rows = [
        {
            "kind": item.kind,
            "at": min(item.at, now).isoformat(),
            "severity": item.severity,
            "resource_id": item.resource,
            "registry_id": item.registry,
            "credential_id": item.credential,
            "region": item.region,
            "key": item.key,
            "text": clean_text(item.text, _LONGEST_TEXT),
            "facts": dict(item.facts),
        }
        for item in happenings
    ]
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [json.dumps(rows)])
        new = [pk for (pk,) in cursor.fetchall()]
    if not new:
        return []
    related = ("resource", "registry", "credential__registry")
    found = list(Event.objects.filter(pk__in=new).select_related(*related).order_by("at", "id"))
    notices.announce([announcements.of_event(event) for event in found], now=now)
    return found
