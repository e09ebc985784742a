"""Fields as serializers declare them."""

from typing import Any

from rest_framework import serializers


def declared(field: serializers.Field[Any, Any, Any, Any]) -> Any:
    """Return a field whose name is an attribute's of all serializers, such as `source`.

    DRF takes declared fields out of the class, so the two never meet; only to types they would.
    """
    return field
