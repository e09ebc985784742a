"""Pages of what happened, the newest first: each begins after the last row of the one before.

An offset would read all that came before it, and a page would slip while something happens. Nothing is counted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Self, TypeVar

from django.db.models import Model, Q, QuerySet

RowT = TypeVar("RowT", bound=Model)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_WRITTEN: Final = re.compile(r"([0-9]{1,17})-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands among those that happened: when, and by its number among those of the same instant."""

    at: datetime
    id: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `str` writes. Raises `ValueError` for what is no place."""
        if (found := _WRITTEN.fullmatch(text)) is None:
            raise ValueError("no place in a list")
        try:
            return cls(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2]))
        except OverflowError:
            raise ValueError("a time that no calendar has") from None

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.id}"


@dataclass(frozen=True, slots=True)
class Part(Generic[RowT]):
    """So many rows, and after which the next part begins; None where these are the last."""

    rows: Sequence[RowT]
    last: Place | None


def part(rows: QuerySet[RowT], wide: QuerySet[RowT], *, by: str, after: Place | None, most: int) -> Part[RowT]:
    """Return at most so many of `rows`, the newest by the column `by` first, as `wide` reads them. Two queries.

    Which they are is found in their own table alone: joined at once, the database may read all of them so.
    """
    if after is not None:
        rows = rows.filter(beyond(by, after))
    order = (f"-{by}", "-id")
    ids = list(rows.order_by(*order).values_list("pk", flat=True)[: most + 1])
    found = list(wide.filter(pk__in=ids[:most]).order_by(*order)) if ids else []
    is_cut = len(ids) > most and bool(found)
    return Part(found, Place(getattr(found[-1], by), found[-1].pk) if is_cut else None)


def beyond(by: str, after: Place) -> Q:
    """Return what holds for the rows that come after a place. The first half lets an index begin there."""
    named: dict[str, Any] = {f"{by}__lte": after.at}
    return Q(**named) & (Q(**{f"{by}__lt": after.at}) | Q(id__lt=after.id))
