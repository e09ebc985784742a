"""The one terminal that all children share: each line is marked with the time and with who wrote it."""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, TextIO

OURS: Final = "kairos"
_COLOURS: Final = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
_BOLD: Final = 1
# A child that never ends its line must not fill our memory.
_LONGEST_LINE_BYTES: Final = 16_384


class Console:
    """Writes marked lines. Colours are for terminals, and NO_COLOR switches them off."""

    def __init__(self, names: Iterable[str], *, out: TextIO | None = None) -> None:
        self._out: TextIO | None = out or sys.stdout
        names = (OURS, *names)
        self._width = max(map(len, names))
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}
        self._colours[OURS] = _BOLD
        self._coloured = (out or sys.stdout).isatty() and not os.environ.get("NO_COLOR")

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self.line(OURS, text)

    def line(self, name: str, text: str) -> None:
        mark = f"{datetime.now(UTC).astimezone():%H:%M:%S} {name:<{self._width}} |"
        if self._coloured:
            mark = f"\x1b[{self._colours.get(name, 0)}m{mark}\x1b[0m"
        self._write(f"{mark} {text}\n")

    def block(self, text: str) -> None:
        """Write text as it is, apart from the lines around it."""
        self._write(f"\n{text}\n\n")

    def _write(self, text: str) -> None:
        if self._out is None:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            self._out = None  # nobody reads any more (`up | head`); what runs must not stop for that


class Lines:
    """Puts a child's output together to lines. Circus calls it with whatever one read returned."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._rest = b""

    def __call__(self, chunk: dict[str, bytes]) -> None:
        *lines, self._rest = (self._rest + chunk["data"]).split(b"\n")
        for line in lines:
            self._show(line)
        if len(self._rest) > _LONGEST_LINE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Show what the child left without an end of line."""
        rest, self._rest = self._rest, b""
        if rest:
            self._show(rest)

    def _show(self, line: bytes) -> None:
        self._console.line(self._name, line.decode(errors="replace").rstrip("\r"))
