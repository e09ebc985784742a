"""`resource__among=ids`: one of many ids, asked for by one array.

For `__in` Django and the driver make a parameter of each id, which costs more than the database takes to answer: of
a report on a hundred resources that was a tenth of all.

In place of the ids there may be an `ArraySubquery` that gives them. The subquery of an `__in` is one more table to be
joined, which the planner puts last where there are many; this one is carried out first. A text is the array as the
database writes it, or stands for that.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db.models import AutoField, BigAutoField, ForeignObject, Lookup, Subquery

_ANY: Final = "{lhs} = ANY({rhs}::bigint[])"


def written(ids: Iterable[int]) -> str:
    """Return ids as the database writes an array of them."""
    return f"{{{','.join(map(str, ids))}}}"


@AutoField.register_lookup
@BigAutoField.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    """Whether the key of a row is one of those. Asks nothing where there are none."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        if isinstance(self.rhs, Subquery):
            rhs, inner = self.process_rhs(compiler, connection)
            return _ANY.format(lhs=lhs, rhs=rhs), (*params, *inner)
        if not self.rhs:
            raise EmptyResultSet
        # As text: the driver writes a list down element by element.
        ids = self.rhs if isinstance(self.rhs, str) else written(self.rhs)
        return _ANY.format(lhs=lhs, rhs="%s"), (*params, ids)
