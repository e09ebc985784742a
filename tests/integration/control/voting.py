"""Checks that are handed out and answered, for tests of what comes of their votes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from probes.actions import dispatch
from probes.actions.ingest import Ingested, ingest
from probes.actions.plans import Message
from probes.models import (
    RegionState,
    Resource,
)
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.far_region import Find, finding, found
from tests.integration.control.conftest import MakeImages, Regions

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
GONE = finding(Reason.TAG_NOT_FOUND)
TIMED_OUT = finding(Reason.CONNECT_TIMEOUT)
LOGIN_ASKED_FOR = finding(Reason.AUTH_REQUIRED)
THROTTLED = finding(Reason.RATE_LIMITED)
DENIED = finding(Reason.BLOB_BACKEND_DENIED, Stage.LAYER)


def deliver(regions: Regions, messages: Sequence[Message], now: datetime, finds: dict[str, Find]) -> list[Ingested]:
    """Let each region check and report what it was sent; `finds` says by slug what is found (available)."""
    taken = []
    for message in messages:
        slug = message.queue.removeprefix("probe.")
        report = regions[slug].report(regions[slug].open(message), finds.get(slug, found))
        taken.append(ingest(report, now=now))
    return taken


def slots_of(regions: Regions, start: datetime, count: int, **finds: Find) -> list[datetime]:
    """Check what is due every minute, `count` times, from everywhere; what is to be confirmed is not."""
    named = {slug.replace("_", "-"): find for slug, find in finds.items()}
    due = [start + number * MINUTE for number in range(count)]
    for slot in due:
        deliver(regions, dispatch.claim_due(slot).messages, slot + SECOND, named)
    return due


def everywhere(find: Find) -> dict[str, Find]:
    return {"ap_south": find, "eu_west": find, "us_east": find}


def settled(regions: Regions, make_images: MakeImages, now: datetime, **values: object) -> tuple[Resource, datetime]:
    """Return an image that was good from everywhere, and its next slot."""
    (image,) = make_images(interval_seconds=60, **values)
    slots_of(regions, now, 1)
    image.refresh_from_db()
    return image, image.next_due_at


def state_of(image: Resource, slug: str = "us-east") -> RegionState:
    return RegionState.objects.get(resource=image, region__slug=slug)
