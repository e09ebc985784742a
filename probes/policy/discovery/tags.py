"""Which tags of a repository are wanted: by a range of versions, by pattern, the newest of them, and never some.

Patterns are RE2's, so none takes longer than the text is long. A tag is read as a version where it is one that
`semantic-version` takes, with or without a `v`, or a shorter one, `1.27`, which stands for itself with zeros.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from semantic_version import NpmSpec, Version

from probes.protocol.endpoint.pattern import PatternInvalid, check_pattern, matches_whole

MAX_NEWEST: Final = 10_000
LONGEST_TAG: Final = 128
"""As the specification has it. What is longer is no version, and no number in it is read."""

_VERSION: Final = re.compile(
    r"v?(0|[1-9][0-9]{0,9})(?:\.(0|[1-9][0-9]{0,9}))?(?:\.(0|[1-9][0-9]{0,9}))?([-+].*)?", re.ASCII
)
_NAMES_A_PRERELEASE: Final = re.compile(r"[0-9]-[0-9A-Za-z]")
_NOT_IMAGES: Final = re.compile(r"sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?")
"""Tags under which cosign and others keep signatures beside images; nobody pulls them to run them."""


class FilterRefused(ValueError):
    """A filter that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """What is wanted. Empty means no condition; of all that is left, `newest` keeps so many, 0 all.

    Newest is the highest version first, and after all versions the other tags, by the numbers in them.
    """

    versions: str = ""  # a range as npm writes it: >=1.2 <2, ^1.4, 1.x
    pattern: str = ""  # the whole tag must match
    exclude: tuple[str, ...] = ()  # what the whole of it matches is left out
    newest: int = 0

    def check(self) -> None:
        """Raise `FilterRefused` where the filter cannot be used."""
        _range(self.versions)
        for pattern in (self.pattern, *self.exclude):
            try:
                check_pattern(pattern)
            except PatternInvalid as error:
                raise FilterRefused(f"the pattern {pattern[:100]!r}: {error}") from None
        if not 0 <= self.newest <= MAX_NEWEST:
            raise FilterRefused(f"the newest 1 to {MAX_NEWEST:,}, and not {self.newest}")

    def chosen(self, tags: Iterable[str]) -> list[str]:
        """Return the tags that are wanted, the newest first. Raises `FilterRefused`."""
        self.check()
        wanted = _range(self.versions) if self.versions else None
        kept = []
        for tag in dict.fromkeys(tags):
            version = version_of(tag) if len(tag) <= LONGEST_TAG else None
            if wanted is not None and not (version and self._is_in(wanted, version)):
                continue
            if self._is_wanted(tag):
                kept.append((version is not None, version or _NO_VERSION, _numbers(tag), tag))
        kept.sort(reverse=True)
        return [tag for *_, tag in (kept[: self.newest] if self.newest else kept)]

    def _is_in(self, wanted: NpmSpec, version: Version) -> bool:
        """Tell whether a version is in the range. One before a release is only in a range that names such a one."""
        if version.prerelease and not _NAMES_A_PRERELEASE.search(self.versions):
            return False
        return bool(wanted.match(version))

    def _is_wanted(self, tag: str) -> bool:
        if _NOT_IMAGES.fullmatch(tag) or (self.pattern and not matches_whole(self.pattern, tag)):
            return False
        return not any(matches_whole(unwanted, tag) for unwanted in self.exclude)


_NO_VERSION: Final = Version("0.0.0")


def version_of(tag: str) -> Version | None:
    """Return the version that a tag is, or None."""
    found = _VERSION.fullmatch(tag)
    if found is None:
        return None
    major, minor, patch, rest = found.groups()
    try:
        return Version(f"{major}.{minor or 0}.{patch or 0}{rest or ''}")
    except ValueError:
        return None


def _range(text: str) -> NpmSpec:
    try:
        return NpmSpec(text or "*")
    except ValueError:
        raise FilterRefused(f"{text[:100]!r} is no range of versions: write '>=1.2 <2', '^1.4' or '1.x'") from None


def _numbers(tag: str) -> tuple[tuple[int, int, str], ...]:
    """Return what orders tags as people count: 9 before 10, a date before a later one."""
    parts = re.findall(r"[0-9]+|[^0-9]+", tag) if len(tag) <= LONGEST_TAG else ()
    return tuple((1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part) for part in parts)
