"""Rounds of checks: what is due is handed out, and every region reports what it finds."""

from datetime import datetime, timedelta

from probes.actions import dispatch
from probes.actions.ingest import ingest
from probes.models import Region
from probes.protocol.batch import Batch as WireBatch
from probes.protocol.taxonomy import Reason
from tests.fakes.far_region import Find, finding
from tests.integration.control.conftest import Regions

SECOND = timedelta(seconds=1)
GONE = finding(Reason.TAG_NOT_FOUND)


def batches(regions: Regions, now: datetime) -> dict[str, WireBatch]:
    """Claim what is due and let each region open its one batch."""
    messages = dispatch.claim_due(now).messages
    slugs = [message.queue.removeprefix("probe.") for message in messages]
    assert len(set(slugs)) == len(slugs)
    return {slug: regions[slug].open(message) for slug, message in zip(slugs, messages, strict=True)}


def hear_of_all(now: datetime) -> None:
    """Let every region have been heard, so that verdicts wait for two of them."""
    Region.objects.update(last_seen_at=now)


def check_everywhere(regions: Regions, now: datetime, find: Find | None = None, **finds: Find) -> None:
    """One round of checks of all that is due; `finds` by region (with underscores), else `find`."""
    for slug, batch in batches(regions, now).items():
        ingest(regions[slug].report(batch, finds.get(slug.replace("-", "_"), find)), now=now + SECOND)
