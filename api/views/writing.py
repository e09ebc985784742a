"""What every noun that can be written has in common (ADR 34).

A noun names its rows, its serializer (a `StrictBody`), its filters and orders, and says with `store` and
`remove` which actions are carried out. The rest is here: entity tags under a lock, idempotency keys, sparse fields,
`Location`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import etags, idempotency
from api.access import reach_of
from api.deadlocks import outlasting
from api.errors import CONFLICT, KEY_REUSED, PRECONDITION_FAILED, PreconditionFailed
from api.pagination import AS_MADE, AsMadePagination, Order
from api.queries import NarrowedList
from api.sparse import FIELDS
from api.strict import StrictBody, StrictSerializer
from api.views.bulk import BULK_FAILED, BulkResultsSerializer, BulkSerializer, BulkView
from probes.policy.access import Need, NeedTable
from probes.selectors import visible

RowT = TypeVar("RowT", bound=Model)

_HEADER: Final = OpenApiParameter.HEADER
_WRITES: Final = ("create", "update", "partial_update", "destroy", "bulk")


def writing_takes(need: Need) -> NeedTable:
    """Return a table of needs (ADR 37) by which all changes of a noun take the same."""
    return dict.fromkeys(_WRITES, need)


class DetailQuery(StrictSerializer):
    """The parameters of a single row: none but which fields to show."""

    known_besides = (FIELDS,)


class ChangingViewSet(NarrowedList[RowT], ListModelMixin, GenericViewSet[RowT], ABC):
    """List, show, replace and change rows of one noun, which are neither made nor deleted like others.

    `store(row, values)` stores values as its serializer validated them: in a new row where `row` is None, and where
    it is not, over what the row has. PUT and POST give every settable field, by its default where it was left out;
    PATCH gives those that were sent. It returns the row, and raises Django's `ValidationError` by the model's fields.
    It is called within a transaction, with the row locked.
    """

    pagination_class: Any = AsMadePagination
    orders: ClassVar[Mapping[str, Order]] = {"id": AS_MADE}
    serializer_class: Any
    """How a row is shown; and how it is sent, unless there is a `settings_class` for that."""
    settings_class: ClassVar[type[StrictBody] | None] = None
    marks: ClassVar[Collection[str]] = ()
    """Shown fields that change when a write-only one does, such as when a secret was set: they are settings too."""

    @abstractmethod
    def rows(self) -> QuerySet[RowT]:
        """Return all rows, as they are shown; those beyond the reach of whoever asks are left out of it."""

    def get_queryset(self) -> QuerySet[RowT]:
        return visible.among(self.rows(), reach_of(self.request))

    @abstractmethod
    def store(self, row: RowT | None, values: dict[str, Any]) -> RowT:
        """Store values in a row, or in a new one."""

    def retrieve(self, request: Request, **_: Any) -> Response:
        self._check_query()
        return self.answer(request, self.get_object())

    def update(self, request: Request, **_: Any) -> Response:
        return self._written(request, partial=False)

    def partial_update(self, request: Request, **_: Any) -> Response:
        return self._written(request, partial=True)

    def change(self, row: RowT, body: Any, *, partial: bool) -> RowT:
        """Store over a row that is locked. Raises either `ValidationError`."""
        return self._stored(row, body, partial=partial)

    def locked(self, lookup: Mapping[str, Any], if_match: str | None) -> RowT:
        """Return one row as it is once nobody else can change it. Raises `NotFound` or `PreconditionFailed`."""
        model: Any = self.get_queryset().model
        # What is beyond reach is not waited for either: it is not there.
        reached = visible.among(model.objects.order_by().filter(**lookup), reach_of(self.request))
        list(reached.select_for_update(no_key=True, of=("self",)).values_list("pk"))
        row = get_object_or_404(self.get_queryset(), **lookup)
        self.check_object_permissions(self.request, row)
        if not etags.may_write(if_match, self.settings_of(row)):
            raise PreconditionFailed
        return row

    def settings_of(self, row: RowT) -> dict[str, Any]:
        """Return what a person can set of a row, as far as it is shown, and its marks."""
        serializer = (self.settings_class or self.serializer_class)(row, context=self.get_serializer_context())
        for name, field in list(serializer.fields.items()):
            if field.write_only or (field.read_only and name not in self.marks):
                serializer.fields.pop(name)
        return {"pk": row.pk, **serializer.data}

    def answer(self, request: Request, row: RowT, *, status: int = 200) -> Response:
        """Show a row with its entity tag, or say that whoever asks has it already."""
        shown = self.get_serializer(row).data
        headers = {"ETag": etags.tag_of(self.settings_of(row), shown), "Cache-Control": "private, no-cache"}
        if request.method in {"GET", "HEAD"} and etags.is_known(
            request.headers.get("If-None-Match"), headers["ETag"]
        ):
            return Response(status=304, headers=headers)
        if status == 201:
            headers["Location"] = self.reverse_action("detail", kwargs=self._address_of(row))
        return Response(shown, status=status, headers=headers)

    def _lookup(self) -> dict[str, Any]:
        return {self.lookup_field: self.kwargs[self.lookup_url_kwarg or self.lookup_field]}

    def _address_of(self, row: RowT) -> dict[str, Any]:
        return {self.lookup_url_kwarg or self.lookup_field: getattr(row, self.lookup_field)}

    def _written(self, request: Request, *, partial: bool) -> Response:
        self._check_query()

        def written() -> Response:
            with transaction.atomic():
                row = self.locked(self._lookup(), request.headers.get("If-Match"))
                return self.answer(request, self.change(row, request.data, partial=partial))

        return outlasting(written)

    def _stored(self, row: RowT | None, body: Any, *, partial: bool) -> RowT:
        takes: Any = self.settings_class or self.serializer_class
        serializer = takes(row, data=body, partial=partial, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        with told_by_field(serializer):
            stored = self.store(row, dict(serializer.validated_data))
        found = self.get_queryset().filter(pk=stored.pk).first()
        if found is None:
            raise PermissionDenied("It would be beyond your reach.", "missing_role")
        self.check_object_permissions(self.request, found)
        return found

    def _check_query(self) -> None:
        DetailQuery(data=self.request.query_params).is_valid(raise_exception=True)

    def conventions(self) -> list[OpenApiParameter]:
        """Return the parameters and headers of the action at hand, for the description."""
        match self.action:
            case "list":
                return [_FIELDS]
            case "retrieve":
                return [_FIELDS, _IF_NONE_MATCH, _ETAG]
            case "update" | "partial_update":
                return [_FIELDS, _IF_MATCH, _ETAG]
            case _:
                return []


class NounViewSet(BulkView[RowT], ChangingViewSet[RowT]):
    """List, show, create, replace, change and delete rows of one noun, one by one or many."""

    keeps_answers: ClassVar[bool] = True
    """False where an answer to a create holds what must not be stored, such as a token that is shown once."""

    def remove(self, row: RowT) -> None:
        """Delete a row that is locked. Raises `ProtectedError` or `Conflict` where it is in use."""
        row.delete()

    def create(self, request: Request, **_: Any) -> HttpResponseBase:
        self._check_query()

        def made() -> Response:
            return self.answer(request, self.make(request.data), status=201)

        return self._once(request, made)

    def destroy(self, request: Request, **_: Any) -> Response:
        self._check_query()

        def removed() -> Response:
            with transaction.atomic():
                self.remove(self.locked(self._lookup(), request.headers.get("If-Match")))
            return Response(status=204)

        return outlasting(removed)

    def make(self, body: Any) -> RowT:
        """Store a new row. Raises either `ValidationError`."""
        return self._stored(None, body, partial=False)

    @action(detail=False, methods=["post"])
    def bulk(self, request: Request, **_: Any) -> HttpResponseBase:
        self._check_query()
        return self._once(request, lambda: self.carry_out(request))

    def _once(self, request: Request, do: Callable[[], Response]) -> HttpResponseBase:
        def done() -> HttpResponseBase:
            if self.keeps_answers:
                return idempotency.once(request, do)
            with transaction.atomic():
                return do()

        return outlasting(done)

    def conventions(self) -> list[OpenApiParameter]:
        kept = [*ONCE] if self.keeps_answers else []
        match self.action:
            case "create":
                return [_FIELDS, *kept, _ETAG, _LOCATION]
            case "bulk":
                return kept
            case "destroy":
                return [_IF_MATCH]
            case _:
                return super().conventions()


@contextmanager
def told_by_field(serializer: Any) -> Iterator[None]:
    """Tell what a model finds wrong by the names that its fields have in the API."""
    try:
        yield
    except ModelValidationError as error:
        if not hasattr(error, "error_dict"):
            raise
        names = dict(_names(serializer))
        told = {names.get(source, source): mistakes for source, mistakes in error.error_dict.items()}
        raise ModelValidationError(told) from None


def _names(serializer: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the model's name of each field with its path here; those in one of `source="*"` are the model's too."""
    for name, field in serializer.fields.items():
        if field.source == "*" and hasattr(field, "fields"):
            yield from _names(field, f"{path}{name}.")
        else:
            yield field.source.partition(".")[0], f"{path}{name}"


def filled(row: RowT, values: Mapping[str, Any]) -> RowT:
    """Return a row after its attributes were given these values."""
    for name, value in values.items():
        setattr(row, name, value)
    return row


_FIELDS: Final = OpenApiParameter(
    FIELDS, str, description="Names of fields with commas between them: only these are shown, and worked out."
)
_IF_MATCH: Final = OpenApiParameter(
    "If-Match", str, _HEADER, description="An `ETag` from before: nothing is changed if its settings were since."
)
_IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", str, _HEADER, description="An `ETag` from before: 304 and no body if nothing changed."
)
_IDEMPOTENCY_KEY: Final = OpenApiParameter(
    idempotency.HEADER,
    str,
    _HEADER,
    description="1 to 255 visible characters. Sent again within a day, it is answered as before and not done again.",
)
_ETAG: Final = OpenApiParameter(
    "ETag", str, _HEADER, response=[200, 201], description="Of the row: `If-Match` and `If-None-Match` take it."
)
_LOCATION: Final = OpenApiParameter("Location", str, _HEADER, response=[201], description="The address of the row.")
_REPLAYED: Final = OpenApiParameter(
    idempotency.REPLAYED, str, _HEADER, response=True, description="`true` on an answer from before."
)
ONCE: Final = (_IDEMPOTENCY_KEY, _REPLAYED)
"""How an operation is described that is done once for each `Idempotency-Key`."""


def _bulk(sent: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    items = [
        {"op": "create", "values": dict(sent)},
        {"op": "update", "id": 3, "values": dict(patch)},
        {"op": "delete", "name": "old"},
    ]
    return {"items": items, "atomic": True}


def _results(shown: Mapping[str, Any]) -> dict[str, Any]:
    rows = [(201, shown), (200, shown), (204, None)]
    results = [
        {"index": index, "status": status, "row": row, "problem": None} for index, (status, row) in enumerate(rows)
    ]
    return {"succeeded": len(rows), "failed": 0, "results": results}


def described(
    *,
    noun: str,
    plural: str,
    shown: Mapping[str, Any],
    sent: Mapping[str, Any],
    patch: Mapping[str, Any],
    order: str,
    listed: Any = None,
    row: Mapping[str, Any] | None = None,
) -> Callable[[Any], Any]:
    """Return a decorator that describes the six operations of a `NounViewSet`.

    `noun` comes with its article, such as "a group". `shown` is an example of a row, `sent` of the body that makes
    it, and `patch` of one that changes it; `order` is the list's usual order in words, and `listed` the serializer of
    its rows where they show less, of which `row` is an example.
    """
    one = OpenApiExample(f"As {noun} is shown", value=shown, response_only=True, status_codes=["200", "201"])
    whole = OpenApiExample(f"All of {noun}", value=sent, request_only=True)
    part = OpenApiExample("What is to change", value=patch, request_only=True)

    def decorate(view: Any) -> Any:
        serializer = view.serializer_class
        written = {409: CONFLICT, 412: PRECONDITION_FAILED}
        return extend_schema_view(
            list=extend_schema(
                summary=f"List {plural}",
                description=f"{order} Follow `next` for more.",
                parameters=[view.query_class],
                examples=[OpenApiExample(f"As {noun} is listed", value=row or shown, response_only=True)],
                responses={200: listed or serializer},
            ),
            retrieve=extend_schema(
                summary=f"Show {noun}",
                description="Its `ETag` is what a change of it may be made to depend on.",
                examples=[one],
                responses={200: serializer, 304: OpenApiResponse(description="It is as `If-None-Match` has it.")},
            ),
            create=extend_schema(
                summary=f"Create {noun}",
                description="What is left out is as it is by default.",
                examples=[whole, one],
                responses={201: serializer, 409: CONFLICT, 422: KEY_REUSED},
            ),
            update=extend_schema(
                summary=f"Replace {noun}",
                description="What is left out becomes what it is by default; a secret that is left out stays.",
                examples=[whole, one],
                responses={200: serializer, **written},
            ),
            partial_update=extend_schema(
                summary=f"Change {noun}",
                description="What is left out stays as it is.",
                examples=[part, one],
                responses={200: serializer, **written},
            ),
            bulk=extend_schema(
                summary=f"Create, update and delete {plural}",
                description="Up to 1,000, in their order. What cannot be done leaves the others as they are, unless "
                "`atomic` is true: then nothing is done if anything cannot be.",
                request=BulkSerializer,
                examples=[
                    OpenApiExample("One of each", value=_bulk(sent, patch), request_only=True),
                    OpenApiExample("What became of them", value=_results(shown), response_only=True),
                ],
                responses={200: BulkResultsSerializer, 409: BULK_FAILED, 422: KEY_REUSED},
            ),
            destroy=extend_schema(
                summary=f"Delete {noun}",
                description="For good. What is in use is not deleted.",
                responses={204: OpenApiResponse(description="It is deleted."), **written},
            ),
        )(view)

    return decorate
