"""Entity tags of rows: one that tells whether to write, and one that tells whether to read again (ADR 34).

A tag is `"SETTINGS-SHOWN"`. The first half is a hash of what a person can set, and changes with each change of that
and of nothing else: `If-Match` is held against it, so that a verdict that turned does not stand in the way of whoever
renames the resource. The second is a hash of all that was shown: `If-None-Match` is held against the whole.
"""

import json
from hashlib import sha256
from typing import Any, Final

from django.utils.http import parse_etags
from rest_framework.utils.encoders import JSONEncoder

_LENGTH: Final = 20
_ANY: Final = "*"


def tag_of(settings: Any, shown: Any) -> str:
    """Return the strong entity tag of a row, of its settings and of what is shown of it."""
    return f'"{_hash(settings)}-{_hash(shown)}"'


def may_write(if_match: str | None, settings: Any) -> bool:
    """Tell whether a header `If-Match` allows to change a row with these settings. Weak tags allow nothing."""
    if if_match is None:
        return True
    current = _hash(settings)
    return any(tag == _ANY or tag.strip('"').partition("-")[0] == current for tag in parse_etags(if_match))


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Tell whether whoever sends this header `If-None-Match` has what is tagged so, compressed or not."""
    return if_none_match is not None and any(
        given == _ANY or given.removeprefix("W/") == tag for given in parse_etags(if_none_match)
    )


def _hash(value: Any) -> str:
    text = json.dumps(value, cls=JSONEncoder, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:_LENGTH]
