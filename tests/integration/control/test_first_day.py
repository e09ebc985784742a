"""A region's first day, as its operator has it: one command, a bundle unpacked elsewhere, one process started."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from django.core.management import call_command
from django.utils import timezone
from kombu.utils.json import loads
from pytest_django.fixtures import Settings

from probes.actions import regions
from probes.bundle.contents import read_environment
from probes.models import Region, RegionKey
from tests.fakes.up import PROJECT

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

WAIT_SECONDS = 30


def test_worker_started_from_the_bundle_is_heard_and_believed(
    broker: str, settings: Settings, tmp_path: Path
) -> None:
    settings.KAIROS_EDGE_BROKER_URL = broker
    call_command("region", "enroll", "eu-west", "--name", "Frankfurt", "--out", str(tmp_path))
    (tmp_path / "far").mkdir()
    subprocess.run(["tar", "-xzf", tmp_path / "kairos-edge-eu-west.tar.gz", "-C", tmp_path / "far"], check=True)
    with worker(tmp_path / "far" / "kairos-edge-eu-west"), redis.Redis.from_url(broker) as client:
        heard = client.brpop(["results"], timeout=WAIT_SECONDS)
    assert heard, "no heartbeat"
    (envelope,), _, _ = json.loads(base64.b64decode(loads(heard[1])["body"]))
    assert regions.record_heartbeat(envelope, now=timezone.now()).name == "Frankfurt"
    assert Region.objects.get().last_seen_at is not None
    assert RegionKey.objects.get().first_used_at is not None


@contextmanager
def worker(directory: Path) -> Iterator[None]:
    """Run the region's one process, with nothing but the bundle's environment, which names its own place."""
    environment = dict(read_environment((directory / "kairos-edge.env").read_text()))
    environment["KAIROS_REGION_KEY_FILE"] = str(directory / "region-key.json")
    process = subprocess.Popen(
        [sys.executable, "-m", "probes.edge"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "KAIROS_EDGE_CANARIES": "", **environment},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)
