"""Images that are checked from every region of a lab while something fails, and what became of their slots."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from django.utils import timezone

from probes.actions import resources
from probes.models import Batch, Outcome, RegionEvent, RegionState
from tests.edge import history
from tests.edge.broker_watch import CENTRAL_QUEUES, BrokerWatch, queue_of
from tests.edge.lab import Lab
from tests.edge.report import Report, spans
from tests.integration.faults import accounts
from tests.integration.faults.accounts import Books, Check

IMAGES_PER_REGISTRY: Final = 12
INTERVAL_SECONDS: Final = 15
"""The shortest that an operator can choose, unless the floor is lowered."""

LATEST: Final = timedelta(seconds=5)
"""How long after its slot a check begins on a busy machine; a second of it is the tick's."""

ROUND_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 150.0
"""A batch expires (15 s), is waited for (60 s), and is given up by the next of the reapings (15 s)."""


@dataclass(slots=True, kw_only=True)
class Window:
    """The time of one fault: `began`, `ended`, and `closed` when what comes after it is over."""

    case: str
    regions: Collection[str]  # that it befalls
    remarks: dict[str, str]
    clock_began: float
    began: datetime
    ended: datetime
    closed: datetime
    broker_bytes: int = 0
    longest_queue: int = 0
    longest_central_queue: int = 0


class Watched:
    """A context manager: images are added, checked, and paused at its end."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._watch = BrokerWatch(lab)
        self._windows: list[Window] = []

    def __enter__(self) -> Self:
        history.record()
        references = [
            f"{registry.authority}/{place}/{place}-{number}:1"
            for place, registry in zip("ab", self.lab.registries, strict=True)
            for number in range(IMAGES_PER_REGISTRY)
        ]
        self.images = self.lab.add_images(*references, depth="resolve", interval_seconds=INTERVAL_SECONDS)
        self._watch.__enter__()
        self.wait_for_a_round()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.__exit__()

    def wait_for_a_round(self) -> None:
        """Wait until every image has an outcome from every region for a slot yet to come."""
        fresh = RegionState.objects.filter(resource__in=self.images, last_slot__gt=timezone.now())
        count = len(self.images) * len(self.lab.regions)
        self.lab.wait_for(lambda: fresh.count() == count, ROUND_SECONDS, "an outcome of every image")

    def pass_time(self, seconds: float) -> None:
        """Wait, and start again what dies by itself."""
        until = time.monotonic() + seconds
        self.lab.wait_for(lambda: time.monotonic() >= until, seconds + 10, "time to pass")

    def open(self, case: str, regions: Collection[str] = ()) -> Window:
        now = timezone.now()
        window = Window(
            case=case,
            regions=regions or self.lab.regions,
            remarks={},
            clock_began=time.monotonic(),
            began=now,
            ended=now,
            closed=now,
        )
        self._windows.append(window)
        return window

    def close(self, *windows: Window) -> None:
        for window in windows:
            window.closed = timezone.now()
            window.broker_bytes = self._watch.most_bytes(window.clock_began)
            window.longest_queue = self._watch.longest(map(queue_of, window.regions), window.clock_began)
            window.longest_central_queue = self._watch.longest(CENTRAL_QUEUES, window.clock_began)

    def reports(self) -> Sequence[Report]:
        """Stop the checks, wait until every slot has its end, and return a report of each window."""
        resources.pause([image.pk for image in self.images], now=timezone.now())
        sent = Batch.objects.filter(state=Batch.State.SENT)
        self.lab.wait_for(lambda: not sent.exists(), SETTLE_SECONDS, "every batch to be answered or given up")
        books = accounts.drawn_up(self.images)
        return [self._report(window, books) for window in self._windows]

    def _report(self, window: Window, books: Books) -> Report:
        mine = {place: book for place, book in books.items() if place.region in window.regions}
        errors = accounts.errors(mine)
        due = {
            Check(*place, slot)
            for place, book in mine.items()
            for slot in book.due
            if window.began <= slot < window.closed - LATEST  # what is due then meets the next fault
        }
        missed = {check: cause for check, cause in accounts.missed(mine).items() if check in due}
        late = {check: seconds for check, seconds in self._late(window) if check in due}
        while_it_lasted, after = spans({check.slot for check in (*missed, *late)}, window.began, window.ended, LATEST)
        return Report(
            case=window.case,
            held_seconds=round((window.ended - window.began).total_seconds(), 1),
            slots=len(due),
            verdicts=history.changes(window.began, window.closed),
            events=[
                f"{event.region.slug}{' (one worker)' if event.worker else ''}: {event.before} → {event.after}"
                for event in RegionEvent.objects.filter(
                    region__slug__in=window.regions, at__gte=window.began, at__lt=window.closed
                )
                .select_related("region")
                .order_by("id")
            ],
            errors=errors,
            missed=dict(Counter(missed.values())),
            untimely=[_line(check, window, cause) for check, cause in sorted(missed.items())]
            + [_line(check, window, f"{seconds:.1f} s late") for check, seconds in sorted(late.items())],
            untimely_while=while_it_lasted,
            untimely_after=after,
            checked_again=self._checked_again(window.regions, books),
            longest_queue=window.longest_queue,
            longest_central_queue=window.longest_central_queue,
            broker_bytes=window.broker_bytes,
            deaths=[death for death in self.lab.deaths if len(window.regions) > 1 or _names(death, window.regions)],
            remarks=window.remarks,
        )

    def _late(self, window: Window) -> Iterable[tuple[Check, float]]:
        found: Any = Outcome.objects.filter(resource__in=self.images, region__slug__in=window.regions)
        for repository, region, slot, checked_at in found.values_list(
            "resource__repository", "region__slug", "slot", "checked_at"
        ):
            if checked_at > slot + LATEST:
                yield Check(repository.rpartition("/")[2], region, slot), (checked_at - slot).total_seconds()

    def _checked_again(self, regions: Collection[str], books: Books) -> int:
        """Return how many requests there were beyond one for each slot, over the lab's whole life."""
        again = 0
        for registry in self.lab.registries:
            for (region, repository), count in registry.asked.items():
                if region in regions:
                    book = books[accounts.Place(repository.rpartition("/")[2], region)]
                    again += max(0, count - len(book.due))
        return again


def _line(check: Check, window: Window, why: str) -> str:
    ago = (check.slot - window.began).total_seconds(), (check.slot - window.ended).total_seconds()
    return f"{check.image} from {check.region}, {ago[0]:.0f} s after the beginning, {ago[1]:+.0f} s of the end: {why}"


def _names(death: str, regions: Iterable[str]) -> bool:
    return any(death.startswith(f"edge-{region} ") for region in regions)
