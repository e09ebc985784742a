"""What may be demanded of an image besides: another platform or none, its tag, a sample of its layers."""

import asyncio
import json
import sys
from typing import Any

from tests.integration.probe.conftest import ROOT
from tests.integration.wire.peer import Peer, peer_that
from tests.integration.wire.small_registry import SmallRegistry, answer


async def outcomes_at(peer: Peer, *options: str, name: str = "team/app:1") -> list[dict[str, Any]]:
    """Run the command as a process beside a peer of this one's event loop."""
    probe = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "probe", "--json", *options),
        *("--plain-http", "--allow-cidr=127.0.0.0/8", f"127.0.0.1:{peer.port}/{name}"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await asyncio.wait_for(probe.communicate(), 60)
    return [json.loads(line) for line in written.splitlines()]


async def test_image_for_another_platform_is_a_failure_for_who_insists() -> None:
    """P15."""
    async with peer_that(SmallRegistry()) as peer:
        (lenient,) = await outcomes_at(peer, "--platform=linux/arm64")
        (strict,) = await outcomes_at(peer, "--platform=linux/arm64", "--strict-platform")
        (suited,) = await outcomes_at(peer, "--platform=linux/amd64", "--strict-platform")
    assert (lenient["reason"], lenient["warnings"]) == ("ok", ["platform_mismatch"])
    assert (strict["status"], strict["reason"]) == ("unavailable", "platform_missing")
    assert strict["detail"] == "linux/arm64; present: linux/amd64"
    assert (suited["reason"], suited["warnings"]) == ("ok", [])


async def test_tag_beside_a_digest_is_asked_for_when_told_to() -> None:
    """R13."""
    registry = SmallRegistry()
    async with peer_that(registry) as peer:
        (found,) = await outcomes_at(peer, "--depth=resolve")
        pinned = f"team/app:1@{found['digest']}"
        (still,) = await outcomes_at(peer, "--depth=resolve", "--check-tag", name=pinned)
        registry.instead["HEAD 1"] = answer("200 OK", b"", f"Docker-Content-Digest: sha256:{'0' * 64}")
        (moved,) = await outcomes_at(peer, "--depth=resolve", "--check-tag", name=pinned)
        (unasked,) = await outcomes_at(peer, "--depth=resolve", name=pinned)
    assert [outcome["warnings"] for outcome in (still, moved, unasked)] == [[], ["tag_moved"], []]
    assert {(outcome["reason"], outcome["digest"]) for outcome in (still, moved, unasked)} == {
        ("ok", found["digest"])
    }


async def test_sample_takes_the_layers_in_turn() -> None:
    """B25."""
    async with peer_that(SmallRegistry(layers=8)) as peer:
        outcomes = await outcomes_at(peer, "--sample", "--count=5", "--interval=0.01")
    assert [(outcome["depth"], outcome["warnings"]) for outcome in outcomes] == [("blobs", ["probe_sampled"])] * 5
    sampled = [
        {int(step["url"][-2:], 16) for step in outcome["steps"] if step["stage"] == "layer"} for outcome in outcomes
    ]
    assert sampled == [{0, 7, turn} for turn in (1, 2, 3, 4, 5)]
