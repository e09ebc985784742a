"""Nothing that somebody sends is passed over in silence, nor taken for something else."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from api.showing import ShownRow

_LONGEST_NAME: Final = 60
_SEVERAL: Final = (serializers.MultipleChoiceField, serializers.ListField, serializers.ManyRelatedField)
_NOUNS: Final = {
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    list: "a list",
    dict: "an object",
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


_TYPES: Final[tuple[tuple[Any, str, Callable[[Any], bool]], ...]] = (
    (serializers.BooleanField, "true or false", lambda value: isinstance(value, bool)),
    (serializers.MultipleChoiceField, "a list", lambda value: isinstance(value, list)),
    (serializers.DictField, "an object", lambda value: isinstance(value, dict)),
    ((serializers.FloatField, serializers.DecimalField), "a number", _is_number),
    ((serializers.IntegerField, serializers.PrimaryKeyRelatedField), "a whole number", _is_whole),
    (
        (
            serializers.CharField,
            serializers.ChoiceField,
            serializers.DateTimeField,
            serializers.DateField,
            serializers.TimeField,
            serializers.SlugRelatedField,
        ),
        "a string",
        lambda value: isinstance(value, str),
    ),
)
"""Which JSON values a kind of field takes; the first that a field is of counts."""


class StrictSerializer(serializers.Serializer[Any]):
    """The parameters of a query.

    Refuses names that it does not know, one value given twice, and an empty one: a misspelt filter, or a script's
    variable that is not set, would otherwise answer with everything.
    """

    known_besides: ClassVar[Collection[str]] = ()
    called: ClassVar = "parameter"

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (mistakes := self._mistakes(data)):
            raise serializers.ValidationError(mistakes)
        return super().to_internal_value(data)

    def _mistakes(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is wrong before any value is looked at by its field."""
        settable = {name for name, field in self.fields.items() if not field.read_only} | {
            *self.known_besides,
            *self.context.get("known_besides", ()),
        }
        unknown = f"There is no such {self.called} here. There are: {', '.join(sorted(settable))}."
        mistakes: dict[str, Any] = {}
        for name in sorted(set(data) - settable):
            is_shown = name in self.fields
            said = (
                _mistake("This is shown, and cannot be set.", "read_only")
                if is_shown
                else _mistake(unknown, "unknown")
            )
            mistakes[str(name)[:_LONGEST_NAME]] = said
        if isinstance(data, QueryDict):
            for name, values in data.lists():
                if len(values) > 1 and not isinstance(self.fields.get(name), _SEVERAL):
                    mistakes.setdefault(name, _mistake("Write it once.", "repeated"))
                elif "" in values and name in self.fields:
                    mistakes.setdefault(name, _mistake("It is empty. Leave it out, or say a value.", "blank"))
        return mistakes


class StrictBody(ShownRow, StrictSerializer):
    """The fields of a body. A value of another JSON type is refused: `"5"` is no number, and 5 is no name."""

    called: ClassVar = "field"

    def _mistakes(self, data: Mapping[str, Any]) -> dict[str, Any]:
        wrong = {
            name: mistake
            for name, field in self.fields.items()
            if name in data and not field.read_only and (mistake := _wrong_type(field, data[name]))
        }
        return {**wrong, **super()._mistakes(data)}


def _wrong_type(field: Any, value: Any) -> Any:
    """Return what is wrong with the JSON type of a value, by item where it has some; nothing if it may be taken."""
    if value is None:  # whether it may be is the field's to say
        return None
    if isinstance(field, serializers.ManyRelatedField):
        return _wrong_items(field.child_relation, value)
    if isinstance(field, serializers.ListField):
        return _wrong_items(field.child, value)
    for fields, wanted, fits in _TYPES:
        if isinstance(field, fields):
            if not fits(value):
                return _mistake(f"Write {wanted}, not {_NOUNS[type(value)]}.", "wrong_type")
            break
    if isinstance(field, serializers.DictField):
        return {name: wrong for name, inner in value.items() if (wrong := _wrong_type(field.child, inner))}
    return None


def _wrong_items(field: Any, value: Any) -> Any:
    if not isinstance(value, list):
        return _mistake(f"Write a list, not {_NOUNS[type(value)]}.", "wrong_type")
    return {index: wrong for index, inner in enumerate(value) if (wrong := _wrong_type(field, inner))}


def _mistake(message: str, code: str) -> list[ErrorDetail]:
    return [ErrorDetail(message, code)]
