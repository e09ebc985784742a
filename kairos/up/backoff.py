"""How long to wait before a child that died is started again: a pure rule, so that no storm is possible."""

from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 30.0
# A child that lived this long was well: its next death is a first death again.
SETTLED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class BackOff:
    """The wait before the next start. Doubles with each early death, to at most `LONGEST_SECONDS`."""

    seconds: float = 0.0

    def after_death(self, *, lived_seconds: float) -> "BackOff":
        if lived_seconds >= SETTLED_SECONDS or not self.seconds:
            return BackOff(FIRST_SECONDS)
        return BackOff(min(self.seconds * 2, LONGEST_SECONDS))
