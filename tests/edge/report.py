"""What came of a fault: figures that a test judges and that the page shows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One fault, from the moment before it to the last slot after it.

    `verdicts` and `events` are the changes meanwhile, in order: `available → unknown`, and of regions
    `eu-west: active → silent`. `errors` are slots that were lost without a word, counted twice or never due.
    `untimely` are the slots that were missed or late, each in a line.
    Seconds of `untimely_while` and `untimely_after` are those of `spans`.
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


def spans(
    untimely: Collection[datetime], began: datetime, ended: datetime, in_flight: timedelta
) -> tuple[float, float]:
    """Return the seconds from a fault's beginning, and from its end, to the last slot that it made untimely there.

    A check is at work for up to `in_flight` after its slot. One that the end finds at work met the end, as a clock
    that is set right under it: its slot counts there, with no seconds if it was due before. 0 where there was none.
    """
    met_the_end = ended - in_flight
    while_it_lasted = [slot - began for slot in untimely if slot < met_the_end]
    after = [slot - ended for slot in untimely if slot >= met_the_end]
    return _seconds(while_it_lasted), _seconds(after)


def _seconds(lengths: Collection[timedelta]) -> float:
    return round(max([timedelta(), *lengths]).total_seconds(), 1)
