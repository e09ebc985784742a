"""Pages without a count: each names where the next begins, by the keys of its last row.

An offset would read all the rows before it, a count all of them; and a position by time alone would lose rows,
since thousands share one slot. So a cursor holds every key of the order.
"""

import json
from abc import abstractmethod
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.db.models import Model, Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from probes.models import (
    AuditEntry,
    Event,
    Incident,
    MaintenanceWindow,
    Outcome,
    RegionEvent,
    Resource,
    ResourceGroup,
    Run,
)

PAGE_PARAMETERS: Final = frozenset({"cursor", "page_size"})
DEFAULT_PAGE_SIZE: Final = 100
LARGEST_PAGE_SIZE: Final = 500
_LARGEST_ID: Final = 2**63 - 1

RowT = TypeVar("RowT", bound=Model)


class KeysetPagination(BasePagination, Generic[RowT]):
    """A page of rows in `ordering`, and the address of the next one while there is one."""

    ordering: ClassVar[tuple[str, ...]]

    def paginate_queryset(
        self,
        queryset: Any,
        request: Request,
        view: APIView | None = None,  # noqa: ARG002 - DRF's signature
    ) -> list[Any]:
        size = _page_size(request.query_params)
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(self._after(cursor))
        rows = list(queryset.order_by(*self.ordering)[: size + 1])
        self._next = self._link(request, rows[size - 1]) if len(rows) > size else None
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

    def get_schema_operation_parameters(
        self,
        view: APIView,  # noqa: ARG002 - DRF's signature
    ) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE}
        cursor = "Where the page begins, from `next` of the one before."
        return [
            {"name": "cursor", "in": "query", "description": cursor, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "description": "Rows on a page.", "schema": size},
        ]

    @abstractmethod
    def position(self, row: RowT) -> list[Any]:
        """Return the keys of a row as JSON values."""

    @abstractmethod
    def beyond(self, position: Any) -> Q:
        """Return what holds for the rows after a position. Raises `ValueError` or `TypeError` if it is none."""

    def _link(self, request: Request, last: RowT) -> str:
        cursor = urlsafe_b64encode(json.dumps(self.position(last)).encode()).decode().rstrip("=")
        return replace_query_param(request.build_absolute_uri(), "cursor", cursor)

    def _after(self, cursor: str) -> Q:
        try:
            return self.beyond(json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        except (ValueError, TypeError, OverflowError, RecursionError, Base64Error):
            message = "Not a cursor of this list. Follow `next` as it is, or leave the cursor out."
            raise ValidationError({"cursor": [message]}) from None


class OutcomePagination(KeysetPagination[Outcome]):
    """Newest slot first, and within a slot the newest arrival."""

    ordering = ("-slot", "-id")

    def position(self, row: Outcome) -> list[Any]:
        return [row.slot.isoformat(), row.pk]

    def beyond(self, position: Any) -> Q:
        return _before("slot", position)


class IncidentPagination(KeysetPagination[Incident]):
    """The last opened first."""

    ordering = ("-opened_at", "-id")

    def position(self, row: Incident) -> list[Any]:
        return [row.opened_at.isoformat(), row.pk]

    def beyond(self, position: Any) -> Q:
        return _before("opened_at", position)


class EventPagination(KeysetPagination[Event]):
    """The newest first."""

    ordering = ("-at", "-id")

    def position(self, row: Event) -> list[Any]:
        return [row.at.isoformat(), row.pk]

    def beyond(self, position: Any) -> Q:
        return _before("at", position)


class AuditPagination(KeysetPagination[AuditEntry]):
    """The newest first."""

    ordering = ("-at", "-id")

    def position(self, row: AuditEntry) -> list[Any]:
        return [row.at.isoformat(), row.pk]

    def beyond(self, position: Any) -> Q:
        return _before("at", position)


class RunPagination(KeysetPagination[Run]):
    """The last ordered first."""

    ordering = ("-asked_at", "-id")

    def position(self, row: Run) -> list[Any]:
        return [row.asked_at.isoformat(), row.pk]

    def beyond(self, position: Any) -> Q:
        return _before("asked_at", position)


class RegionEventPagination(KeysetPagination[RegionEvent]):
    """The newest first."""

    ordering = ("-id",)

    def position(self, row: RegionEvent) -> list[Any]:
        return [row.pk]

    def beyond(self, position: Any) -> Q:
        (key,) = position
        return Q(id__lt=_id(key))


class _AsMade(KeysetPagination[RowT]):
    """In the order they were made."""

    ordering = ("id",)

    def position(self, row: RowT) -> list[Any]:
        return [row.pk]

    def beyond(self, position: Any) -> Q:
        (key,) = position
        return Q(id__gt=_id(key))


class ResourcePagination(_AsMade[Resource]):
    pass


class GroupPagination(_AsMade[ResourceGroup]):
    pass


class WindowPagination(_AsMade[MaintenanceWindow]):
    pass


def _before(field: str, position: Any) -> Q:
    text, key = position
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no zone")
    instant = instant.astimezone(UTC)  # an OverflowError for what PostgreSQL could not hold
    # The first half lets the index begin there.
    return Q(**{f"{field}__lte": instant}) & (Q(**{f"{field}__lt": instant}) | Q(id__lt=_id(key)))


def _id(key: Any) -> int:
    if type(key) is not int or not 0 <= key <= _LARGEST_ID:
        raise ValueError("no id")
    return key


def _page_size(parameters: Mapping[str, str]) -> int:
    text = parameters.get("page_size", str(DEFAULT_PAGE_SIZE))
    if text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= LARGEST_PAGE_SIZE:
        return int(text)
    raise ValidationError({"page_size": [f"Write a whole number from 1 to {LARGEST_PAGE_SIZE}."]})
