r"""The images that a Dockerfile builds on and copies from. Source: the Dockerfile reference of BuildKit.

`dockerfile-parse` was tried first. It knows no here-documents, whose lines it takes for instructions, and no `COPY
--from`; what remains of it is less than this (ADR 44).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.variables import VariableUnset, substituted

MAX_INSTRUCTIONS: Final = 10_000
MAX_LINE: Final = 64 * 1024
_SCRATCH: Final = "scratch"
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*")
_HERE: Final = re.compile(r"(?<!\S)[0-9]*<<(-?)(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\2(?!\S)")
"""A word of its own, as BuildKit has it: `<<<word` and `1<<n` are none."""

_ARGUMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(=)(\"[^\"]*\"|'[^']*'|\S*))?")
_FLAG: Final = re.compile(r"--([a-z]+)(?:=(\S+))?\s+")
_OF_THE_BUILDER: Final = re.compile(r"\$\{?(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)\}?")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its lines joined; `line` is the first, from 1."""

    line: int
    word: str
    rest: str


def read(text: str, file: str, values: Mapping[str, str], book: Notebook) -> None:
    """Note the images of a Dockerfile; `values` are those of build arguments that are given."""
    escape = "\\"
    for name, value in _directives(text):
        if name == "escape" and value in ("\\", "`"):
            escape = value
        elif name == "syntax":
            book.note(Place(file, 1, "syntax"), f"BuildKit pulls {value} to read this file: it is not taken")
    reading = _Reading(file, values, book, f"{escape}$")
    for count, instruction in enumerate(instructions(text, escape)):
        if count >= MAX_INSTRUCTIONS:
            book.gap(
                Place(file, instruction.line), f"more than {MAX_INSTRUCTIONS:,} instructions: the rest is left out"
            )
            break
        reading.take(instruction)


class _Reading:
    """One file under way: the stages and the arguments that are known so far."""

    def __init__(self, file: str, given: Mapping[str, str], book: Notebook, dollar: str) -> None:
        self._file = file
        self._given = given
        self._book = book
        self._dollar = dollar  # how a plain one is written
        self._stages: list[str] = []
        self._arguments: dict[str, str] = {}

    def take(self, instruction: Instruction) -> None:
        word, rest = instruction.word, instruction.rest
        if word == "ONBUILD":
            word, _, rest = rest.partition(" ")
            word = word.upper()
        place = Place(self._file, instruction.line, word)
        if word == "ARG" and not self._stages:
            self._argue(rest)
        elif word == "FROM":
            self._stages.append(self._begin(rest, place))
        else:
            for source in _sources(word, rest):
                self._copy(source, place)

    def _argue(self, rest: str) -> None:
        for name, equals, value in _ARGUMENT.findall(rest):
            if name in self._given:
                self._arguments[name] = self._given[name]
            elif equals:
                try:
                    self._arguments[name] = self._filled(value.strip("\"'"))
                except VariableUnset:
                    self._arguments.pop(name, None)  # told of where it is used

    def _begin(self, rest: str, place: Place) -> str:
        """Note the image of a FROM and return the name of its stage, which is never empty."""
        flags = dict(_flags(rest))
        image, _, alias = _FLAG.sub("", f"{rest} ").strip().partition(" ")
        word, _, name = alias.strip().partition(" ")
        stage = name.strip().lower() if word.lower() == "as" and name.strip() else f"#{len(self._stages)}"
        platform = flags.get("platform", "")
        try:
            reference = self._filled(image.strip("\"'"))
            # Nothing where it is the builder's, which no file tells.
            platform = "" if _OF_THE_BUILDER.search(platform) else self._filled(platform)
        except VariableUnset as error:
            self._book.gap(place, f"{image!a}: {error}")
            return stage
        self._note(reference, place, platform)
        return stage

    def _copy(self, source: str, place: Place) -> None:
        """Note what is copied from, unless it is a stage, by its name or its number."""
        place = Place(place.source, place.line, f"{place.what} from")
        if source.isascii() and source.isdigit():
            self._book.note(place, f"{source} is a stage of this file")
        elif "$" in source:
            self._book.gap(place, f"{source!a}: no variable is filled in here by a builder")
        else:
            self._note(source, place)

    def _note(self, reference: str, place: Place, platform: str = "") -> None:
        if reference.lower() == _SCRATCH:
            self._book.note(place, "scratch is no image to pull")
        elif reference.lower() in self._stages:
            self._book.note(place, f"{reference} is a stage of this file")
        else:
            self._book.image(reference, place, platform)

    def _filled(self, text: str) -> str:
        return substituted(text, self._arguments, escape=self._dollar)


def instructions(text: str, escape: str = "\\") -> Iterator[Instruction]:
    """Yield the instructions. Comments, empty lines and here-documents are left out.

    What has no end is no here-document: else it would hide whatever follows.
    """
    given = list(enumerate(text.splitlines(), start=1))
    last = {line: at for at, line in given}
    last_indented = {line.lstrip("\t"): at for at, line in given}
    lines = iter(given)
    for number, line in lines:
        begun = line.strip()
        if not begun or begun.startswith("#"):
            continue
        parts = [begun[:MAX_LINE]]
        while parts[-1].endswith(escape):
            parts[-1] = parts[-1][:-1]
            following = next((item.strip() for _, item in lines if _goes_on(item)), None)
            if following is None:
                break
            parts.append(following[:MAX_LINE])
        word, _, rest = " ".join(parts).strip().partition(" ")
        word = word.upper()
        yield Instruction(number, word, rest.strip())
        if word in ("RUN", "COPY", "ADD", "ONBUILD"):
            for has_tabs, _, end in _HERE.findall(rest):
                if (last_indented if has_tabs else last).get(end, 0) > number:
                    next((None for _, item in lines if (item.lstrip("\t") if has_tabs else item) == end), None)


def _goes_on(line: str) -> bool:
    """Tell whether a line takes part in an instruction that goes on; BuildKit passes over empty ones and comments."""
    shown = line.strip()
    return bool(shown) and not shown.startswith("#")


def _directives(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parser directives: comments of a certain form before anything else."""
    for line in text.splitlines():
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            return
        yield found[1].lower(), found[2]


def _sources(word: str, rest: str) -> Iterator[str]:
    """Yield what an instruction copies or mounts from."""
    for name, value in _flags(rest):
        if word in ("COPY", "ADD") and name == "from":
            yield value
        elif word == "RUN" and name == "mount" and (source := dict(_members(value)).get("from")):
            yield source


def _flags(rest: str) -> Iterator[tuple[str, str]]:
    """Yield the flags at the beginning."""
    at = 0
    while found := _FLAG.match(rest, at):
        yield found[1], (found[2] or "").strip("\"'")
        at = found.end()


def _members(value: str) -> Iterator[tuple[str, str]]:
    for part in value.split(","):
        name, _, text = part.partition("=")
        yield name, text
