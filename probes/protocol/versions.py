"""Versions of what passes between the control plane and a region, so that either side can be upgraded first.

A message's body carries its version as `v`; one without it is of version 1. All versions that are spoken here are
read and written. The control plane writes the newest that every live worker of a region reads (a heartbeat tells),
and a report is written in the version of the batch that it answers. A field that a reader of the version before may
miss is added without a new version; a new one is for what that reader would take for something else.

| version | is new in it                                                             |
|---------|--------------------------------------------------------------------------|
| 1       | batches of plans, reports of findings, heartbeats                        |
| 2       | `v`; a report may list checks that were not made, instead of finding for them |
| 3       | plans of endpoints, whose `kind` is `http`                               |
"""

from collections.abc import Iterable
from typing import Any, Final

from probes.protocol.shape import count

SPOKEN: Final = (1, 2, 3)
OLDEST: Final = SPOKEN[0]
NEWEST: Final = SPOKEN[-1]
RETURNS_SINCE: Final = 2
"""The first version in which a report can list checks that were not made."""
ENDPOINTS_SINCE: Final = 3
"""The first version in which a batch can hold plans of endpoints."""


class VersionUnknown(ValueError):
    """A message of a version that is not spoken here."""


def of(document: Any) -> int:
    """Return the version of a message's body, 1 where it tells none.

    Raises `VersionUnknown` for one that is not spoken, `TypeError` or `ValueError` for what is no version.
    """
    version = count(document.get("v", OLDEST))
    if version not in SPOKEN:
        raise VersionUnknown(f"version {version}, where {OLDEST} to {NEWEST} are spoken")
    return version


def mark(version: int) -> dict[str, int]:
    """Return what tells the version in a message's body: nothing in version 1."""
    return {"v": version} if version > OLDEST else {}


def common(read: Iterable[Iterable[int]]) -> int:
    """Return the newest version that is spoken here and that each of several readers reads.

    The oldest where no reader is known, or where one reads none of ours: that one will say so by its refusals.
    """
    shared = set(SPOKEN)
    is_known = False
    for versions in read:
        is_known = True
        shared &= set(versions)
    return max(shared, default=OLDEST) if is_known else OLDEST
