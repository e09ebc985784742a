"""How rows become JSON: as DRF does it, without asking the same of each field for each row again."""

from collections.abc import Callable
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers

_NOT_THERE = (AttributeError, KeyError, ObjectDoesNotExist)


class _Way(NamedTuple):
    """A field, and how its value is found in a row or in a dictionary; None where only the field itself knows."""

    name: str
    field: Any
    in_row: Callable[[Any], Any] | None = None
    in_dictionary: Callable[[Any], Any] | None = None


class ShownRow(serializers.Serializer[Any]):
    """A serializer that works out once where the values of its fields are, and not for each row.

    What is not there, or is to be called first, its field gets as it would otherwise: what is said of missing values
    holds here too.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        is_dictionary = isinstance(instance, dict)
        shown: dict[str, Any] = {}
        for name, field, in_row, in_dictionary in self._ways:
            try:
                value = _found(field, in_dictionary if is_dictionary else in_row, instance)
            except serializers.SkipField:
                continue
            shown[name] = None if value is None else field.to_representation(value)
        return shown

    @cached_property
    def _ways(self) -> list[_Way]:
        return [_way(name, field) for name, field in self.fields.items() if not field.write_only]


def _found(field: Any, find: Callable[[Any], Any] | None, instance: Any) -> Any:
    if find is not None:
        try:
            value = find(instance)
        except _NOT_THERE:
            pass
        else:
            if not callable(value):
                return value
    return field.get_attribute(instance)


def _way(name: str, field: Any) -> _Way:
    path: list[str] = field.source_attrs
    if not is_plain(field):
        return _Way(name, field)
    if not path:
        return _Way(name, field, _itself, _itself)
    return _Way(name, field, attrgetter(".".join(path)), itemgetter(path[0]) if len(path) == 1 else None)


def is_plain(field: Any) -> bool:
    """Tell whether a field gets its value as all do: by the names in its `source`."""
    if isinstance(field, serializers.SlugRelatedField):
        return not field.use_pk_only_optimization()
    return type(field).get_attribute is serializers.Field.get_attribute


def _itself(instance: Any) -> Any:
    return instance
