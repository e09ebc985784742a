"""What lists can be narrowed by. A parameter that is not known, or whose value cannot be, is an error by name."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from api.pagination import ORDERING, PAGE_PARAMETERS, Order
from api.sparse import FIELDS, SparseView
from api.strict import StrictSerializer

RowT = TypeVar("RowT", bound=Model)


class Query(StrictSerializer, Generic[RowT]):
    """The parameters of a list. Whatever is left out does not narrow it.

    What a parameter means is said by a table; what takes more than that, by a `narrow` of the kind of rows.
    """

    known_besides = PAGE_PARAMETERS

    lookups: ClassVar[Mapping[str, str]] = {}
    """The lookup that a parameter is."""
    filled: ClassVar[Mapping[str, str]] = {}
    """The column that has a value where a parameter is true, and none where it is false."""
    said_in: ClassVar[tuple[str, ...]] = ()
    """The columns of which one has the text of `search` in it."""

    @property
    def asked(self) -> dict[str, Any]:
        """The valid values of what was not left out."""
        return {name: value for name, value in self.validated_data.items() if value or value is False}

    def narrow(self, rows: QuerySet[RowT]) -> QuerySet[RowT]:
        asked = self.asked
        narrowed = {lookup: asked[name] for name, lookup in self.lookups.items() if name in asked}
        narrowed |= {f"{column}__isnull": not asked[name] for name, column in self.filled.items() if name in asked}
        if self.said_in and "search" in asked:
            found = (Q(**{f"{column}__icontains": asked["search"]}) for column in self.said_in)
            rows = rows.filter(reduce(or_, found))
        return rows.filter(**narrowed)


class NarrowedList(SparseView[RowT]):
    """A view whose list is narrowed by `query_class`; a single row is shown whatever is asked."""

    query_class: ClassVar[type[Query[Any]]]
    orders: ClassVar[Mapping[str, Order]] = {}
    """What `?ordering=` may name."""
    is_cut_first: ClassVar[bool] = False
    """Whether a page is cut out before its rows are joined: where they are joined to much."""
    action: str

    def filter_queryset(self, queryset: QuerySet[RowT, Any]) -> QuerySet[RowT, Any]:
        queryset = super().filter_queryset(queryset)
        if self.action != "list":
            return queryset
        besides = (FIELDS, *((ORDERING,) if self.orders else ()))
        context = {"request": self.request, "known_besides": besides}
        query = self.query_class(data=self.request.query_params, context=context)
        query.is_valid(raise_exception=True)
        return query.narrow(queryset)
