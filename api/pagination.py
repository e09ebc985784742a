"""Pages without a count: each names where the next begins, by the keys of its last row.

An offset would read all the rows before it, a count all of them; and a position by time alone would lose rows,
since thousands share one slot. So a cursor holds every key of the order, and the order that somebody chose.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Model, Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from probes.models import AuditEntry, Event, Incident, Outcome, RegionEvent, Run, VerdictChange

ORDERING: Final = "ordering"
PAGE_PARAMETERS: Final = frozenset({"cursor", "page_size"})
DEFAULT_PAGE_SIZE: Final = 50
LARGEST_PAGE_SIZE: Final = 500
_LARGEST_NUMBER: Final = 2**63 - 1

RowT = TypeVar("RowT", bound=Model)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST_NUMBER:
        raise ValueError("no number that a row has")
    return value


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("no zone")
    return instant.astimezone(UTC)  # an OverflowError for what PostgreSQL could not hold


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("no text that a row has")
    value.encode()  # a UnicodeEncodeError, which is a ValueError, for half of a surrogate pair
    return value


@dataclass(frozen=True, kw_only=True)
class Values:
    """What a column holds: how a cursor writes it, and reads it again. Reading raises `ValueError` or `TypeError`."""

    written: Callable[[Any], Any]
    read: Callable[[Any], Any]


NUMBERS: Final = Values(written=int, read=_number)
INSTANTS: Final = Values(written=datetime.isoformat, read=_instant)
TEXTS: Final = Values(written=str, read=_text)


@dataclass(frozen=True, kw_only=True)
class Order:
    """By one column, and by id where rows are alike in it. The column is never null, and may be a related row's."""

    column: str = "id"
    values: Values = NUMBERS
    is_descending: bool = False

    @property
    def terms(self) -> tuple[str, ...]:
        """What a query set is ordered by."""
        sign = "-" if self.is_descending else ""
        return tuple(f"{sign}{column}" for column in dict.fromkeys((self.column, "id")))

    def position(self, row: Model) -> list[Any]:
        """Return the keys of a row as JSON values."""
        if self.column == "id":
            return [row.pk]
        return [self.values.written(attrgetter(self.column.replace("__", "."))(row)), row.pk]

    def beyond(self, position: Any) -> Q:
        """Return what holds for the rows after a position. Raises `ValueError` or `TypeError` if it is none."""
        past = "lt" if self.is_descending else "gt"
        if self.column == "id":
            (key,) = position
            return Q(**{f"id__{past}": _number(key)})
        found, key = position
        value = self.values.read(found)
        # The first half lets an index begin there.
        return Q(**{f"{self.column}__{past}e": value}) & (
            Q(**{f"{self.column}__{past}": value}) | Q(**{f"id__{past}": _number(key)})
        )


AS_MADE: Final = Order()
"""In the order they were made."""


class KeysetPagination(BasePagination, Generic[RowT]):
    """A page of rows in the view's order, and the address of the next one while there is one.

    A view may offer `orders` by name, of which `?ordering=` chooses one, with `-` before it the other way round.
    Where it says `is_cut_first`, which rows are on the page is found in its own table alone, and only these are read
    with what they are joined to: otherwise the database plans for reading all of them so, and sorts them whole.
    """

    order: ClassVar[Order] = AS_MADE

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        size = _page_size(request.query_params)
        self._name, order = self._chosen(request.query_params, getattr(view, "orders", {}))
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(self._after(cursor, order))
        queryset = queryset.order_by(*order.terms)
        if getattr(view, "is_cut_first", False):
            whole, ids = view.get_queryset(), queryset.values("pk")[: size + 1]  # type: ignore[union-attr]  # its base
            queryset = whole.filter(pk__among=ArraySubquery(ids)).order_by(*order.terms)
        rows = list(queryset[: size + 1])
        self._next = self._link(request, order.position(rows[size - 1])) if len(rows) > size else None
        return rows[:size]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The next page; null on the last one.",
            "example": "https://kairos.example.com/api/v1/outcomes?cursor=WyIyMDI2LTExLTIzVDE0OjAwOjAwKzAwOjAwIiwgN10",
        }
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE}
        cursor = "Where the page begins, from `next` of the one before."
        parameters = [
            {"name": "cursor", "in": "query", "description": cursor, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "description": "Rows on a page.", "schema": size},
        ]
        if orders := getattr(view, "orders", {}):
            names = [f"{sign}{name}" for name in orders for sign in ("", "-")]
            said = "The order of the rows; with `-` the other way round. A cursor goes with the order it is of."
            parameters.append(
                {"name": ORDERING, "in": "query", "description": said, "schema": {"type": "string", "enum": names}}
            )
        return parameters

    def _chosen(self, parameters: Mapping[str, str], orders: Mapping[str, Order]) -> tuple[str, Order]:
        name = parameters.get(ORDERING)
        if name is None:
            return "", self.order
        if (order := orders.get(name.removeprefix("-"))) is None:
            raise ValidationError({ORDERING: [f"There is no such order. There are: {', '.join(orders)}."]})
        return name, replace(order, is_descending=order.is_descending is not name.startswith("-"))

    def _link(self, request: Request, position: list[Any]) -> str:
        kept = {self._name: position} if self._name else position
        cursor = urlsafe_b64encode(json.dumps(kept).encode()).decode().rstrip("=")
        return replace_query_param(request.build_absolute_uri(), "cursor", cursor)

    def _after(self, cursor: str, order: Order) -> Q:
        try:
            kept = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            return order.beyond(self._position(kept))
        except (ValueError, TypeError, OverflowError, RecursionError, Base64Error):
            message = "Not a cursor of this list. Follow `next` as it is, or leave the cursor out."
            raise ValidationError({"cursor": [message]}) from None

    def _position(self, kept: Any) -> list[Any]:
        """Return the keys in a cursor. Raises `ValueError` if it is of another order."""
        position = kept
        if self._name:
            if not isinstance(kept, dict) or list(kept) != [self._name]:
                raise ValueError("of another order")
            position = kept[self._name]
        if not isinstance(position, list):
            raise ValueError("no keys")  # noqa: TRY004 - read from outside
        return position


class OutcomePagination(KeysetPagination[Outcome]):
    """Newest slot first, and within a slot the newest arrival."""

    order = Order(column="slot", values=INSTANTS, is_descending=True)


class IncidentPagination(KeysetPagination[Incident]):
    """The last opened first."""

    order = Order(column="opened_at", values=INSTANTS, is_descending=True)


class EventPagination(KeysetPagination[Event]):
    """The newest first."""

    order = Order(column="at", values=INSTANTS, is_descending=True)


class AuditPagination(KeysetPagination[AuditEntry]):
    """The newest first."""

    order = Order(column="at", values=INSTANTS, is_descending=True)


class RunPagination(KeysetPagination[Run]):
    """The last ordered first."""

    order = Order(column="asked_at", values=INSTANTS, is_descending=True)


class VerdictChangePagination(KeysetPagination[VerdictChange]):
    """The newest first."""

    order = Order(column="at", values=INSTANTS, is_descending=True)


class RegionEventPagination(KeysetPagination[RegionEvent]):
    """The newest first."""

    order = Order(is_descending=True)


class AsMadePagination(KeysetPagination[Any]):
    """In the order they were made."""


def _page_size(parameters: Mapping[str, str]) -> int:
    text = parameters.get("page_size", str(DEFAULT_PAGE_SIZE))
    if text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= LARGEST_PAGE_SIZE:
        return int(text)
    raise ValidationError({"page_size": [f"Write a whole number from 1 to {LARGEST_PAGE_SIZE}."]})
