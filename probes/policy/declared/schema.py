"""The form of documents as JSON Schema, made from the table of kinds: for editors, and for whoever writes documents.

What it takes, `reading` takes; that is a little more generous, since what is written without quotation marks is read
there as its field wants it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from probes.policy import names
from probes.policy.declared.fields import ENV, FILE, LONGEST_LIST, LONGEST_TEXT, Field, Part, Shape, plain
from probes.policy.declared.kinds import KINDS, LABELS, NAME, SOURCE, WITHHELD, Kind, KindOf
from probes.policy.declared.reading import LONGEST_HOST, MOST_DOCUMENTS
from probes.policy.discovery.document import API_VERSION

ID: Final = "urn:kairos:configuration:v1"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"type": "string", "maxLength": LONGEST_TEXT}
_TEXTS: Final = {"type": "array", "items": _TEXT, "maxItems": LONGEST_LIST}
_SHAPES: Final[Mapping[Shape, Mapping[str, Any]]] = {
    Shape.TEXT: _TEXT,
    Shape.INTEGER: {"type": "integer"},
    Shape.NUMBER: {"type": "number"},
    Shape.BOOLEAN: {"type": "boolean"},
    Shape.TEXTS: _TEXTS,
    Shape.NAMES: {**_TEXTS, "uniqueItems": True},
    Shape.TEXT_BY_NAME: {"type": "object", "additionalProperties": _TEXT, "maxProperties": LONGEST_LIST},
    Shape.TEXTS_BY_NAME: {"type": "object", "additionalProperties": _TEXTS, "maxProperties": LONGEST_LIST},
    Shape.INSTANT: {"type": "string", "format": "date-time"},
    Shape.DATE: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    Shape.TIME: {
        "type": "string",
        "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?$",
    },
}
_ORIGIN: Final = {
    "type": "object",
    "description": "Where a secret comes from: a variable of the environment, or a file.",
    "oneOf": [
        {"required": [ENV], "additionalProperties": False, "properties": {ENV: {"$ref": "#/$defs/variable"}}},
        {"required": [FILE], "additionalProperties": False, "properties": {FILE: {"type": "string", "minLength": 1}}},
    ],
}
_SLUG: Final = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", "maxLength": names.LONGEST}
_HOST: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_HOST}


def schema() -> dict[str, Any]:
    """Return the schema of one document of a stream."""
    return {
        "$schema": _DIALECT,
        "$id": ID,
        "title": "A document of Kairos' configuration",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"enum": [SOURCE, *KINDS]},
            "metadata": {"type": "object"},
            "spec": {"type": ["object", "null"]},
        },
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"#/$defs/{kind}"}}
            for kind in (SOURCE, *KINDS)
        ],
        "$defs": {
            SOURCE: _source(),
            **{kind.kind.value: _document(kind) for kind in KINDS.values()},
            "origin": _ORIGIN,
            "variable": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,200}$"},
        },
    }


def text() -> str:
    """Return the schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _source() -> dict[str, Any]:
    spec = {
        "type": "object",
        "required": ["complete"],
        "additionalProperties": False,
        "properties": {
            "complete": {"type": "boolean", "description": "Whether these are all that the source manages."},
            "documents": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST_DOCUMENTS,
                "description": "How many documents follow.",
            },
        },
    }
    return {"required": ["spec"], "properties": {"metadata": _metadata(_SLUG, has_labels=False), "spec": spec}}


def _document(kind: KindOf) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for field in kind.fields:
        if not (field.path == LABELS and kind.has_labels):
            _put(tree, field.path.split("."), _of(field, is_told=not (kind.is_named and field.path == NAME)))
    required = [field.path for field in kind.fields if field.is_required]
    spec = _object(tree)
    if required:
        spec |= {"type": "object", "required": required}
    named_by = _HOST if kind.kind is Kind.REGISTRY else _SLUG
    members = {"metadata": _metadata(named_by, has_labels=kind.has_labels), "spec": spec}
    return {"required": ["spec"], "properties": members} if required else {"properties": members}


def _metadata(named_by: Mapping[str, Any], *, has_labels: bool) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    found = {NAME: named_by, "found_in": texts, WITHHELD: texts}
    if has_labels:
        found[LABELS] = _SHAPES[Shape.TEXT_BY_NAME]
    return {"type": "object", "required": [NAME], "additionalProperties": False, "properties": found}


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _object(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object that may be left empty; what is a plain mapping in the tree is one as well."""
    members = {name: item.schema if isinstance(item, _Leaf) else _object(item) for name, item in tree.items()}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": members}


class _Leaf:
    """The schema of a field, which is told from the object that fields stand in."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema


def _of(field: Field, *, is_told: bool) -> _Leaf:
    """Return the schema of a field; `is_told` says that its default is always the same."""
    if field.is_secret:
        return _Leaf({**_secret(field.parts), "description": field.help})
    found = dict(_SHAPES[field.shape])
    if field.choices and field.shape is Shape.NAMES:
        found["items"] = {"enum": list(field.choices)}
    elif field.choices:
        found = {"enum": [*field.choices, *([None] if field.may_be_null else [])]}
    elif field.may_be_null:
        found["type"] = [found["type"], "null"]
    bounds = {"minimum": field.least, "maximum": field.most}
    found |= {name: bound for name, bound in bounds.items() if bound is not None}
    if is_told and not field.is_required and not field.is_kept:
        found["default"] = plain(field.default, field.shape)
    if field.help:
        found["description"] = field.help
    return _Leaf(found)


def _secret(parts: tuple[Part, ...]) -> dict[str, Any]:
    origin = {"$ref": "#/$defs/origin"}
    members = {
        part.name: {"anyOf": [origin, {"type": "boolean" if part.is_flag else "string"}]} if part.is_plain else origin
        for part in parts
    }
    return {"anyOf": [origin, {"type": "object", "additionalProperties": False, "properties": members}]}
