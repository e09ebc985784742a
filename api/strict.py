"""Nothing that somebody sends is passed over in silence."""

from collections.abc import Collection
from typing import Any, ClassVar

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names that it does not know: a misspelt filter would otherwise answer with everything."""

    known_besides: ClassVar[Collection[str]] = ()

    def to_internal_value(self, data: Any) -> Any:
        known = {*self.fields, *self.known_besides}
        unknown = sorted(set(data) - known) if hasattr(data, "keys") else []
        if unknown:
            message = f"There is no such parameter here. There are: {', '.join(sorted(known))}."
            raise serializers.ValidationError({str(name)[:60]: [message] for name in unknown})
        return super().to_internal_value(data)
