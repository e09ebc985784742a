"""A region and the control plane understand each other while either is being upgraded."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from probes.actions import dispatch
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.models import MissedSlots, Outcome, Resource
from probes.policy.liveness import SILENT_AFTER
from probes.policy.slots import MissedCause
from probes.trust.envelope import Kind
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def hear(region: FarRegion, *, at: datetime, speaks: tuple[int, ...] | None = None, worker: str = "") -> None:
    """Let a worker of the region be heard of; one that tells no versions is of the version before."""
    body = json.loads(region.heartbeat(sent_at=at)["body"])
    body["worker"] = worker or str(uuid4())
    del body["speaks"]
    if speaks:
        body["speaks"] = list(speaks)
    region_actions.record_heartbeat(region.sign(Kind.HEARTBEAT, body), now=at)


def body_sent(region: FarRegion, now: datetime) -> Any:
    """Ask for a check of everything, and return the batch for the region as it travels."""
    ids = Resource.objects.values_list("pk", flat=True)
    (message,) = dispatch.check_now(ids, [region.slug], now=now).messages
    return json.loads(message.envelope["body"])


def test_region_of_which_no_worker_is_known_is_written_to_in_the_oldest_version(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    body = body_sent(regions["eu-west"], now)
    assert "v" not in body
    assert "v" not in body["plans"][0]


def test_region_is_written_to_in_what_the_oldest_of_its_live_workers_reads(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    region = regions["eu-west"]
    hear(region, at=now - SECOND)
    hear(region, at=now, speaks=(1, 2))
    assert "v" not in body_sent(region, now)
    hear(region, at=now + SILENT_AFTER, speaks=(1, 2))
    assert body_sent(region, now + SILENT_AFTER)["v"] == 2
    assert "v" not in body_sent(regions["us-east"], now + SILENT_AFTER)


def test_worker_of_a_version_to_come_is_written_to_in_ours(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    hear(regions["eu-west"], at=now, speaks=(3, 4))
    assert body_sent(regions["eu-west"], now)["v"] == 3


def test_report_of_the_version_before_is_taken_in(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    """What such a worker cannot return it calls aborted, and what it leaves out is lost."""
    make_images(2)
    region = regions["eu-west"]
    (message,) = (item for item in dispatch.claim_due(now).messages if item.queue == region.row.queue)
    body = json.loads(region.report(region.open(message))["body"])
    old = {name: body[name] for name in ("batch", "region", "finished_at", "findings")}
    assert "v" not in body
    del old["findings"][1]
    assert ingest(region.sign(Kind.REPORT, old), now=now).stored == 1
    assert Outcome.objects.get().status == "available"
    assert MissedSlots.objects.get().cause == MissedCause.LOST
