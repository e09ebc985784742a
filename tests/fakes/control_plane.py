"""A control plane with far regions around it: images are checked and reported by the real actions, in a call."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from probes.actions import beat, dispatch, partitions, resources
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.models import ControlBeat, Endpoint, Region, Resource, ResourceKind
from tests.fakes.far_region import FarRegion, Find, found
from tests.fakes.terms import at_the_first_failure

SLUGS: Final = ("ap-south", "eu-west", "us-east")


class ControlPlane:
    """Three enrolled regions, and a clock that starts an hour ago and moves on by a minute with each round.

    One failure turns a region bad here, and one good check turns it good again.
    """

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        partitions.ensure_partitions(self.now.date())
        at_the_first_failure()
        self.regions: dict[str, FarRegion] = {slug: FarRegion.enrolled(slug) for slug in SLUGS}

    def region(self, slug: str) -> Region:
        return self.regions[slug].row

    def hear_all(self, *, behind: timedelta = timedelta(minutes=1)) -> None:
        """Let beat and every region have been heard just now; the clock goes on `behind` that."""
        now = datetime.now(UTC)
        beat.stamp(now)
        ControlBeat.objects.update(running_since=now - timedelta(hours=1))
        for region in self.regions.values():
            region.row.last_seen_at = now
            region.row.save(update_fields=["last_seen_at"])
        self.now = now.replace(microsecond=0) - behind

    def image(self, reference: str = "ghcr.io/org/app:1", **values: Any) -> Resource:
        return resources.save(Resource(reference=reference, **values), now=self.now)

    def endpoint(self, url: str = "https://api.example/health", *, name: str = "", **detail: Any) -> Resource:
        row = Resource(kind=ResourceKind.ENDPOINT, reference=url, name=name)
        return resources.save(row, endpoint=Endpoint(**detail), now=self.now)

    def hear_workers(self) -> None:
        """Let a worker of each region tell what it speaks: endpoints are handed to those alone who can read them."""
        for number, region in enumerate(self.regions.values(), start=1):
            region_actions.record_heartbeat(region.heartbeat(number, sent_at=self.now), now=self.now)

    def check(self, *images: Resource, finds: Mapping[str, Find] | None = None) -> datetime:
        """Check images from everywhere; `finds` says by region what is found (available). Returns the slot."""
        self.now += timedelta(minutes=1)
        asked = dispatch.check_now([image.pk for image in images], now=self.now)
        for message in asked.messages:
            region = self.regions[message.queue.removeprefix("probe.")]
            find = (finds or {}).get(region.slug, found)
            taken = ingest(region.report(region.open(message), find), now=self.now)
            assert not taken.refused, "what a test lets a region find was refused: nothing would be told of it"
        return max(asked.slots.values())
