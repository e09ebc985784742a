"""An outcome of the past, to which a timeline leads. PURE: a row of the selectors and a moment in, words out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from dashboard import words
from dashboard.cells import region_name
from dashboard.image import evidence
from dashboard.image.evidence import Document
from dashboard.words import Look
from probes.models import Outcome


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
    def of(cls, outcome: Outcome | None, *, region: str, slot: datetime, now: datetime) -> Self:
        """Return what is there of the outcome of that slot from the region of that slug."""
        name = region_name(outcome.region) if outcome else words.shown(region, 40)
        return cls(
            slug=".then",  # no region's
            name=name,
            moment=words.moment(slot, now),
            look=Look(outcome.status) if outcome else None,
            summary=words.reason(outcome.reason) if outcome else "",
            document=evidence.read(outcome.document, now) if outcome and outcome.document else None,
        )
