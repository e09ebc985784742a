"""What one check may cost in memory, whatever a registry sends: 16 MiB at its peak (security item S14).

    python -m pytest tests/integration/wire/test_memory.py -o log_cli=true --log-cli-level=INFO

prints each figure.
"""

import asyncio
import gc
import json
import logging
import tracemalloc
from collections.abc import Mapping
from typing import Final

import pytest

from probes.protocol.manifest import OCI_INDEX, OCI_MANIFEST
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from probes.wire.limits import Limits
from tests.fakes import heavy
from tests.fakes.contents import CONFIG, LAYER
from tests.fakes.heavy import DOCUMENTS, MOST, Answer, digest_of, in_chunks, index_of, packed, response, serving
from tests.integration.wire.peer import LOOPBACK

_log = logging.getLogger(__name__)
MIB: Final = 1024 * 1024
BAR: Final = 16 * MIB
REMEMBERS_NOTHING: Final = Limits(document_memory_bytes=1)  # what a process keeps for later checks has its own limit
GZIP: Final = "Content-Encoding: gzip"


def plan_at(port: int, *platforms: str) -> Plan:
    return Plan(reference=f"{heavy.HOST}:{port}/team/app:1", platforms=platforms, site=LOOPBACK, depth=Depth.BLOBS)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Fill what is filled once in a process: imports and tables."""

    async def check() -> None:
        with serving(always(response("404 Not Found", b"{}"))) as port:
            async with Engine(user_agent="kairos/test") as engine:
                await engine.check(plan_at(port))

    asyncio.run(check())


async def peak_of(answer: Answer, *platforms: str, checks: int = 1) -> tuple[list[Outcome], int]:
    """Make as many checks at once; return their outcomes, and how much memory they took at the most."""
    with serving(answer) as port:
        plan = plan_at(port, *platforms)
        async with Engine(user_agent="kairos/test", limits=REMEMBERS_NOTHING) as engine:
            gc.collect()
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                outcomes = await asyncio.gather(*(engine.check(plan) for _ in range(checks)))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    return list(outcomes), peak - before


async def check_costs_little(answer: Answer, name: str, *platforms: str) -> Outcome:
    outcomes, peak = await peak_of(answer, *platforms)
    _log.info("%6.2f MiB  %s: %s", peak / MIB, name, outcomes[0].conclusion.reason)
    assert outcomes[0].conclusion.reason is not Reason.INTERNAL_ERROR
    assert peak <= BAR, f"{name}: {peak / MIB:.1f} MiB"
    return outcomes[0]


def always(reply: bytes) -> Answer:
    """Give every GET the same; a HEAD is not understood, so that the manifest is asked for by tag."""
    refusal = response("405 Method Not Allowed", b"")
    return lambda head: refusal if head.startswith(b"HEAD") else reply


def by_target(replies: Mapping[str, bytes]) -> Answer:
    """Answer by the last part of the path."""
    refusal = response("405 Method Not Allowed", b"")
    missing = response("404 Not Found", b"")
    known = {target.encode(): reply for target, reply in replies.items()}

    def answer(head: bytes) -> bytes:
        if head.startswith(b"HEAD"):
            return refusal
        return known.get(head.split(b" ", 2)[1].rpartition(b"/")[2], missing)

    return answer


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_manifest_costs_little_memory(name: str) -> None:
    """S14."""
    await check_costs_little(always(response("200 OK", DOCUMENTS[name])), name)


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_packed_manifest_costs_little_memory(name: str) -> None:
    """M20, S15."""
    await check_costs_little(always(response("200 OK", packed(DOCUMENTS[name]), GZIP)), f"{name}, gzip")


@pytest.mark.parametrize("size", [1, 2, 50, 60_000])
async def test_chunks_cost_their_bytes_and_no_more(size: int) -> None:
    """S14."""
    body = DOCUMENTS["noise"][: MOST // 8 if size < 50 else MOST]
    await check_costs_little(always(in_chunks(body, size)), f"chunks of {size}")


async def test_bomb_is_not_inflated() -> None:
    """M20, S15."""
    outcome = await check_costs_little(always(response("200 OK", packed(bytes(400 * MIB)), GZIP)), "bomb")
    assert outcome.conclusion.reason is Reason.MANIFEST_TOO_LARGE


@pytest.mark.parametrize("status", ["206 Partial Content", "403 Forbidden", "500 Internal Server Error"])
@pytest.mark.parametrize("name", ["lists in lists", "objects with a member", "one astral letter", "no JSON"])
async def test_error_body_costs_little_memory(name: str, status: str) -> None:
    """E1."""
    await check_costs_little(always(response(status, DOCUMENTS[name])), f"{status}: {name}")


@pytest.mark.parametrize("name", ["lists in lists", "objects with a member", "one astral letter"])
async def test_token_reply_costs_little_memory(name: str) -> None:
    """T22."""
    challenge = response("401 Unauthorized", b"", 'WWW-Authenticate: Bearer realm="/token"')
    reply = in_chunks(DOCUMENTS[name][:60_000], 2)
    await check_costs_little(lambda head: reply if b" /token" in head else challenge, f"token: {name}")


@pytest.mark.parametrize("line", ["a:\r\n", "Warning: 299 - x\r\n", "WWW-Authenticate: Bearer realm=x,a=b\r\n"])
async def test_headers_cost_little_memory(line: str) -> None:
    """N13."""
    head = "HTTP/1.1 200 OK\r\n" + line * (60_000 // len(line)) + "Content-Length: 0\r\n\r\n"
    outcome = await check_costs_little(always(head.encode()), f"headers {line.strip()!r}")
    assert outcome.conclusion.detail == "headers_too_large"


@pytest.mark.parametrize("size", [MOST, MOST // 2, MOST // 3, MIB, 1000])
@pytest.mark.parametrize("coding", ["", GZIP])
async def test_children_at_once_cost_no_more_than_one_document(size: int, coding: str) -> None:
    """B24, S14: three are in flight, together no more than the largest document there may be."""
    start = '{"schemaVersion":2,"mediaType":"%s","manifests":[],"n":%d,"x":"'
    children = {f"cpu{n}": heavy.noise(start % (OCI_INDEX, n), '"}', size) for n in range(12)}
    replies = {
        digest_of(body): response("200 OK", packed(body) if coding else body, *filter(None, [coding]))
        for body in children.values()
    }
    answer = by_target({"1": response("200 OK", index_of(children, OCI_INDEX)), **replies})
    await check_costs_little(answer, f"children of {size}{', gzip' * bool(coding)}", "all")


@pytest.mark.parametrize("name", ["lists in lists", "one astral letter", "objects with a member", "noise"])
async def test_child_that_is_larger_than_its_word_is_not_read_on(name: str) -> None:
    """P10."""
    children = {f"cpu{n}": b"{}" + b" " * n for n in range(40)}
    replies = {digest_of(body): in_chunks(DOCUMENTS[name], 60_000) for body in children.values()}
    outcome = await check_costs_little(
        by_target({"1": response("200 OK", index_of(children)), **replies}), f"children that are {name}", "all"
    )
    assert outcome.conclusion.reason is Reason.SIZE_MISMATCH
    assert outcome.bytes_read < 16 * MIB  # 12 MiB, and what was in flight when they were in


@pytest.mark.parametrize("name", ["lists in lists", "one astral letter", "objects with a member", "deep", "noise"])
@pytest.mark.parametrize("coding", ["", GZIP])
async def test_config_costs_little_memory(name: str, coding: str) -> None:
    """P15, S14."""
    config = DOCUMENTS[name]
    pointer = {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)}
    layers = heavy.descriptors(500)
    image = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": pointer, "layers": layers}).encode()
    sent = response("200 OK", packed(config), coding) if coding else response("200 OK", config)
    await check_costs_little(
        by_target({"1": response("200 OK", image), pointer["digest"]: sent}),  # type: ignore[dict-item]
        f"config: {name}{', gzip' * bool(coding)}",
    )


async def test_images_of_five_hundred_layers_for_sixty_four_platforms_cost_little_memory() -> None:
    """P16."""
    children = {}
    for n in range(64):
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(b"%d" % n), "size": 2},
            "layers": [
                {"mediaType": LAYER, "digest": f"sha256:{n:032x}{layer:032x}", "size": 9} for layer in range(500)
            ],
        }
        children[f"cpu{n}"] = json.dumps(document).encode()
    replies = {digest_of(body): response("200 OK", body) for body in children.values()}
    await check_costs_little(
        by_target({"1": response("200 OK", index_of(children)), **replies}), "64 x 500 layers", "all"
    )


async def test_inner_indexes_of_strange_platforms_cost_little_memory() -> None:
    inner = {
        f"cpu{n}": json.dumps({"schemaVersion": 2, "manifests": heavy.platformed(2000, 40), "n": n}).encode()
        for n in range(8)
    }
    replies = {digest_of(body): response("200 OK", body) for body in inner.values()}
    await check_costs_little(
        by_target({"1": response("200 OK", index_of(inner, OCI_INDEX)), **replies}), "8 x 2000 platforms", "all"
    )


async def test_hundred_checks_in_flight_cost_no_more_than_a_hundred_times_one() -> None:
    image = json.dumps({"schemaVersion": 2, "config": heavy.descriptors(1)[0], "layers": []}).encode()
    for name, body in (("ordinary", image), ("lists in lists", DOCUMENTS["lists in lists"])):
        outcomes, peak = await peak_of(always(response("200 OK", body)), checks=100)
        _log.info("%6.1f MiB  100 checks in flight, %s", peak / MIB, name)
        assert len(outcomes) == 100
        assert peak <= 100 * BAR
