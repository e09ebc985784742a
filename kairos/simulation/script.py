"""What happens in a scenario: what regions find when, who is away, and what somebody orders.

| field                   | says                                                                               |
|-------------------------|------------------------------------------------------------------------------------|
| `at`, `until`           | from when and to when; without `until` to the end                                  |
| `every`, `times`        | it happens so many times, so far apart                                             |
| `of`                    | patterns of references (`ghcr.io/shop/*`); without it all                          |
| `seen_from`             | regions; without it all                                                            |
| `finds`, `stage`, `host`| the reason for which checks end, where, and at which host                          |
| `digest`                | images are there under another digest, any word                                    |
| `limit`,`left`,`window` | the registry tells its quota: so many within such a window, so many of them left    |
| `certificate`           | hosts show a certificate that ends so long after the start                         |
| `without`               | `egress`, `worker` or `link` of the regions; or `broker`, or the `control` plane    |
| `order`                 | `pause`, `resume` or `delete` resources; `drain`, `pause_region` or `resume_region` |

Of two findings that apply, the later in the script does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from kairos.simulation.document import Part
from kairos.simulation.spans import read_span
from probes.protocol.outcome import RateLimit
from probes.protocol.taxonomy import Reason, Stage

_MOST_TIMES: Final = 1000
_WHEN: Final = ("at", "until", "every", "times")
_WHOM: Final = ("of", "seen_from")
_SEEN: Final = ("finds", "digest", "limit", "certificate")


class Lost(StrEnum):
    """What is away for a time."""

    EGRESS = "egress"  # of a region: its worker reaches nothing but the broker
    WORKER = "worker"  # of a region: nobody takes batches, and none beats
    LINK = "link"  # of a region: to the broker; its worker goes on and keeps its reports
    BROKER = "broker"
    CONTROL = "control"  # the control plane: nothing is handed out and nothing read

    @property
    def is_of_region(self) -> bool:
        return self in (Lost.EGRESS, Lost.WORKER, Lost.LINK)


class Order(StrEnum):
    """What an operator does."""

    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"
    DRAIN = "drain"
    PAUSE_REGION = "pause_region"
    RESUME_REGION = "resume_region"

    @property
    def is_of_regions(self) -> bool:
        return self in (Order.DRAIN, Order.PAUSE_REGION, Order.RESUME_REGION)


@dataclass(frozen=True, slots=True)
class Period:
    """From `at` until just before `until`."""

    at: timedelta
    until: timedelta

    def covers(self, at: timedelta) -> bool:
        return self.at <= at < self.until

    def overlaps(self, since: timedelta, until: timedelta) -> bool:
        """Tell whether any of it lies between two times, these included."""
        return self.at <= until and since < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What checks of some resources find in some regions for a time. No regions and no patterns mean all."""

    periods: tuple[Period, ...]
    of: tuple[str, ...] = ()
    seen_from: frozenset[str] = frozenset()
    reason: Reason = Reason.OK
    stage: Stage | None = None
    host: str = ""
    digest: str = ""
    quota: RateLimit | None = None
    certificate: timedelta | None = None

    def applies(self, reference: str, region: str, at: timedelta) -> bool:
        return (
            any(period.covers(at) for period in self.periods)
            and (not self.seen_from or region in self.seen_from)
            and matches(reference, self.of)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Something is away for a time."""

    what: Lost
    periods: tuple[Period, ...]
    seen_from: frozenset[str] = frozenset()

    def concerns(self, region: str) -> bool:
        return not self.seen_from or region in self.seen_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """An order at a time, of resources by their patterns or of regions."""

    at: timedelta
    order: Order
    of: tuple[str, ...] = ()
    regions: frozenset[str] = frozenset()


NOTHING_SPECIAL: Final = Finding(periods=())
"""All is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All that happens."""

    findings: tuple[Finding, ...] = ()
    absences: tuple[Absence, ...] = ()
    orders: tuple[Ordered, ...] = field(default=())

    def found(self, reference: str, region: str, at: timedelta) -> Finding:
        """Return what a check of the resource finds from the region; the last that applies."""
        applying = (item for item in reversed(self.findings) if item.applies(reference, region, at))
        return next(applying, NOTHING_SPECIAL)

    def lacks(self, what: Lost, at: timedelta, region: str = "") -> bool:
        """Tell whether something is away, of that region where it is a region's."""
        return any(period.covers(at) for period in self._periods(what, region))

    def lacked(self, what: Lost, since: timedelta, until: timedelta, region: str = "") -> bool:
        """Tell whether it was away at any time between the two."""
        return any(period.overlaps(since, until) for period in self._periods(what, region))

    def turns(self, kinds: Iterable[Lost], region: str = "") -> list[timedelta]:
        """Return when any of these goes or comes back, in order."""
        periods = [period for what in kinds for period in self._periods(what, region)]
        return sorted({moment for period in periods for moment in (period.at, period.until)})

    def returns(self, what: Lost, region: str = "") -> list[timedelta]:
        """Return when it comes back, in order."""
        return sorted({period.until for period in self._periods(what, region)})

    def _periods(self, what: Lost, region: str) -> Iterable[Period]:
        for absence in self.absences:
            if absence.what is what and (not what.is_of_region or absence.concerns(region)):
                yield from absence.periods


def matches(reference: str, patterns: Sequence[str]) -> bool:
    """Tell whether a reference is meant by one of the patterns, or by none at all."""
    return not patterns or any(fnmatchcase(reference, pattern) for pattern in patterns)


def read_script(
    parts: Iterable[Part], *, regions: Sequence[str], references: Sequence[str], lasts: timedelta
) -> Script:
    """Return the script. Raises `ScenarioInvalid`, also for whom the scenario does not know."""
    findings: list[Finding] = []
    absences: list[Absence] = []
    orders: list[Ordered] = []
    for part in parts:
        _check_names(part, regions, references)
        match [name for name in (*_SEEN, "without", "order") if part.get(name)]:
            case ["without"]:
                absences.append(_absence(part, lasts))
            case ["order"]:
                orders.append(_ordered(part))
            case [*kinds] if kinds and kinds[-1] in _SEEN:
                findings.append(_finding(part, lasts))
            case _:
                raise part.refuse(f"say what happens: {', '.join(_SEEN)}, or without, or order")
    return Script(
        findings=tuple(findings),
        absences=tuple(absences),
        orders=tuple(sorted(orders, key=lambda item: item.at)),
    )


def _finding(part: Part, lasts: timedelta) -> Finding:
    part.only((*_WHEN, *_WHOM, *_SEEN, "stage", "host", "left", "window"))
    return Finding(
        periods=_periods(part, lasts),
        of=_of(part),
        seen_from=_seen_from(part),
        reason=reason.choice(Reason) if (reason := part.get("finds")) else Reason.OK,
        stage=stage.choice(Stage) if (stage := part.get("stage")) else None,
        host=host.text() if (host := part.get("host")) else "",
        digest=digest.text() if (digest := part.get("digest")) else "",
        quota=_quota(part),
        certificate=ends.read(read_span) if (ends := part.get("certificate")) else None,
    )


def _quota(part: Part) -> RateLimit | None:
    if (limit := part.get("limit")) is None:
        return None
    window = part.need("window").read(read_span)
    return RateLimit(
        limit=limit.whole(),
        remaining=part.need("left").whole(),
        window_seconds=window // timedelta(seconds=1),
        source=None,
    )


def _absence(part: Part, lasts: timedelta) -> Absence:
    what = part.need("without").choice(Lost)
    part.only((*_WHEN, "without", "seen_from") if what.is_of_region else (*_WHEN, "without"))
    return Absence(what=what, periods=_periods(part, lasts), seen_from=_seen_from(part))


def _ordered(part: Part) -> Ordered:
    order = part.need("order").choice(Order)
    part.only(("at", "order", "seen_from" if order.is_of_regions else "of"))
    return Ordered(at=part.need("at").read(read_span), order=order, of=_of(part), regions=_seen_from(part))


def _periods(part: Part, lasts: timedelta) -> tuple[Period, ...]:
    at = part.need("at").read(read_span)
    end = part.get("until")
    until = end.read(read_span) if end else lasts + timedelta(seconds=1)
    if until <= at:
        raise (end or part.need("at")).refuse("it is over before it begins")
    if not part.get("every"):
        return (Period(at, until),)
    every, times = part.need("every").read(read_span), part.need("times").whole()
    if not 1 <= times <= _MOST_TIMES:
        raise part.need("times").refuse(f"1 to {_MOST_TIMES} times")
    if every <= until - at:
        raise part.need("every").refuse("it begins again before it is over")
    return tuple(Period(at + place * every, until + place * every) for place in range(times))


def _check_names(part: Part, regions: Sequence[str], references: Sequence[str]) -> None:
    if seen_from := part.get("seen_from"):
        for slug in seen_from.texts():
            if slug not in regions:
                raise seen_from.refuse(f"there is no region {slug}")
    if of := part.get("of"):
        for pattern in of.texts():
            if not any(fnmatchcase(reference, pattern) for reference in references):
                raise of.refuse(f"{pattern} is none of the resources")


def _of(part: Part) -> tuple[str, ...]:
    of = part.get("of")
    return of.texts() if of else ()


def _seen_from(part: Part) -> frozenset[str]:
    seen_from = part.get("seen_from")
    return frozenset(seen_from.texts()) if seen_from else frozenset()
