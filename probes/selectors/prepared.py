"""Questions of which SQL is made once, and that are asked again and again.

Django makes the SQL of a question each time that it is asked. Of one with a dozen joins and conditions that takes 4
to 6 ms of CPU, as long as the database takes to answer it. Whoever asks keeps what is prepared by all that the
question depends on. No answer is kept, and nothing in the question may be of the moment but what is named in it as
a `Blank`, and given when it is asked.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, Final, Generic, Self, TypeVar, cast

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, Model, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

ModelT = TypeVar("ModelT", bound=Model)
RowT = TypeVar("RowT")
Statement = tuple[str, tuple[Any, ...]]

MOST: Final = 100
"""So many questions of one kind are worth keeping: the SQL of them takes 6 to 22 MB, most that of open incidents."""


class Blank(str):
    """The name of a text that a question is asked with: `Value(Blank("…"))` stands for it."""

    __slots__ = ()


LARGEST: Final = 2**63 - 1
"""The largest number that a `number` may be: the database refuses what is larger."""


def number(blank: Blank) -> Combinable:
    """Return what stands for a number in a question; it is given as the text of it."""
    return Cast(Value(blank, output_field=TextField()), BigIntegerField())


class Prepared(Generic[ModelT, RowT]):
    """What a query asks, as SQL. Threads may share it."""

    def __init__(self, rows: QuerySet[ModelT, RowT]) -> None:
        self._rows = rows.all()
        self._made = _Compiler(rows.query, connections[rows.db], rows.db)
        self._made.as_sql()
        # It would keep the connection of this thread open after its end.
        del self._made.connection

    def read(self, given: Mapping[Blank, str] | None = None) -> list[RowT]:
        """Ask it, with a text for each blank. One query; none of what can have no rows."""
        rows = self._rows.all()
        query = cast("_Query", rows.query.chain(klass=_Query))
        query.made = self._made.filled(given) if given else self._made
        rows.query = query
        # Of a query of values it would make dicts, whatever was asked for.
        rows._iterable_class = self._rows._iterable_class  # noqa: SLF001 - Django's, and nothing else tells
        return list(rows)


class _Compiler(SQLCompiler):
    """Makes SQL the first time that it is asked for."""

    statement: Statement | None = None

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> Statement:  # noqa: FBT001, FBT002 - Django's
        if self.statement is None:
            try:
                sql, asked = super().as_sql(with_limits, with_col_aliases)
            except EmptyResultSet:
                sql, asked = "", ()
            self.statement = sql, tuple(asked)
        return self.statement

    def filled(self, given: Mapping[Blank, str]) -> Self:
        """Return one that asks with these texts in place of the blanks."""
        sql, asked = self.as_sql()
        found = copy(self)
        found.statement = sql, tuple(given[item] if isinstance(item, Blank) else item for item in asked)
        return found


class _Query(Query):
    """One whose SQL is made already. What it is narrowed by afterwards would not be asked."""

    made: _Compiler

    def get_compiler(
        self,
        using: str | None = None,
        connection: Any | None = None,
        elide_empty: bool = True,  # noqa: ARG002, FBT001, FBT002 - Django's
    ) -> SQLCompiler:
        """Return what was made, with the connection of this thread."""
        found = copy(self.made)
        found.connection = connection or connections[using or DEFAULT_DB_ALIAS]
        return found
