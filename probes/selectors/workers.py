"""The workers of a region, as they were last heard (`actions.workers` keeps that)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from probes.models import Region
from probes.policy.clock import Estimate
from probes.policy.liveness import SILENT_AFTER
from probes.protocol import versions

READ_TO_ADDRESS: Final = ("heartbeat", "canaries")
"""Fields of a region that tell whom a batch for it is written to."""

_SHORT_ID: Final = 8


@dataclass(frozen=True, slots=True)
class Addressees:
    """Whom a batch for a region is written to: the version that all read, and how far whose clock is ahead.

    `address` is what the region comes from, as a canary last saw it.
    """

    version: int = versions.OLDEST
    clock_offsets: Mapping[str, float] = field(default_factory=dict)
    address: str | None = None


def listed(region: Region) -> Mapping[str, dict[str, Any]]:
    """Return the last heartbeat of each worker that is remembered, by its id.

    One that an earlier version stored lacks what came later.
    """
    workers: Mapping[str, dict[str, Any]] = region.heartbeat.get("workers", {})
    return workers


def newest_first(region: Region) -> Sequence[dict[str, Any]]:
    """Return what `listed` does, the newest heartbeat first."""
    return sorted(listed(region).values(), key=lambda worker: str(worker["received_at"]), reverse=True)


def living(region: Region, *, now: datetime) -> Sequence[dict[str, Any]]:
    """Return those of `listed` whose last heartbeat is as recent as that of a region that is not silent."""
    return [worker for worker in listed(region).values() if _is_recent(worker["received_at"], now)]


def are_more(region: Region) -> bool:
    """Tell whether workers are heard for whom there is no place in the list."""
    at = region.heartbeat.get("unlisted", {}).get("received_at")
    if at is None or region.last_seen_at is None:
        return False
    return region.last_seen_at - datetime.fromisoformat(at) <= SILENT_AFTER


def addressees(regions: Iterable[Region], *, now: datetime) -> Mapping[int, Addressees]:
    """Return of each region, by its id, whom a batch is written to. They come with `READ_TO_ADDRESS`.

    A worker may be alive for as long after its last heartbeat as a region is not silent. Where none lives, the
    version is the oldest: whoever comes next can read that.
    """
    found = {}
    for pk, region in {region.pk: region for region in regions}.items():
        alive = living(region, now=now)
        others = region.heartbeat.get("unlisted", {}).get("speaks", {})
        spoken = [item.get("speaks", [versions.OLDEST]) for item in alive]
        spoken += [_numbers(speaks) for speaks, at in others.items() if _is_recent(at, now)]
        clocks = {item["worker"]: clock_of(item) for item in alive}
        found[pk] = Addressees(
            versions.common(spoken),
            {
                worker: estimate.offset_seconds
                for worker, estimate in clocks.items()
                if estimate is not None and estimate.uncertainty_seconds is not None
            },
            (region.canaries or {}).get("public_address"),
        )
    return found


def too_old(regions: Iterable[Region], version: int, *, now: datetime) -> frozenset[int]:
    """Return the ids of the regions to which nothing may be written that only `version` has."""
    return frozenset(pk for pk, found in addressees(regions, now=now).items() if found.version < version)


def clock_of(worker: Mapping[str, Any]) -> Estimate | None:
    """Return how far a worker's clock is ahead of ours; None while nothing is known of it."""
    offset_seconds = worker.get("clock_offset_seconds")
    if offset_seconds is None:
        return None
    return Estimate(offset_seconds=offset_seconds, uncertainty_seconds=worker["clock_uncertainty_seconds"])


def clock_offset(region: Region, worker: str | None) -> float | None:
    """Return by how much a worker reckons that its clock is ahead: what batches tell it."""
    estimate = clock_of(listed(region).get(worker or "", {}))
    if estimate is None or estimate.uncertainty_seconds is None:
        return region.clock_offset_seconds
    return estimate.offset_seconds


def name_of(worker: Mapping[str, Any]) -> str:
    """Return what people call a worker: its machine's name, where it tells one, and the beginning of its id."""
    short = worker["worker"][:_SHORT_ID]
    host = worker.get("host")
    return f"{host} ({short})" if host else f"worker {short}"


def _is_recent(received_at: str, now: datetime) -> bool:
    return now - datetime.fromisoformat(received_at) <= SILENT_AFTER


def _numbers(speaks: str) -> list[int]:
    return [int(number) for number in speaks.split(",") if number]
