"""Regular expressions of users against bodies of strangers: by RE2, whose time is linear in the body (row H14).

No pattern and no body makes it go back, so neither can hold up the other checks of a worker. What is left of a bad
pattern is the factor: its size is bounded. There are no back-references and no look-around.
"""

from functools import lru_cache
from typing import Any, Final

import re2

LONGEST_PATTERN: Final = 500
LARGEST_PROGRAM: Final = 250
"""Steps that RE2 may have to take for each byte, at worst. A word takes one a letter."""

_REMEMBERED: Final = 256
_BYTES_REMEMBERED: Final = 1 << 20
"""Of what RE2 works out of a body and keeps with the pattern: left to itself that is 3 MB for a hostile one."""


class PatternInvalid(ValueError):
    """A pattern that is none, or one that would take too long."""


def check_pattern(pattern: str) -> None:
    """Raise `PatternInvalid` unless `pattern` can be searched for."""
    _compiled(pattern)


def is_found(pattern: str, text: str) -> bool:
    """Tell whether `pattern` matches anywhere in `text`. Raises `PatternInvalid`."""
    return _compiled(pattern).search(text) is not None


def matches_whole(pattern: str, text: str) -> bool:
    """Tell whether `pattern` matches `text` from its beginning to its end. Raises `PatternInvalid`."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=_REMEMBERED)
def _compiled(pattern: str) -> Any:
    if len(pattern) > LONGEST_PATTERN:
        raise PatternInvalid(f"longer than {LONGEST_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False  # it would write to standard error by itself
    options.never_capture = True
    options.max_mem = _BYTES_REMEMBERED
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternInvalid(_why(error)) from None
    if compiled.programsize > LARGEST_PROGRAM:
        raise PatternInvalid("its repetitions make it too large to search for quickly")
    return compiled


def _why(error: Exception) -> str:
    words = error.args[0] if error.args else ""
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else "not text in UTF-8"
