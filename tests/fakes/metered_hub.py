"""A registry that counts like Docker Hub: manifests that are read within a window, for each login or address."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, RateLimit
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Stage
from tests.fakes.far_region import Find, found
from tests.fakes.steps import step


class MeteredHub:
    """What was read from it, by whom and when; `now` is its clock."""

    def __init__(
        self, now: datetime, limit: int = 100, window: timedelta = timedelta(hours=6), *, tells: bool = True
    ) -> None:
        self.limit = limit
        self.window = window
        self.tells = tells
        self.now = now
        self.read: dict[str, list[datetime]] = defaultdict(list)

    def used(self, source: str) -> int:
        """Return what was read within the window that ends now."""
        return sum(at > self.now - self.window for at in self.read[source])

    def left(self, source: str) -> int:
        return max(self.limit - self.used(source), 0)

    def spend(self, source: str, times: int) -> None:
        """Let somebody else read from the same address or with the same login."""
        self.read[source] += [self.now] * times

    def seen_from(self, source: str) -> Find:
        """Return what checks find that are counted for `source`."""

        def find(plan: CheckPlan) -> Outcome:
            assert isinstance(plan, Plan)
            steps = [step(method="HEAD")]
            if plan.depth is not Depth.RESOLVE:
                steps += [step(), *(step(stage=Stage.CHILD) for _ in plan.platforms)]
                self.spend(source, len(steps) - 1)
            outcome = replace(found(plan), steps=tuple(steps), requests=len(steps))
            if not self.tells:
                return outcome
            told = RateLimit(
                limit=self.limit,
                remaining=self.left(source),
                window_seconds=int(self.window.total_seconds()),
                source=source,
            )
            return replace(outcome, conclusion=replace(outcome.conclusion, rate_limit=told))

        return find
