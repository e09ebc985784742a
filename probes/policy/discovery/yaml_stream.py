"""YAML from strangers: streams of documents, each built within bounds and with the line of everything in it.

Built from a parser's events and not by a loader. No tag has any effect. An alias stands for the very thing that it
names, and counts as large as that, so that a bomb is refused before anybody walks through it. All scalars are texts,
null is None: nothing that is read here is a number. Those in quotation marks are `Quoted`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from probes.policy.discovery.nodes import MAX_DEPTH, Mapping, Node, Quoted, Sequence

MAX_DOCUMENTS: Final = 2000
MAX_NODES: Final = 200_000
"""Of one document, with each alias counted as what it stands for; those of a whole stream add as many at most."""

_MERGE: Final = "<<"
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlRefused(ValueError):
    """Text that is no YAML, or more of it than is read. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def documents(text: str, *, most: int | None = None, strictly: bool = False) -> Iterator[Mapping]:
    """Yield the documents of a stream that are mappings. Raises `YamlRefused`, after those before the fault.

    `strictly` is for what somebody has written for us: a document that is no mapping, a key that is there twice and
    one that is no text are refused then, and not passed over.
    """
    try:
        # Without aliases there are no more parts than characters.
        room = len(text) + MAX_NODES
        yield from _documents(yaml.parse(text, Loader=_PARSER), most or MAX_DOCUMENTS, strictly, room)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlRefused(mark.line + 1 if mark else 1, f"no YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlRefused(1, f"no YAML: {error}") from None
    except RecursionError:
        raise YamlRefused(1, "nested too deeply") from None


def _documents(
    events: Iterator[Event],
    most: int,
    strictly: bool,  # noqa: FBT001 - passed on
    room: int,
) -> Iterator[Mapping]:
    count = 0
    for event in events:
        if isinstance(event, DocumentStartEvent):
            count += 1
            if count > most:
                raise YamlRefused(_line(event), f"more than {most:,} documents in one file")
            document = _Builder(events, strictly=strictly).node(next(events), 0)
            room -= document.size
            if room < 0:
                raise YamlRefused(_line(event), "more parts by aliases than a file may have")
            if isinstance(document.value, Mapping):
                yield document.value
            elif strictly and document.value is not None:
                raise YamlRefused(_line(event), "a document is an object")


@dataclass(frozen=True, slots=True)
class _Built:
    value: Node
    size: int


class _Builder:
    """Builds one document."""

    def __init__(self, events: Iterator[Event], *, strictly: bool = False) -> None:
        self._events = events
        self._strictly = strictly
        self._anchors: dict[str, _Built] = {}
        self._size = 0

    def node(self, event: Event, depth: int) -> _Built:
        """Return what begins with `event`; the events up to its end are taken."""
        if isinstance(event, AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                raise YamlRefused(_line(event), f"*{event.anchor} stands for nothing, or for what it is in")
            self._grow(known.size, event)
            return known
        self._grow(1, event)
        before = self._size
        if depth > MAX_DEPTH:
            raise YamlRefused(_line(event), f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, MappingStartEvent):
            value: Node = self._mapping(event, depth)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(event, depth)
        else:
            value = _scalar(event)
        built = _Built(value, self._size - before + 1)
        if isinstance(event, NodeEvent) and event.anchor:
            self._anchors[event.anchor] = built
        return built

    def _grow(self, size: int, event: Event) -> None:
        self._size += size
        if self._size > MAX_NODES:
            raise YamlRefused(_line(event), f"a document of more than {MAX_NODES:,} parts, aliases counted in full")

    def _mapping(self, start: Event, depth: int) -> Mapping:
        built = Mapping(_line(start))
        merged: list[Node] = []
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self.node(event, depth + 1).value
            line = _line(event)
            value_event = next(self._events)
            value = self.node(value_event, depth + 1).value
            if self._strictly and (not isinstance(key, str) or key in built.lines):
                raise YamlRefused(line, f"{key} is there twice" if isinstance(key, str) else "a key is a text")
            if not isinstance(key, str):
                continue  # nothing that is read here has such a key
            if key == _MERGE and not isinstance(key, Quoted):
                merged += value if isinstance(value, Sequence) else [value]
                continue
            built[key] = value
            built.lines[key] = line
        for source in merged:
            if isinstance(source, Mapping):
                self._grow(len(source), start)
                for key in source.keys() - built.keys():
                    built[key] = source[key]
                    built.lines[key] = source.line_of(key)
        return built

    def _sequence(self, start: Event, depth: int) -> Sequence:
        built = Sequence(_line(start))
        while not isinstance(event := next(self._events), CollectionEndEvent):
            built.append(self.node(event, depth + 1).value)
            built.lines.append(_line(event))
        return built


def _scalar(event: Event) -> str | None:
    if not isinstance(event, ScalarEvent):
        raise YamlRefused(_line(event), "no YAML that is read here")
    is_null = event.implicit[0] and event.style in (None, "") and event.value in _NULLS
    if is_null:
        return None
    return str(event.value) if event.style in (None, "") else Quoted(event.value)


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1
