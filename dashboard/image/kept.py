"""An outcome of the past, to which a timeline leads. PURE: a row of the selectors and a moment in, words out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from dashboard import words
from dashboard.cells import region_name
from dashboard.image import evidence
from dashboard.image.evidence import Document
from dashboard.words import Look
from probes.models import Outcome

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Named:
    """Which outcome an address names: that of a slot, from the region of that slug."""

    region: str
    slot: datetime


def given(query: Mapping[str, str]) -> Mapping[str, str]:
    """Return what an address says of an outcome (`from` and `slot`), as it is, but short."""
    return {name: query.get(name, "").replace("\0", "")[:_LONGEST] for name in ("from", "slot")}


def named(query: Mapping[str, str]) -> Named | None:
    """Return the outcome that an address names, None where it names none or its slot is no instant."""
    said = given(query)
    try:
        slot = datetime.fromisoformat(said["slot"])
        return Named(said["from"], slot.astimezone(UTC)) if said["from"] and slot.tzinfo else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is left of the outcome of a slot from a region. `document` is None where only its summary is.

    `look` is None where nothing is left. `slug` sets its part of the page apart from that of the region.
    """

    slug: str
    name: str
    moment: str
    look: Look | None
    summary: str
    document: Document | None

    @classmethod
    def of(cls, outcome: Outcome | None, which: Named, now: datetime) -> Self:
        """Return what is there of the outcome that was named."""
        name = region_name(outcome.region) if outcome else words.shown(which.region, 40)
        return cls(
            slug=".then",  # no region's
            name=name,
            moment=words.moment(which.slot, now),
            look=Look(outcome.status) if outcome else None,
            summary=words.reason(outcome.reason) if outcome else "",
            document=evidence.read(outcome.document, now) if outcome and outcome.document else None,
        )
