"""Points in time as the database writes them.

The driver reads one in pure Python, a dozen for each outcome that is taken in: from their text they cost a tenth.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import TextField
from django.db.models.functions import Cast


def texts(*names: str) -> Mapping[str, Cast]:
    """Return what to ask for beside other values: each of those columns as `<name>_text`, for `instant` to read."""
    return {f"{name}_text": Cast(name, TextField()) for name in names}


def instant(text: str | None) -> datetime | None:
    """Return the instant that such a text is, None of null."""
    return datetime.fromisoformat(text) if text else None
