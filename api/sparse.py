"""`?fields=`: only what is asked for is shown, and only that is worked out."""

from functools import cached_property
from typing import Any, Final, TypeVar

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.generics import GenericAPIView

RowT = TypeVar("RowT", bound=Model)

FIELDS: Final = "fields"
_MOST: Final = 200
_LONGEST_NAME: Final = 60


class SparseView(GenericAPIView[RowT]):
    """A view whose rows are shown as far as they are asked for.

    `wants(name)` tells whether a field will be shown, so that `get_queryset` reads what a costly one needs only then.
    """

    @cached_property
    def asked(self) -> frozenset[str] | None:
        """The names of the fields to show; None is all of them."""
        text = self.request.query_params.get(FIELDS)
        if text is None:
            return None
        names = text.split(",")
        if not all(names) or len(names) > _MOST:
            raise _refused("Write names of fields with commas between them.")
        return frozenset(names)

    def wants(self, name: str) -> bool:
        return self.asked is None or name in self.asked

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer = super().get_serializer(*args, **kwargs)
        if "data" not in kwargs and not getattr(self, "swagger_fake_view", False):
            inner: Any = serializer
            self._narrow(getattr(inner, "child", inner))
        return serializer

    def _narrow(self, serializer: serializers.Serializer[Any]) -> None:
        """Take away what was not asked for. Raises `ValidationError` for a name that there is not."""
        if self.asked is None:
            return
        shown = {name for name, field in serializer.fields.items() if not field.write_only}
        if unknown := sorted(self.asked - shown):
            raise _refused(
                f"There is no field {unknown[0][:_LONGEST_NAME]!r}. There are: {', '.join(sorted(shown))}."
            )
        for name in set(serializer.fields) - self.asked:
            serializer.fields.pop(name)


def _refused(message: str) -> ValidationError:
    return ValidationError({FIELDS: [ErrorDetail(message, "unknown")]})
