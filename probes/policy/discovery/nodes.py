"""What readers look into: mappings and sequences that know the lines of their parts. Scalars are texts or None."""

from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 64
"""No object of Kubernetes and no Compose file is nested as deeply."""


class Quoted(str):
    """A text that was written so that it is nothing else: in quotation marks, or as a block."""

    __slots__ = ()


class Mapping(dict[str, Any]):
    """A mapping with the line on which it begins, and the line of each value by its key. Lines count from 1."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def map(self, key: str) -> "Mapping":
        """Return the mapping there, or an empty one."""
        value = self.get(key)
        return value if isinstance(value, Mapping) else Mapping(self.line)

    def list(self, key: str) -> "Sequence":
        """Return the sequence there, or an empty one."""
        value = self.get(key)
        return value if isinstance(value, Sequence) else Sequence(self.line)

    def text(self, key: str) -> str:
        """Return the text there, or nothing."""
        value = self.get(key)
        return value if isinstance(value, str) else ""

    def line_of(self, key: str) -> int:
        return self.lines.get(key, self.line)


class Sequence(list[Any]):
    """A sequence with the line on which it begins, and the line of each item."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []

    @property
    def maps(self) -> Iterator[Mapping]:
        """The items that are mappings."""
        return (item for item in self if isinstance(item, Mapping))


Node = Mapping | Sequence | str | None
