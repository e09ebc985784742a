"""How long: `1h30m`, `90s`, `2d`. Times in a scenario are such spans from its start."""

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPAN: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def read_span(text: str) -> timedelta:
    """Return the span that `text` names, in whole seconds. Raises `ValueError`."""
    found = _SPAN.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no span: write 1h30m, 90s or 2d")
    numbers = [int(number or 0) for number in found.groups()]
    return timedelta(seconds=sum(number * unit for number, unit in zip(numbers, _UNITS.values(), strict=True)))


def span_text(span: timedelta) -> str:
    """Return a span as `read_span` reads it; parts of a second are left out."""
    left = span // timedelta(seconds=1)
    if left < 0:
        return f"-{span_text(timedelta(seconds=-left))}"
    parts = []
    for letter, unit in _UNITS.items():
        number, left = divmod(left, unit)
        if number:
            parts.append(f"{number}{letter}")
    return "".join(parts) or "0s"
