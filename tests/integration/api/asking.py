"""What a test asks of an answer."""

from typing import Any


def wrong(response: Any) -> list[str]:
    """Return the fields that a problem names, in its order."""
    return [mistake["field"] for mistake in response.json()["errors"]]
