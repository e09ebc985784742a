"""From the headers of a registry's answer to the ledger, and from the ledger to what is asked of it next."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest
import trustme

from probes.actions import dispatch
from probes.actions.ingest import ingest
from probes.models import QuotaAccount, Registry
from probes.protocol.batch import Report
from probes.protocol.taxonomy import Depth
from probes.trust.envelope import Kind
from tests.fakes.fake_registry import Quota, World
from tests.fakes.far_engine import findings_of
from tests.fakes.quota_books import add, depths
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def test_quota_in_an_answer_is_in_the_ledger_and_spares_the_registry(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """E.3: the manifest that a region reads is the last but 40 that its address may read, of 400."""
    world, region = World(trustme.CA()), regions["eu-west"]
    with asyncio.Runner() as loop:  # Django's connection is this thread's, and not for use within a loop
        held = AsyncExitStack()
        loop.run(held.enter_async_context(world.running()))
        world.store.image("team/app:1")
        world.api.quota = Quota(limit=400, remaining=41)
        host, site = world.registry.netloc, world.site()
        Registry.objects.create(
            host=host, allow_cidrs=list(site.allow_cidrs), ca_pem=site.ca_pem, resolve=dict(site.resolve)
        )
        make_images(reference=f"{host}/team/app:1", depth=Depth.MANIFEST)
        (message,) = (item for item in dispatch.claim_due(now).messages if item.queue == "probe.eu-west")
        batch = region.open(message)
        findings = loop.run(findings_of(region, batch, now=now))
        loop.run(world.expect("registry: HEAD 1", "registry: GET manifest"))
        loop.run(held.aclose())
    report = Report(batch=batch.id, region=region.slug, finished_at=now, findings=findings)
    ingest(region.sign(Kind.REPORT, report.to_json()), now=now + SECOND)
    account = QuotaAccount.objects.get(regions=["eu-west"])
    assert (account.limit, account.remaining, account.window_seconds) == (400, 40, 21_600)
    assert account.source == "192.0.2.7"
    add(30, now + MINUTE, host=host)
    asked = depths(regions, dispatch.claim_due(now + MINUTE).messages)
    deep = {slug: found.count(Depth.PLATFORM) for slug, found in asked.items()}
    assert deep == {"ap-south": 30, "eu-west": 9, "us-east": 30}  # two for each, of half of 40 less the one it took
