"""A region that beats, and what came of it: what tests of a region's condition are told in."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from probes.actions import regions as region_actions
from probes.models import Region, RegionEvent
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from probes.protocol.taxonomy import Reason
from tests.fakes.far_region import FarRegion, finding

SECOND = timedelta(seconds=1)
BEAT = timedelta(seconds=10)
UNREACHABLE = finding(Reason.CONNECT_UNREACHABLE)


class Heart:
    """Lets a region beat every ten seconds by our clock, from `at` on."""

    def __init__(self, region: FarRegion, at: datetime) -> None:
        self.region = region
        self.now = at
        self._sequence = 0
        self._round = 0

    def beat(self, *, ahead_seconds: float = 0.0, **values: Any) -> Region:
        self._sequence += 1
        self.now += BEAT
        sent_at = self.now + timedelta(seconds=ahead_seconds)
        envelope = self.region.heartbeat(self._sequence, sent_at=sent_at, **values)
        return region_actions.record_heartbeat(envelope, now=self.now)

    def canaries(self, *, answer: bool) -> Region:
        """Beat after a round of canaries."""
        self._round += 1
        canary = Canary(
            url="https://canary.test/",
            http_status=204 if answer else None,
            error=None if answer else "dns_temporary",
            total_ms=3.0,
        )
        return self.beat(
            egress=Egress(state=EgressState.OK if answer else EgressState.DOWN, since=self.now),
            canaries=CanaryRound(number=self._round, ended_at=self.now, canaries=(canary,)),
        )


def changes(slug: str = "eu-west") -> Sequence[str]:
    """The conditions that the region came to, oldest first; what it was before each is what the last one left."""
    found = list(RegionEvent.objects.filter(region__slug=slug, worker=None).order_by("id"))
    assert [event.before for event in found] == ["announced", *(event.after for event in found[:-1])]
    return [event.after for event in found]
