"""What came of a fault: figures that a test judges and that the page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One fault, from the moment before it to the last slot after it.

    `verdicts` and `events` are the changes meanwhile, in order: `available → unknown`, and of regions
    `eu-west: active → silent`. `errors` are slots that were lost without a word, counted twice or never due.
    `untimely` are the slots that were missed or late, each in a line.
    Seconds of `untimely_while` are from the fault's beginning to the last slot of its time that was missed or late,
    of `untimely_after` from its end; 0 where there was none.
    """

    case: str
    held_seconds: float
    slots: int
    verdicts: Sequence[str]
    events: Sequence[str]
    errors: Sequence[str]
    missed: Mapping[str, int]
    untimely: Sequence[str]
    untimely_while: float
    untimely_after: float
    checked_again: int  # requests for an image beyond one for each slot
    longest_queue: int  # of the regions', in batches
    longest_central_queue: int  # `control`, `results` or `heartbeats`, in messages
    broker_bytes: int  # at most
    deaths: Sequence[str] = ()  # of programs that nobody killed
    remarks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
