"""`resource__among=ids`: one of many ids, asked for by one array.

For `__in` Django and the driver make a parameter of each id, which costs more than the database takes to answer: of
a report on a hundred resources that was a tenth of all.
"""

from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db.models import AutoField, BigAutoField, ForeignObject, Lookup

_ANY: Final = "{lhs} = ANY(%s::bigint[])"


@AutoField.register_lookup
@BigAutoField.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    """Whether the key of a row is one of those. Asks nothing where there are none."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        ids = ",".join(map(str, self.rhs))
        if not ids:
            raise EmptyResultSet
        lhs, params = self.process_lhs(compiler, connection)
        # As text: the driver writes a list down element by element.
        return _ANY.format(lhs=lhs), (*params, f"{{{ids}}}")
