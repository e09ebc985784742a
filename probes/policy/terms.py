"""On which terms a resource is judged: its own, over its policy's, its group's, the group's policy's, those of all.

Each layer says only what is different; what it leaves open is inherited, field by field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Self

from probes.policy.liveness import Hysteresis


class Origin(StrEnum):
    """Who has the last word on a field, the strongest last."""

    DEFAULT = "default"  # nobody said anything: as Kairos has it
    ALL = "all"
    GROUP_POLICY = "group_policy"  # of the policy that its group has
    GROUP = "group"
    POLICY = "policy"
    RESOURCE = "resource"


class Severity(StrEnum):
    """How much it matters that a resource cannot be had; the worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many regions make an outage: so many votes, or a share of those that vote. Exactly one is given.

    Raises `ValueError` on both or neither, on no votes, and on a share that is none.
    """

    votes: int | None = None
    percent: int | None = None

    def __post_init__(self) -> None:
        if (self.votes is None) is (self.percent is None):
            raise ValueError("a quorum is a number of votes or a percentage")
        if self.votes is not None and self.votes < 1:
            raise ValueError("a quorum is one vote at least")
        if self.percent is not None and not 1 <= self.percent <= 100:
            raise ValueError("a quorum is 1 to 100 per cent")

    def needed(self, voters: int, *, eligible: int) -> int:
        """Return how many of `voters` it takes: one at least, and not more votes than there are regions."""
        if self.votes is not None:
            return max(1, min(self.votes, eligible))
        return max(1, -(-voters * (self.percent or 0) // 100))

    def to_json(self) -> dict[str, Any]:
        return {"votes": self.votes} if self.votes is not None else {"percent": self.percent}

    @classmethod
    def from_json(cls, document: dict[str, int]) -> Self:
        return cls(votes=document.get("votes"), percent=document.get("percent"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that a verdict and its incident are subject to.

    With fewer than `minimum_votes` fresh votes (or all, where fewer regions are to check) nothing is said. `failures`
    and `recoveries` are the outcomes in a row that change a region's stance. A vote is fresh for `fresh_intervals` of
    its region. `degraded_after` is how long a failure below the quorum stands before it is an incident. Without an
    `uptime_target_percent` there is no error budget: nobody has promised anything.
    """

    quorum: Quorum = Quorum(percent=51)
    minimum_votes: int = 2
    failures: int = 3
    recoveries: int = 2
    fresh_intervals: int = 3
    severity: Severity = Severity.CRITICAL
    degraded_after: timedelta = timedelta(minutes=15)
    uptime_target_percent: Decimal | None = None

    @property
    def thresholds(self) -> Hysteresis:
        return Hysteresis(enter=self.failures, leave=self.recoveries)


USUAL: Final = Terms()
"""What holds where nobody said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What a resource, policy, group or the operator of all says otherwise; None inherits. The fields of `Terms`."""

    quorum: Quorum | None = None
    minimum_votes: int | None = None
    failures: int | None = None
    recoveries: int | None = None
    fresh_intervals: int | None = None
    severity: Severity | None = None
    degraded_after: timedelta | None = None
    uptime_target_percent: Decimal | None = None


NOTHING_SAID: Final = Layer()


@lru_cache(maxsize=1024)
def settle(*layers: Layer, base: Terms = USUAL) -> Terms:
    """Return the terms under `layers`, the weakest first: each overrules those before it where it says something."""
    terms = base
    for layer in layers:
        said = {item.name: getattr(layer, item.name) for item in fields(Layer)}
        terms = replace(terms, **{name: value for name, value in said.items() if value is not None})
    return terms


def resolve(layers: Mapping[Origin, Layer]) -> Terms:
    """Return the terms under what each origin says, in their order; one that is missing says nothing."""
    return settle(*(layers.get(origin, NOTHING_SAID) for origin in Origin))


def origins(layers: Mapping[Origin, Layer]) -> Mapping[str, Origin]:
    """Return for each field of the terms which of `layers` has settled it."""
    strongest_first = [origin for origin in reversed(Origin) if origin in layers]
    return {
        item.name: next(
            (origin for origin in strongest_first if getattr(layers[origin], item.name) is not None), Origin.DEFAULT
        )
        for item in fields(Layer)
    }
