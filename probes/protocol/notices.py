"""What a registry has to say by `Warning` headers: shown to people, never acted on.

Source: behaviour row M26; OCI distribution-spec, "Warnings": code 299, agent `-`, the text quoted.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

from probes.protocol.errors import clean_text

_MOST_LINES: Final = 16
_LONGEST_LINE: Final = 8192
_NOTICE: Final = re.compile(r'(?<![^\s,])299[ \t]+-[ \t]+"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")


def read_notices(lines: Iterable[str]) -> list[str]:
    """Return the cleaned texts of all Warning lines, in order. Other codes are HTTP's own. Never raises."""
    found = (text for line in islice(lines, _MOST_LINES) for text in _NOTICE.findall(line[:_LONGEST_LINE]))
    return [text for text in (clean_text(_ESCAPED.sub(r"\1", raw), 1000) for raw in found) if text]


def within(notices: Iterable[str], limit_bytes: int) -> tuple[str, ...]:
    """Return the notices, each once and in order, as long as they fit into `limit_bytes` of UTF-8 together."""
    kept: list[str] = []
    for notice in dict.fromkeys(notices):
        limit_bytes -= len(notice.encode())
        if limit_bytes < 0:
            break
        kept.append(notice)
    return tuple(kept)
