"""What a reading has found, passed over and not been able to read."""

from dataclasses import dataclass, field
from typing import Final

from probes.protocol.errors import clean_text
from probes.protocol.reference import ReferenceInvalid, parse_reference

MAX_FOUND: Final = 200_000
"""Occurrences of images in one reading; more than Kairos is made for, and what a hostile source is cut to."""

MAX_REMARKS: Final = 20_000
"""So many are told of; of the others, only whether there was a gap among them."""

_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file with its line (from 1), or the address of a listing; and in what there."""

    source: str
    line: int | None = None
    what: str = ""

    def __str__(self) -> str:
        at = f"{self.source}:{self.line}" if self.line else self.source
        return clean_text(f"{at}: {self.what}" if self.what else at, _SHOWN)


@dataclass(frozen=True, slots=True)
class Found:
    """One occurrence of an image. `reference` is canonical; `platform` is empty where nothing says which."""

    reference: str
    place: Place
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that was passed over. A gap may have held an image that is not among what was found."""

    place: Place
    text: str
    is_gap: bool

    def __str__(self) -> str:
        return f"{self.place}: {'not read: ' if self.is_gap else ''}{clean_text(self.text)}"


@dataclass(slots=True)
class Notebook:
    """What readers write into. `wanted` are other files that belong to a reading, with where they are named."""

    found: list[Found] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    wanted: list[tuple[Place, str]] = field(default_factory=list)
    _is_full: bool = False
    _has_gaps: bool = False

    @property
    def is_complete(self) -> bool:
        return not self._has_gaps

    def image(self, text: str, place: Place, platform: str = "") -> None:
        """Note an image as somebody wrote it; a gap where that is no reference."""
        try:
            reference = parse_reference(text.strip())
        except ReferenceInvalid as error:
            what = "a variable is not filled in" if "$" in text or "{{" in text else error.message
            self.gap(place, f"{text.strip()!a} is no reference: {what}")
            return
        if len(self.found) < MAX_FOUND:
            self.found.append(Found(reference.canonical, place, platform))
        elif not self._is_full:
            self._is_full = True
            self.gap(place, f"more than {MAX_FOUND:,} images: the rest is left out")

    def note(self, place: Place, text: str) -> None:
        """Tell of something that was passed over and holds no image of its own."""
        self._remark(Remark(place, text, is_gap=False))

    def gap(self, place: Place, text: str) -> None:
        """Tell of something that was not read and may hold an image."""
        self._remark(Remark(place, text, is_gap=True))

    def want(self, place: Place, path: str) -> None:
        """Note another file that belongs to the reading."""
        if len(self.wanted) < MAX_REMARKS:
            self.wanted.append((place, path))
        else:
            self.gap(place, f"more than {MAX_REMARKS:,} other files are named: the rest is left out")

    def _remark(self, remark: Remark) -> None:
        self._has_gaps = self._has_gaps or remark.is_gap
        if len(self.remarks) < MAX_REMARKS and (not self.remarks or self.remarks[-1] != remark):
            self.remarks.append(remark)
