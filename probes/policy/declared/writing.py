"""What is stored, as documents that declare it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from probes.policy.declared.fields import plain
from probes.policy.declared.kinds import KINDS, LABELS, NAME, WITHHELD
from probes.policy.declared.planning import Stored
from probes.policy.discovery.document import API_VERSION, written


def documents(rows: Iterable[Stored], *, withholds: bool = False) -> Iterator[Mapping[str, Any]]:
    """Yield a document for each; what is as by default is left out.

    With `withholds`, what may be secret is not shown: the document says of which fields, and they stay as they are
    when it is applied.
    """
    for row in rows:
        kind = KINDS[row.kind]
        metadata: dict[str, Any] = {NAME: row.name}
        spec: dict[str, Any] = {}
        withheld: list[str] = []
        for field in kind.fields:
            value = row.values[field.path]
            default = row.name if kind.is_named and field.path == NAME else field.default
            if value == default and not field.is_required:
                continue
            if withholds and (field.is_hidden or field.shown_address(value) != value):
                withheld.append(field.path)
                value = field.shown_address(value)
                if field.is_hidden:
                    continue
            if field.path == LABELS:
                metadata[LABELS] = plain(value, field.shape)
            else:
                _put(spec, field.path.split("."), plain(value, field.shape))
        if withheld:
            metadata[WITHHELD] = withheld
        yield {"apiVersion": API_VERSION, "kind": row.kind.value, "metadata": metadata} | (
            {"spec": spec} if spec else {}
        )


def text(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the parts of a stream of YAML, one a document."""
    for number, value in enumerate(values):
        yield ("---\n" if number else "") + written([value])


def _put(spec: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        spec = spec.setdefault(name, {})
    spec[path[-1]] = value
