"""What one answer is about."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from probes.models import Region
from probes.selectors import gauges, surroundings
from probes.selectors.maintenance import Works
from probes.selectors.series import Which


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """When it is asked, of which resources there are series, and whether registries are told apart.

    What several families read, and is small, is read once.
    """

    now: datetime
    which: Which
    by_registry: bool

    @cached_property
    def regions(self) -> list[Region]:
        return list(gauges.regions())

    @cached_property
    def limited(self) -> list[surroundings.Limited]:
        return surroundings.limited(now=self.now)

    @cached_property
    def notices(self) -> list[surroundings.Told]:
        return list(surroundings.notices())

    @cached_property
    def works(self) -> Works:
        return Works.on(self.now)
