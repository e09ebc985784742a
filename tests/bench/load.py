"""Images for the whole pipeline to check, due evenly over their interval.

What needs models is imported where it is used: Django is set up when a benchmark begins.
"""

import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.db import connection

from probes.policy import slots
from tests.bench.registry import BenchRegistry
from tests.fakes.pipeline import Pipeline

_RESCHEDULE: Final = """
UPDATE probes_resource AS resource SET interval_seconds = %s, next_due_at = given.due_at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (id, due_at) WHERE resource.id = given.id
"""


def add_images(pipeline: Pipeline, registry: BenchRegistry, count: int, *, interval_seconds: int) -> None:
    """Add images with the ids from 1 on, checked at depth `resolve`."""
    from probes.models import Resource  # noqa: PLC0415 - see above

    row = pipeline.add_registry(
        registry.authority,
        ca_pem=registry.site.ca_pem,
        resolve={host: list(addresses) for host, addresses in registry.site.resolve},
    )
    numbers = range(1, count + 1)
    due = _due(numbers, interval_seconds)
    Resource.objects.bulk_create(
        Resource(
            pk=number,
            reference=registry.image(number),
            registry=row,
            repository=f"bench/image-{number:06}",
            tag="1",
            interval_seconds=interval_seconds,
            depth="resolve",
            next_due_at=due_at,
        )
        for number, due_at in zip(numbers, due, strict=True)
    )


def reschedule(count: int, *, interval_seconds: int) -> None:
    """Have the images checked at another interval from now on."""
    numbers = range(1, count + 1)
    with connection.cursor() as cursor:
        cursor.execute(_RESCHEDULE, [interval_seconds, list(numbers), _due(numbers, interval_seconds)])


def due_between(begin: datetime, end: datetime, count: int, *, interval_seconds: int) -> int:
    """Return how many slots of the images fall into a window; slots are whole seconds."""
    first, last = (math.ceil(instant.timestamp()) - 1 for instant in (begin, end))
    phases = (slots.phase_seconds(number, interval_seconds) for number in range(1, count + 1))
    return sum((last - phase) // interval_seconds - (first - phase) // interval_seconds for phase in phases)


def _due(numbers: Iterable[int], interval_seconds: int) -> list[datetime]:
    """Return the first slot of each image's own grid, from a few seconds on."""
    begin = math.ceil(time.time()) + 3
    phases = (slots.phase_seconds(number, interval_seconds) for number in numbers)
    return [datetime.fromtimestamp(begin + (phase - begin) % interval_seconds, UTC) for phase in phases]
