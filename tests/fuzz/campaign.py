"""One parser, many inputs: those that are taken in a new way are gone on from."""

import base64
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Final

from tests.fuzz.mutation import mutated
from tests.fuzz.parsers import Parser

HANG_SECONDS: Final = 10.0  # of CPU, for one input of some kilobytes
_KEPT: Final = 2000


class Finding(Exception):
    """An input that broke a promise; its cause is the exception."""

    def __init__(self, parser: Parser, data: bytes) -> None:
        super().__init__(f"{parser.name}: {data[:200]!r}")
        self.parser = parser
        self.data = data

    @property
    def command(self) -> str:
        """How to see it again."""
        return f"python -m tests.fuzz --again {self.parser.name} {packed(self.data)}"


def packed(data: bytes) -> str:
    """Return an input as it fits into a command."""
    return base64.urlsafe_b64encode(zlib.compress(data, 9)).decode()


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.urlsafe_b64decode(text))


@dataclass(frozen=True)
class Tally:
    inputs: int
    shapes: int


def run(parser: Parser, *, seed: int, goes_on: Callable[[int], bool]) -> Tally:
    """Try seeds and mutants while `goes_on` for the number of inputs so far. Raises `Finding`."""
    random = Random(seed)
    population = list(parser.seeds)
    shapes = set()
    inputs = 0
    for data in parser.seeds:
        shapes.add(tried(parser, data))
        inputs += 1
    while goes_on(inputs):
        data = mutated(random, population, parser.tokens)
        shape = tried(parser, data)
        inputs += 1
        if shape not in shapes and len(population) < _KEPT:
            shapes.add(shape)
            population.append(data)
    return Tally(inputs, len(shapes))


def tried(parser: Parser, data: bytes) -> object:
    """Return the shape of one input. Raises `Finding`."""
    try:
        with bounded_cpu():
            return parser.check(data)
    except Exception as error:
        raise Finding(parser, data) from error


def until(seconds: float) -> Callable[[int], bool]:
    """Go on for so long on the clock."""
    end = time.monotonic() + seconds
    return lambda _: time.monotonic() < end


@contextmanager
def bounded_cpu() -> Iterator[None]:
    def late(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {HANG_SECONDS:g} s of CPU for one input")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
