"""Whether a row keeps the table's CHECK constraints, asked before it is stored and all at once."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, models, router, transaction
from django.db.backends.postgresql.psycopg_any import mogrify
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Coalesce
from django.db.models.sql import Query

# A condition that comes to NULL is kept: so the database sees it.
_KEPT: Final = {"output_field": models.BooleanField()}

_BOUND: Final = re.compile(r"\([\d, ]+\)")
"""The length in the name of a type: whoever casts to it gets what is too long cut off, and no error."""


class Checked(models.Model):
    """A model that people fill in.

    Django has the database look at one constraint after the other, each within a savepoint of its own: of a resource,
    that was half of all statements that it took to store one.
    """

    class Meta:
        abstract = True

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Raise `ValidationError` as Django does, which is asked only where there is something to tell."""
        if not self._keeps_all(set(exclude or ())):
            super().validate_constraints(exclude)

    def _keeps_all(self, exclude: set[str]) -> bool:
        using = router.db_for_write(type(self), instance=self)
        for constraint in self._meta.constraints:
            if isinstance(constraint, CheckConstraint):
                continue
            try:
                constraint.validate(type(self), self, exclude=exclude, using=using)
            except ValidationError:
                return False
        look = _look_at(type(self), frozenset(exclude), using)
        return look is None or self._passes(look, using)

    def _passes(self, look: "_Look", using: str) -> bool:
        connection = connections[using]
        values = [getattr(self, field.attname) for field in look.fields]
        if any(hasattr(value, "resolve_expression") for value in values):
            return False
        given = [field.get_db_prep_value(value, connection) for field, value in zip(look.fields, values, strict=True)]
        try:
            with transaction.atomic(using=using), connection.cursor() as cursor:
                cursor.execute(look.statement, given)
                return cursor.fetchone() is None
        except DatabaseError:
            return False


@dataclass(frozen=True, slots=True)
class _Look:
    """A question that is answered by a row where one is broken; its parameters are the values of `fields`."""

    statement: str
    fields: Sequence[Any]


@lru_cache(maxsize=512)
def _look_at(model: type[models.Model], exclude: frozenset[str], using: str) -> _Look | None:
    """Return what asks for all constraints that need none of these fields; None where there is no such one.

    It is the same for each row, and to make it takes longer than to have it answered.
    """
    meta, connection = model._meta, connections[using]  # noqa: SLF001 - Django's documented API
    checks = [Q(constraint.condition) for constraint in meta.constraints if isinstance(constraint, CheckConstraint)]
    # As Django does: what would need a field that is left out is not looked at.
    looked_at = [check for check in checks if not check.referenced_base_fields & exclude]
    if not looked_at:
        return None
    named = set[str]().union(*(check.referenced_base_fields for check in looked_at))
    fields = [field for field in meta.concrete_fields if field.name in named]
    query = Query(model, alias_cols=False)
    where = query.build_where(~Q(*(Coalesce(check, True, **_KEPT) for check in looked_at)))
    condition, params = where.as_sql(query.get_compiler(using=using), connection)
    condition = mogrify(condition, params, connection).replace("%", "%%")
    quote = connection.ops.quote_name
    columns = (
        f"%s::{_BOUND.sub('', str(field.db_type(connection)))} AS {quote(str(field.column))}" for field in fields
    )
    given = f"SELECT {', '.join(columns)}"
    return _Look(f"SELECT 1 FROM ({given}) AS given WHERE {condition}", fields)  # noqa: S608 - our own names
