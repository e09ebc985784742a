"""Which representation is answered, by `Accept` or by `?format=`."""

from collections.abc import Sequence
from typing import Final

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer

_LONGEST: Final = 60


class Negotiation(DefaultContentNegotiation):
    """Refuses a format that there is not by the name of its parameter: the library calls the address not found."""

    def filter_renderers(self, renderers: Sequence[BaseRenderer], format: str) -> list[BaseRenderer]:  # type: ignore[override]  # noqa: A002 - the library's name
        """Return those of this format. Raises `ValidationError`."""
        found = [renderer for renderer in renderers if renderer.format == format]
        if not found:
            there = ", ".join(sorted({str(renderer.format) for renderer in renderers}))
            message = f"There is no format {format[:_LONGEST]!r} here. There are: {there}."
            raise ValidationError({"format": [ErrorDetail(message, "invalid_choice")]})
        return found
