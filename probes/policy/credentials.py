"""Which credential a check uses."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored credential, without its secret. `region` is None where it serves every region."""

    id: int
    prefix: str
    region: str | None = None


def covers(prefix: str, repository: str) -> bool:
    """Tell whether `prefix` is `repository` or whole leading parts of it; the empty prefix covers all."""
    return not prefix or repository == prefix or repository.startswith(f"{prefix}/")


def choose(
    candidates: Iterable[Candidate], *, repository: str, region: str, pinned: Candidate | None = None
) -> Candidate | None:
    """Return the credential for `repository` as seen from `region`, or None for an anonymous check.

    `candidates` are those of the image's registry. The longest matching prefix wins; at equal length the one
    for this very region wins over the one for all. `pinned` is the operator's own choice for the resource: it
    fixes the prefix, and only a credential of that prefix for this region may stand in for it.
    """
    if pinned is None:
        usable = [item for item in candidates if item.region in (None, region) and covers(item.prefix, repository)]
    else:
        usable = [item for item in candidates if item.region == region and item.prefix == pinned.prefix]
        if pinned.region in (None, region):
            usable.append(pinned)
    return max(usable, key=lambda item: (len(item.prefix), item.region is not None), default=None)
