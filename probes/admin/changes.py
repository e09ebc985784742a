"""What an entry of the audit log says was changed, for people."""

import json
from dataclasses import dataclass
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from probes.admin import display
from probes.models import AuditEntry
from probes.policy.audit import AuditAction

SHORT: Final = 200
"""So many characters of a value are shown where there are many entries."""


@dataclass(frozen=True, slots=True)
class Line:
    """One field, with its values in words."""

    field: str
    before: str
    after: str


def lines(entry: AuditEntry, *, longest: int | None = None) -> list[Line]:
    """Return the fields of an entry in their order, values cut where they are longer than that."""
    return [
        Line(field.replace("_", " "), _cut(value(before), longest), _cut(value(after), longest))
        for field, (before, after) in sorted(entry.changes.items())
    ]


def table(entry: AuditEntry) -> SafeString:
    """Return the fields of an entry as a table: of what was made what it is, of what was deleted what it was."""
    context = {
        "lines": lines(entry),
        "with_before": entry.action != AuditAction.CREATE,
        "with_after": entry.action != AuditAction.DELETE,
    }
    return render_to_string("admin/probes/changes.html", context)


def value(stored: Any) -> str:
    """Return a stored value as people write it; what has parts as one line of JSON."""
    match stored:
        case None | "":
            return display.NOTHING
        case True:
            return "yes"
        case False:
            return "no"
        case str():
            return stored
        case [*items] if all(isinstance(item, str) for item in items):
            return ", ".join(items) or display.NOTHING
        case _:
            return json.dumps(stored, ensure_ascii=False, sort_keys=True)


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None else Truncator(text).chars(longest)
