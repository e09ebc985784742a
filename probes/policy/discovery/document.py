"""What was found, as the stream of documents that `manage.py apply` reads: docs/reference/configuration.md.

Written here and not by a YAML library: an agent in somebody's cluster does without one, and texts are always quoted
where a reader of YAML could take them for anything else.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from probes.policy.discovery.finding import Found, Place
from probes.protocol.reference import parse_reference

API_VERSION: Final = "kairos/v1"
MAX_NAME: Final = 100
MAX_PLACES: Final = 20
"""Places that are told of one image; of the others, how many."""

_DIGITS: Final = 8
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_PAIR: Final = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")
_READ_AS_SOMETHING_ELSE: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Image:
    """An image with all the places where it was found. `platforms` is empty where some place does not say which."""

    reference: str
    places: tuple[Place, ...]
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What whoever asked wants said of every image that was found."""

    source: str = ""  # who manages them; empty for nobody
    group: str = ""
    schedule: str = ""
    policy: str = ""
    regions: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None


def merged(found: Iterable[Found]) -> tuple[Image, ...]:
    """Return each image once, by its reference, with the places in the order in which they were found."""
    by_reference: dict[str, list[Found]] = {}
    for item in found:
        by_reference.setdefault(item.reference, []).append(item)
    return tuple(_image(reference, by_reference[reference]) for reference in sorted(by_reference))


def _image(reference: str, found: Sequence[Found]) -> Image:
    platforms = {item.platform for item in found}
    return Image(
        reference=reference,
        places=tuple(dict.fromkeys(item.place for item in found)),
        platforms=() if "" in platforms else tuple(sorted(platforms)),
    )


def name_of(reference: str) -> str:
    """Return the stable name of a canonical reference: the same for ever, and no other reference's.

    `/` and `:` become `_`. Where the reference holds that itself, or what no slug holds, digits of its hash follow.
    """
    parsed = parse_reference(reference)
    name = reference.replace("/", "_").replace(":", "_")
    is_plain = parsed.digest is None and "_" not in reference and ":" not in parsed.host
    if is_plain and len(name) <= MAX_NAME and _SLUG.fullmatch(name):
        return name
    digits = hashlib.sha256(reference.encode()).hexdigest()[:_DIGITS]
    kept = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[: MAX_NAME - _DIGITS - 1].strip("._-")
    return f"{kept}-{digits}"


def documents(images: Sequence[Image], wishes: Wishes, *, complete: bool) -> list[dict[str, Any]]:
    """Return the documents as values; the source's first, where there is one.

    Where these are not all, there is one without a name: whoever applies them may name it, and has to know.
    """
    found = [_document(image, wishes) for image in images]
    if complete and not wishes.source:
        return found
    source = {
        "apiVersion": API_VERSION,
        "kind": "Source",
        "metadata": {"name": wishes.source} if wishes.source else {},
        "spec": {"complete": complete, "documents": len(found)},
    }
    return [source, *found]


def written(values: Iterable[Mapping[str, Any]]) -> str:
    """Return documents as a stream of YAML."""
    return "---\n".join("".join(f"{line}\n" for line in _lines(value)) for value in values)


def _document(image: Image, wishes: Wishes) -> dict[str, Any]:
    places = [str(place) for place in image.places[:MAX_PLACES]]
    if more := len(image.places) - MAX_PLACES:
        places += [f"and {more} more"] if more > 0 else []
    spec = {
        "reference": image.reference,
        "group": wishes.group,
        "schedule": wishes.schedule,
        "policy": wishes.policy,
        "regions": list(wishes.regions),
        "platforms": list(wishes.platforms or image.platforms),
    }
    metadata = {"name": name_of(image.reference), "labels": dict(wishes.labels or {}), "found_in": places}
    return {
        "apiVersion": API_VERSION,
        "kind": "Image",
        "metadata": {name: value for name, value in metadata.items() if value},
        "spec": {name: value for name, value in spec.items() if value},
    }


def _lines(value: Mapping[str, Any], indent: str = "") -> Iterable[str]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield f"{indent}{_scalar(name)}:"
            yield from _lines(item, f"{indent}  ")
        elif isinstance(item, list):
            yield f"{indent}{_scalar(name)}:"
            yield from (f"{indent}  - {_scalar(text)}" for text in item)
        else:
            yield f"{indent}{_scalar(name)}: {_scalar(item)}"


def _scalar(value: str | float | bool) -> str:  # noqa: FBT001 - a value, not a switch
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # no powers of ten, which no reader of ours takes
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _READ_AS_SOMETHING_ELSE
    # ASCII in double quotes is YAML too, but for letters that JSON writes as two halves.
    return value if is_plain else _PAIR.sub(_whole, json.dumps(value))


def _whole(pair: re.Match[str]) -> str:
    high, low = (int(half, 16) for half in pair.groups())
    return f"\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08X}"
