"""Platforms: what a reader wants to run, and which child of an index serves it.

Source: behaviour rows P1 to P7; OCI image-index, `platform`; containerd's normalisation.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from probes.protocol.taxonomy import Warn

_ARCHITECTURES: Final = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
}
_DEFAULT_VARIANTS: Final = {"arm64": "v8", "arm": "v7", "amd64": "v1"}  # what no variant means
MAX_LISTED: Final = 64  # more than an operator is shown; each failure of a check keeps its own listing
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\(([0-9.]+)\))?/([A-Za-z0-9._-]+)(?:/([A-Za-z0-9._-]+))?")


class PlatformInvalid(ValueError):
    """The text is not of the form `OS/ARCH[/VARIANT]` or `OS(VERSION)/ARCH`."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A normalised platform. `variant` is empty where it is the architecture's default."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "", os_version: str = "") -> "Platform":
        """Return the normalised platform: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7 (row P1)."""
        os, architecture, variant = os.lower(), architecture.lower(), variant.lower()
        if architecture in _ARCHITECTURES:
            architecture, implied = _ARCHITECTURES[architecture]
            variant = variant or implied
        if variant.isdigit():
            variant = f"v{variant}"
        if variant == _DEFAULT_VARIANTS.get(architecture):
            variant = ""
        return cls("darwin" if os == "macos" else os, architecture, variant, os_version)

    @staticmethod
    @lru_cache(maxsize=256)
    def parse(text: str) -> "Platform":
        """Return the platform that a person wrote. Raises `PlatformInvalid`."""
        match = _TEXT.fullmatch(text)
        if not match:
            raise PlatformInvalid(f"{text!r} is not OS/ARCH[/VARIANT], as in linux/arm64")
        os, version, architecture, variant = match.groups(default="")
        return Platform.of(os, architecture, variant, version)

    @property
    def rank(self) -> int | None:
        """Order of variants within an architecture (v6 is 6), or None where it has no order."""
        variant = self.variant or _DEFAULT_VARIANTS.get(self.architecture, "")
        return int(variant[1:]) if variant[:1] == "v" and variant[1:].isdecimal() else None

    @property
    def is_runnable(self) -> bool:
        """Attestations and other companions call themselves unknown/unknown (row P6)."""
        return "unknown" not in (self.os, self.architecture)

    def __str__(self) -> str:
        version = f"({self.os_version})" if self.os_version else ""
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.os}{version}/{self.architecture}{variant}"


def read_platform(document: object) -> Platform | None:
    """Return the platform that a descriptor or config states, or None if it states none that makes sense."""
    if not isinstance(document, dict):
        return None
    words = [document.get(name) or "" for name in ("os", "architecture", "variant", "os.version")]
    if not all(isinstance(word, str) for word in words) or not all(map(_WORD.fullmatch, words[:2])):
        return None
    return Platform.of(words[0], words[1], *(word if _WORD.fullmatch(word) else "" for word in words[2:]))


def suits(offered: Platform, wanted: Platform) -> bool:
    """Tell whether an image for `offered` runs where `wanted` is asked for (rows P1, P3, P4)."""
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return False
    if wanted.os_version and offered.os_version.split(".")[:3] != wanted.os_version.split(".")[:3]:
        return False
    if offered.variant == wanted.variant:
        return True
    return offered.rank is not None and wanted.rank is not None and offered.rank <= wanted.rank


def choose(offered: Sequence[Platform | None], wanted: Platform) -> tuple[int, tuple[Warn, ...]] | None:
    """Return the index of the best offer for `wanted` with its warnings, or None.

    The best variant wins, then the first in order (row P2). An offer that states no platform (None) is taken
    only when nothing else suits (row P7).
    """
    fitting = [(i, offer) for i, offer in enumerate(offered) if offer is not None and suits(offer, wanted)]
    if fitting:
        position, best = max(fitting, key=lambda pair: (pair[1].rank or 0, -pair[0]))
        return position, () if best.variant == wanted.variant else (Warn.PLATFORM_FALLBACK,)
    unstated = next((i for i, offer in enumerate(offered) if offer is None), None)
    return None if unstated is None else (unstated, (Warn.PLATFORM_UNSTATED,))


def listing(platforms: Iterable[Platform | None]) -> str:
    """Return a readable list of platforms for an operator, without repeats, in order; the first of very many."""
    names = dict.fromkeys(str(item) if item else "unstated" for item in platforms)
    return ", ".join(islice(names, MAX_LISTED))
