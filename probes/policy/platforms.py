"""Which platforms of an image a region has found, and since when.

Only a check that reads the manifest can tell. What it did not get to, where it was cut short, stays as it was known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from probes.protocol.outcome import PlatformResult
from probes.protocol.plan import ALL_PLATFORMS
from probes.protocol.taxonomy import Reason

MOST: Final = 64
"""As many as a check looks at; more are not remembered."""

_LONGEST_NAME: Final = 100
_NOT_LISTED: Final = frozenset({Reason.PLATFORM_MISSING, Reason.INDEX_EMPTY})


@dataclass(frozen=True, slots=True)
class Listed:
    """Whether an image is there for a platform, as a region has found it since the slot `since`."""

    is_there: bool
    since: datetime

    def to_json(self) -> dict[str, Any]:
        return {"is_there": self.is_there, "since": self.since.isoformat()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(document["is_there"], datetime.fromisoformat(document["since"]))


Listing = Mapping[str, Listed]


def listing(known: Listing, results: Sequence[PlatformResult], *, at: datetime, is_capped: bool = False) -> Listing:
    """Return what is known after a check for the slot `at` that found `results`; none where it did not look.

    One that fails for another reason is there all the same. One that is not spoken of any more is gone, unless the
    check was cut short, or the reference names a single image by now, of whose platforms nothing is said.
    """
    found = {item.platform: item.reason not in _NOT_LISTED for item in results}
    if not found or ALL_PLATFORMS in found or len(found) > MOST or max(map(len, found)) > _LONGEST_NAME:
        return known
    gone = {} if is_capped else dict.fromkeys(known.keys() - found.keys(), False)
    seen = {name: _seen(known.get(name), is_there, at) for name, is_there in {**gone, **found}.items()}
    kept = {**known, **seen}
    return kept if len(kept) <= MOST else {name: seen[name] for name in found}


def _seen(known: Listed | None, is_there: bool, at: datetime) -> Listed:  # noqa: FBT001 - what was seen
    return known if known is not None and known.is_there is is_there else Listed(is_there, at)
