"""Telling open pages of what no trigger tells: that something was checked, though it came out as before (ADR 47)."""

from collections.abc import Iterable
from typing import Final

from django.db import connection

from probes.models import Resource
from probes.policy.changes import CHANNEL, checked

_TELL: Final = "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload"


def tell_checked(resources: Iterable[Resource]) -> None:
    """Tell of resources, on commit, that there are outcomes of them. One query, none for no resource."""
    payloads = list(checked((resource.pk, resource.group_id) for resource in resources))
    if payloads:
        with connection.cursor() as cursor:
            cursor.execute(_TELL, [CHANNEL, payloads])
