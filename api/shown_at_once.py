"""Rows that the database itself writes as JSON: where a page has hundreds, to read them costs more than all else.

Of ten regions' states a page of 50 has 500, with 2,000 instants. Made into models and shown by their serializer they
took twice what the page takes without them; written by the database, a tenth of that.
"""

from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Field, Func, QuerySet, Value
from rest_framework import serializers

from api.fields import InstantField
from api.showing import is_plain

_RFC_3339: Final = Value('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
_AS_IT_IS: Final = (
    serializers.CharField,
    serializers.ChoiceField,
    serializers.IntegerField,
    serializers.BooleanField,
    serializers.ListField,
)
"""What is shown as the column has it."""


class _Json(Field):  # type: ignore[type-arg]  # not subscriptable at run time
    """A value that the driver has made of its JSON already."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 - Django's signature
        return "json"


class _Object(Func):
    function = "json_build_object"
    output_field = _Json()


def shown_at_once(serializer: type[serializers.Serializer[Any]], rows: QuerySet[Any]) -> Func:
    """Return what `serializer(rows, many=True).data` is of rows that a query leads to, for `annotate`.

    Raises `TypeError` for a field of which only the serializer knows how it is shown.
    """
    members: list[Any] = []
    for name, field in serializer().fields.items():
        members += (Value(name), _column(field))
    # As one JSON, which the driver reads at once: an array it would take apart itself.
    return Func(ArraySubquery(rows.values_list(_Object(*members))), function="array_to_json", output_field=_Json())


def _column(field: Any) -> Any:
    path = field.source.replace(".", "__")
    match field:
        case InstantField():
            return Func(Func(Value("UTC"), path, function="timezone"), _RFC_3339, function="to_char")
        case serializers.SlugRelatedField():
            return f"{path}__{field.slug_field}"
        case _ if isinstance(field, _AS_IT_IS) and is_plain(field):
            return path
    raise TypeError(f"{field.field_name}: only {type(field).__name__} knows how it is shown")
