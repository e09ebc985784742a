"""From text to what is declared: every fault with its place, all of them at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from probes.policy.declared.fields import Misread, Value
from probes.policy.declared.kinds import KINDS, LABELS, NAME, SOURCE, WITHHELD, Kind, KindOf
from probes.policy.discovery import yaml_stream
from probes.policy.discovery.document import API_VERSION
from probes.policy.discovery.nodes import Mapping as MappingNode
from probes.policy.discovery.nodes import Quoted, Sequence
from probes.policy.discovery.yaml_stream import YamlRefused
from probes.policy.names import is_stable_name

MOST_DOCUMENTS: Final = 200_000
MOST_FAULTS: Final = 100
LONGEST_HOST: Final = 260
_MEMBERS: Final = ("apiVersion", "kind", "metadata", "spec")
_OF_METADATA: Final = (NAME, LABELS, "found_in", WITHHELD)
_OF_SOURCE: Final = ("complete", "documents")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands. Lines count from 1; 0 is none, as of what a command line says."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, where, and with what."""

    place: Place
    thing: str = ""
    field: str = ""
    message: str

    def __str__(self) -> str:
        said = ": ".join(part for part in (str(self.place), self.thing, self.field, self.message) if part)
        # What stands in a file is shown on somebody's terminal: it does not move the cursor there.
        return "".join(sign if sign.isprintable() else " " if sign.isspace() else "\ufffd" for sign in said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One thing as it is to be: every field of its kind by its path, those that were left out by their defaults.

    Of `withheld` fields, the values were not shown to whoever wrote this down: they are to stay as they are stored.
    """

    kind: Kind
    name: str
    values: Mapping[str, Value]
    place: Place
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    withheld: frozenset[str] = frozenset()

    @property
    def thing(self) -> str:
        return f"{self.kind}/{self.name}"

    def fault(self, message: str, path: str = "") -> Fault:
        """Return what is wrong with the field at `path`, at its line."""
        line = next((self.lines[at] for at in _outwards(path) if at in self.lines), self.place.line)
        return Fault(place=Place(self.place.file, line), thing=self.thing, field=path, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSource:
    """Who manages all others of a stream, and whether they are all there are."""

    name: str
    is_complete: bool = False
    place: Place


@dataclass(slots=True)
class Reading:
    """What was read so far: add streams to it, then look at `faults`.

    `is_complete` says of all streams that none of them is known to be a part only.
    """

    things: list[Declared] = field(default_factory=list)
    source: DeclaredSource | None = None
    is_complete: bool = True
    faults: list[Fault] = field(default_factory=list)
    _places: dict[tuple[str, str], Place] = field(default_factory=dict)

    def add_text(self, text: str, file: str) -> None:
        """Read a stream of YAML (or JSON)."""
        documents = yaml_stream.documents(text, most=MOST_DOCUMENTS, strictly=True)
        self._add(_with_faults(documents), file)

    def add_values(self, values: Iterable[Any], file: str) -> None:
        """Read documents that came as values of JSON. Their places are their numbers."""
        self._add((node_of(value, number) for number, value in enumerate(values, start=1)), file)

    def source_called(self, name: str | None, said_by: str) -> DeclaredSource | None:
        """Return who manages all of this, where `said_by` has named somebody besides; a fault tells of a wrong name.

        Streams without a source of their own are all that the one manages who is named. Where nothing was read, that
        is a fault as well: that a source has nothing any more is for a Source document to say.
        """
        if name is None:
            return self.source
        wrong = ""
        if not is_stable_name(name):
            wrong = "Write small letters and digits, with . - _ between them."
        elif self.source is not None and self.source.name != name:
            wrong = f"The source is {self.source.name} by {self.source.place}."
        elif self.source is None and self.things:
            return DeclaredSource(name=name, is_complete=self.is_complete, place=Place(said_by, 0))
        elif self.source is None and not self.faults:
            wrong = "Nothing was read. That a source has nothing any more is for a Source document to say."
        if wrong:
            self.faults.append(Fault(place=Place(said_by, 0), message=wrong))
        return self.source

    def _add(self, documents: Iterator[Any], file: str) -> None:
        said: int | None = None
        source = Place(file, 0)
        count = 0
        for number, node in enumerate(documents):
            if isinstance(node, YamlRefused):
                self.faults.append(Fault(place=Place(file, node.line), message=str(node)))
                return
            if not isinstance(node, MappingNode):
                self.faults.append(Fault(place=Place(file, number + 1), message="A document is an object."))
                continue
            if node.text("kind") == SOURCE:
                said = self._read_source(node, file, is_first=number == 0)
                source = Place(file, node.line)
                continue
            count += 1
            thing = _Document(self, node, file).read()
            if thing is not None:
                self._keep(thing)
        if said is not None and said != count:
            message = f"{said} documents are said to follow, and {count} do: the stream was cut off."
            self.faults.append(Fault(place=source, thing=SOURCE, message=message))

    def _keep(self, thing: Declared) -> None:
        # An image and an endpoint are of one table: a stable name is either's.
        family = Kind.IMAGE if thing.kind is Kind.ENDPOINT else thing.kind
        first = self._places.setdefault((family, thing.name), thing.place)
        if first is not thing.place:
            self.faults.append(thing.fault(f"It is declared twice, first at {first}."))
            return
        self.things.append(thing)

    def _read_source(self, node: MappingNode, file: str, *, is_first: bool) -> int | None:
        document = _Document(self, node, file)
        is_named = NAME in node.map("metadata")
        name, spec = document.begin(SOURCE, is_named=is_named)
        complete, documents = spec.get("complete"), spec.get("documents")
        for key in spec:
            if key not in _OF_SOURCE:
                document.refuse(key, f"There is no such field. There are: {', '.join(_OF_SOURCE)}.")
        if complete not in {"true", "false"} or isinstance(complete, Quoted):
            document.refuse("complete", "Write true or false.")
        is_number = isinstance(documents, str) and not isinstance(documents, Quoted) and documents.isdecimal()
        if documents is not None and not is_number:
            document.refuse("documents", "Write a whole number.")
        if not is_first:
            document.refuse("", "A source is the first document of its stream.")
        self.is_complete = self.is_complete and complete == "true"
        if is_named and self.source is not None:
            document.refuse("", f"There is one source already, at {self.source.place}.")
        elif is_named:
            self.source = DeclaredSource(name=name, is_complete=True, place=document.place)
        if self.source is not None and not self.is_complete:
            self.source = replace(self.source, is_complete=False)
        return int(documents) if is_number and documents else None


class _Document:
    """Reads one document; its faults go to the reading."""

    def __init__(self, reading: Reading, node: MappingNode, file: str) -> None:
        self._reading = reading
        self._node = node
        self._lines: dict[str, int] = {}
        self._thing = ""
        self.place = Place(file, node.line)

    def refuse(self, path: str, message: str, line: int | None = None) -> None:
        at = line or self._lines.get(path, self.place.line)
        fault = Fault(place=Place(self.place.file, at), thing=self._thing, field=path, message=message)
        self._reading.faults.append(fault)

    def begin(self, kind: str, *, is_named: bool = True) -> tuple[str, MappingNode]:
        """Read what all documents have; return the name and the `spec`."""
        node = self._node
        metadata = node.map("metadata")
        name = metadata.text(NAME)
        self._thing = f"{kind}/{name[:_SHOWN]}"
        for key in node:
            if key not in _MEMBERS:
                self.refuse(key, f"There is no such member. There are: {', '.join(_MEMBERS)}.", node.line_of(key))
        if node.text("apiVersion") != API_VERSION:
            self.refuse("apiVersion", f"Write {API_VERSION}.", node.line_of("apiVersion"))
        for key in ("metadata", "spec"):
            if node.get(key) is not None and not isinstance(node.get(key), MappingNode):
                self.refuse(key, "Write an object.", node.line_of(key))
        for key in metadata:
            if key not in _OF_METADATA:
                allowed = ", ".join(_OF_METADATA)
                self.refuse(
                    f"metadata.{key}", f"There is no such field. There are: {allowed}.", metadata.line_of(key)
                )
        is_name = 0 < len(name) <= LONGEST_HOST if kind == Kind.REGISTRY else is_stable_name(name)
        if is_named and not is_name:
            wanted = "a host" if kind == Kind.REGISTRY else "small letters and digits, with . - _ between them"
            self.refuse("metadata.name", f"Write {wanted}.", metadata.line_of(NAME))
        spec = node.map("spec")
        self._lines.update({key: spec.line_of(key) for key in spec})
        return name, spec

    def read(self) -> Declared | None:
        """Return the thing; None where it is none, or has faults."""
        node, before = self._node, len(self._reading.faults)
        word = node.text("kind")
        if word not in KINDS:
            kinds = ", ".join((SOURCE, *KINDS))
            self.refuse("kind", f"There is no such kind. There are: {kinds}.", node.line_of("kind"))
            return None
        kind = KINDS[word]
        name, spec = self.begin(word)
        values = dict(kind.defaults)
        if kind.is_named:
            values[NAME] = name
        self._fill(kind, spec, "", values)
        metadata = node.map("metadata")
        if LABELS in metadata:
            self._lines[LABELS] = metadata.line_of(LABELS)
            if kind.has_labels:
                self._one(kind, LABELS, metadata[LABELS], values)
            elif metadata[LABELS]:
                self.refuse("metadata.labels", f"A {kind.kind} has no labels.")
        withheld = self._withheld(kind, metadata)
        for path, known in kind.by_path.items():
            if known.is_required and not values[path]:
                self.refuse(path, "It has to be there.")
        if len(self._reading.faults) > before:
            return None
        return Declared(
            kind=kind.kind, name=name, values=values, place=self.place, lines=self._lines, withheld=withheld
        )

    def _withheld(self, kind: KindOf, metadata: MappingNode) -> frozenset[str]:
        """Return which fields an export did not show."""
        path, line = f"metadata.{WITHHELD}", metadata.line_of(WITHHELD)
        given = metadata.get(WITHHELD)
        if given is None:
            return frozenset()
        if not isinstance(given, Sequence) or not all(isinstance(item, str) for item in given):
            self.refuse(path, "Write a list of texts.", line)
            return frozenset()
        for name in given:
            known = kind.by_path.get(name)
            if known is None or not (known.is_hidden or known.is_address):
                there = ", ".join(item.path for item in kind.fields if item.is_hidden or item.is_address)
                told = f"What is withheld may be: {there}." if there else "Nothing of it is withheld."
                self.refuse(path, told, line)
            elif known.is_hidden and name in self._lines:
                self.refuse(name, "It is there, and said to be withheld: write one or the other.")
        return frozenset(given)

    def _fill(self, kind: KindOf, node: MappingNode, prefix: str, values: dict[str, Value]) -> None:
        for key, inner in node.items():
            path = f"{prefix}{key}"
            self._lines[path] = node.line_of(key)
            if path in kind.by_path and not (path == LABELS and kind.has_labels):
                self._one(kind, path, inner, values)
            elif path not in kind.objects:
                kept = {LABELS} if kind.has_labels else set()
                here = [at for at in (*kind.by_path, *kind.objects) if at.startswith(prefix) and at not in kept]
                there = ", ".join(sorted({at.removeprefix(prefix).partition(".")[0] for at in here}))
                told = f"There is no such field. There are: {there}."
                if path in kept:
                    told = "Labels are said of a thing, not of how it is checked: write them in metadata.labels."
                self.refuse(path[:_SHOWN], told, self._lines[path])
            elif isinstance(inner, MappingNode):
                self._fill(kind, inner, f"{path}.", values)
            elif inner is not None:
                self.refuse(path, "Write an object.")

    def _one(self, kind: KindOf, path: str, node: Any, values: dict[str, Value]) -> None:
        field = kind.by_path[path]
        if field.is_secret and isinstance(node, MappingNode):
            self._lines |= {f"{path}.{part}": node.line_of(part) for part in node}
        try:
            values[path] = field.read(node)
        except Misread as error:
            self.refuse(path, str(error))


def node_of(value: Any, line: int) -> Any:
    """Return a value of JSON as what a reader of YAML would make of it; all of it stands at `line`."""
    match value:
        case dict():
            node = MappingNode(line)
            node.update({str(name): node_of(inner, line) for name, inner in value.items()})
            return node
        case list():
            items = Sequence(line)
            items.extend(node_of(inner, line) for inner in value)
            items.lines.extend([line] * len(items))
            return items
        case bool():
            return "true" if value else "false"
        case None:
            return None
        case str():
            return Quoted(value)
        case float():
            return format(Decimal(repr(value)), "f")
        case _:
            return str(value)


def _with_faults(documents: Iterator[MappingNode]) -> Iterator[Any]:
    """Yield the documents, and behind them what ended the stream."""
    try:
        yield from documents
    except YamlRefused as error:
        yield error


def _outwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]
