"""What must hold of each fault, whatever its length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.tasks.publishing import CROWDED_AT_MESSAGES
from tests.edge.report import Report
from tests.edge.watched import IMAGES_PER_REGISTRY, INTERVAL_SECONDS

RECOVERY_SECONDS: Final = 2 * INTERVAL_SECONDS
LONGEST_QUEUE: Final = CROWDED_AT_MESSAGES + 2 * IMAGES_PER_REGISTRY  # what one tick can add
MOST_BYTES: Final = 16 * 1024 * 1024

_SILENCE: Final = ("active → silent", "silent → active")
_LAPSES: Final = ("available → unknown", "unknown → available")


@dataclass(frozen=True, slots=True)
class Expectation:
    """`what` is said of the fault on the page; `events` are those of a region that it befalls.

    With `goes_on` slots are on time while it lasts, from two intervals after its beginning to its end. With
    `may_lapse` so many regions are cut off that a verdict may become unknown, and no worse.
    """

    what: str
    events: Sequence[str] = ()
    goes_on: bool = False
    may_lapse: bool = False


EXPECTED: Final[Mapping[str, Expectation]] = {
    "well-1": Expectation("nothing, beside the faults of the others", goes_on=True),
    "well-2": Expectation("nothing, beside the faults of the others", goes_on=True),
    "unplugged": Expectation("a region's cable is pulled", _SILENCE),
    "half-open": Expectation("every packet between a region and the broker is lost, without a reset", _SILENCE),
    "forgotten": Expectation("the packets of a region's open connections are lost, new ones pass", goes_on=True),
    "clock-ahead": Expectation(
        "a region's clock jumps 5 minutes ahead, its worker is replaced, it jumps back", goes_on=True
    ),
    "clock-behind": Expectation(
        "a region's clock jumps 5 minutes back, its worker is replaced, it jumps ahead", goes_on=True
    ),
    "egress-lost": Expectation(
        "a region reaches the broker and nothing else", ("active → egress_down", "egress_down → active")
    ),
    "killed": Expectation("a region's worker is killed (-9) every few seconds, with checks in hand"),
    "slow-link": Expectation("a region has 64 kbit/s each way", goes_on=True),
    "broker-restarted": Expectation("the broker is killed, and comes back with its data", may_lapse=True),
    "broker-emptied": Expectation("the broker is killed, and comes back without its data", may_lapse=True),
    "broker-moved": Expectation("the broker is killed, and comes back at another address", may_lapse=True),
    "postgres-down": Expectation("PostgreSQL is killed, and comes back", may_lapse=True),
    "control-worker-down": Expectation("the control worker is killed, and comes back", may_lapse=True),
    "control-plane-down": Expectation("beat, web and control worker are killed, and come back", may_lapse=True),
}


def bad_verdicts(report: Report) -> list[str]:
    """Return the changes of verdicts that should not be: an image is well all the time."""
    allowed = _LAPSES if EXPECTED[report.case].may_lapse else ()
    return [change for change in report.verdicts if not change.startswith(allowed)]


def expected_events(report: Report) -> list[str]:
    return [f"{report.case}: {event}" for event in EXPECTED[report.case].events]


def untimely(report: Report) -> list[str]:
    """Return a line for each time in which slots were missed or late that should not have been."""
    spans = {"its end": report.untimely_after}
    if EXPECTED[report.case].goes_on:
        spans["its beginning"] = report.untimely_while
    return [
        f"a slot {seconds:.0f} s after {mark} was not on time"
        for mark, seconds in spans.items()
        if seconds > RECOVERY_SECONDS
    ]


def too_much(report: Report) -> list[str]:
    """Return a line for each bound that the broker exceeded."""
    found = []
    if report.longest_queue > LONGEST_QUEUE:
        found.append(f"{report.longest_queue} batches in a queue")
    if report.broker_bytes > MOST_BYTES:
        found.append(f"the broker used {report.broker_bytes:,} bytes")
    return found


def broken(report: Report) -> Iterator[str]:
    """Yield a line for everything that does not hold."""
    lines = [*bad_verdicts(report), *report.errors, *untimely(report), *too_much(report)]
    if list(report.events) != expected_events(report):
        lines.append(f"events {list(report.events)}")
    for line in lines:
        yield f"{report.case}: {line}"
