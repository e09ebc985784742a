"""What is stored, as documents that declare it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from probes.policy.declared.fields import plain
from probes.policy.declared.kinds import KINDS, LABELS, NAME, SECRET_FROM, WITHHELD, Kind
from probes.policy.declared.planning import Stored
from probes.policy.declared.secrets import OF_CREDENTIAL, PASSWORD
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
            if field.is_secret or (field.is_kept and value is None):
                continue
            if withholds and (field.is_hidden or field.shown_address(value) != value):
                withheld.append(field.path)
                value = field.shown_address(value)
                if field.is_hidden:
                    continue
            if field.path == LABELS and kind.has_labels:
                metadata[LABELS] = plain(value, field.shape)
            else:
                _put(spec, field.path.split("."), plain(value, field.shape))
        if withheld:
            metadata[WITHHELD] = withheld
        yield {"apiVersion": API_VERSION, "kind": row.kind.value, "metadata": metadata} | (
            {"spec": spec} if spec else {}
        )


def shows_hidden(document: Mapping[str, Any]) -> bool:
    """Tell whether a document holds what is hidden elsewhere, and may be secret: headers, bodies, queries of URLs."""
    spec = document.get("spec", {})
    for field in KINDS[document["kind"]].fields:
        value: Any = spec
        for key in field.path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value and (field.is_hidden or field.shown_address(value) != value):
            return True
    return False


def text(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the parts of a stream of YAML, one a document. A comment says where a secret is to be given back."""
    for number, value in enumerate(values):
        yield ("---\n" if number else "") + _about_secret(value) + written([value])


def _about_secret(document: Mapping[str, Any]) -> str:
    """Return lines of comment on what a document leaves out."""
    kind = KINDS.get(document["kind"])  # none of a source
    if kind is None or kind.secret is None:
        return ""
    parts = kind.secret.parts
    if kind.kind is Kind.CREDENTIAL:
        parts = OF_CREDENTIAL[document["spec"].get("kind", PASSWORD)]
    names = ", ".join(f"{part.name}: {{env: NAME}}" for part in parts)
    return (
        "# Its secret is not written here. Where it is stored it stays; elsewhere say in `spec` where each part\n"
        f"# comes from: {SECRET_FROM}: {{{names}}}\n"
    )


def _put(spec: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        spec = spec.setdefault(name, {})
    spec[path[-1]] = value
