"""What is stored, as documents that declare it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from probes.policy.declared.fields import plain
from probes.policy.declared.kinds import KINDS, LABELS, NAME
from probes.policy.declared.planning import Stored
from probes.policy.discovery.document import API_VERSION, written


def documents(rows: Iterable[Stored]) -> Iterator[Mapping[str, Any]]:
    """Yield a document for each; what is as by default is left out."""
    for row in rows:
        kind = KINDS[row.kind]
        metadata: dict[str, Any] = {NAME: row.name}
        spec: dict[str, Any] = {}
        for field in kind.fields:
            value = row.values[field.path]
            default = row.name if kind.is_named and field.path == NAME else field.default
            if value == default and not field.is_required:
                continue
            if field.path == LABELS:
                metadata[LABELS] = plain(value, field.shape)
            else:
                _put(spec, field.path.split("."), plain(value, field.shape))
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
