"""Blobs on the wire: the one-byte probe, and what comes of its answers."""

from collections.abc import Callable
from typing import Any

import pytest

from probes.protocol.exchange import Headers
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from probes.wire.driver import Engine
from tests.fakes.contents import Content
from tests.fakes.fake_registry import Amends, Says, World
from tests.fakes.fake_registry.misbehaviour import compressed, pours

MANIFEST = ("registry: HEAD 1", "registry: GET manifest")
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def names(headers: Headers) -> set[str]:
    return {name for name, _ in headers}


async def test_a_blob_is_asked_for_by_its_first_byte(world: World, engine: Engine) -> None:
    """B1, B2: the verb of a pull, and one byte of it."""
    world.store.image("team/app:1")

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert outcome.conclusion.depth is Depth.BLOBS
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])
    (layer,) = world.registry.asked("GET layer1")
    assert layer.headers.get("range") == "bytes=0-0"
    assert outcome.steps[-1].bytes == 1


async def test_a_stored_layer_of_another_size(world: World, engine: Engine) -> None:
    """B2: the length that Content-Range tells is held against the descriptor's."""
    image = world.store.image("team/app:1")
    world.store.truncate(image.layers[0], 5)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.SIZE_MISMATCH, Stage.LAYER)
    assert outcome.conclusion.host == world.registry.netloc
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_total_that_is_not_told_is_fine(world: World, engine: Engine) -> None:
    """B2: `/*` is a legal total."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", Amends({"Content-Range": "bytes 0-0/*"}))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


@pytest.mark.parametrize("size", [1000, 3_000_000])
async def test_a_registry_that_ignores_ranges_costs_no_download(world: World, engine: Engine, size: int) -> None:
    """B3: a 200 is closed after its headers; a small body is not worth a connection."""
    world.api.takes_ranges = False
    layer = Content(name="layer1", body=b"x" * size, media_type="x/layer")
    world.store.image("team/app:1", layers=[layer])

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert Warn.RANGE_IGNORED in outcome.conclusion.warnings
    assert outcome.bytes_read < 100_000
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_blob_without_end_is_hung_up_on(world: World, engine: Engine) -> None:
    """B3, S16: of what nobody asked for, next to nothing is taken."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", pours())

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert outcome.bytes_read < 100_000
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_whole_blob_of_another_length(world: World, engine: Engine) -> None:
    """B4: the length of a 200 is held against the descriptor's."""
    image = world.store.image("team/app:1")
    world.api.takes_ranges = False
    world.store.truncate(image.layers[0], 5)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.SIZE_MISMATCH, Stage.LAYER)
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_compressed_blob_has_no_length_to_compare(world: World, engine: Engine) -> None:
    """B4: under a Content-Encoding the length is not the blob's."""
    world.api.takes_ranges = False
    world.store.image("team/app:1", layers=2)
    world.registry.once("GET layer1", compressed("gzip"))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*MANIFEST, [f"registry: GET {name}" for name in ("config", "layer1", "layer2")])


async def test_an_empty_blob_is_not_asked_for(world: World, engine: Engine) -> None:
    """B5: a range of nothing would be refused."""
    world.store.image("team/app:1", layers=[Content(name="nothing", body=b"", media_type="x/layer")])

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*MANIFEST, "registry: GET config")


async def test_a_stored_layer_of_nothing(world: World, engine: Engine) -> None:
    """B6: 416 for the first byte of a layer that should have some."""
    image = world.store.image("team/app:1")
    world.store.truncate(image.layers[0], 0)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.SIZE_MISMATCH, Stage.LAYER)
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


@pytest.mark.parametrize(
    ("lost", "reason", "stage"),
    [("config", Reason.CONFIG_MISSING, Stage.CONFIG), ("layer1", Reason.LAYER_MISSING, Stage.LAYER)],
)
async def test_a_lost_blob(world: World, engine: Engine, lost: str, reason: Reason, stage: Stage) -> None:
    """B7: the manifest is there, what it names is not."""
    image = world.store.image("team/app:1")
    world.store.delete(next(content for content in image.contents if content.name == lost))

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, stage)
    assert outcome.conclusion.depth is Depth.PLATFORM
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_token_that_ends_before_the_blobs_is_renewed_once(world: World, engine: Engine) -> None:
    """B8: one fresh token for a blob's 401, and the check goes on."""
    world.store.image("team/app:1", layers=1)
    world.wants_token()
    world.registry.once("GET manifest", _then(world.accounts.revoke))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert len(world.auth.requests) == 2
    await world.expect(
        "registry: HEAD 1",
        "auth: GET token",
        "registry: HEAD 1 with token-1",
        "registry: GET manifest with token-1",
        ["registry: GET config with token-1", "registry: GET layer1 with token-1", "auth: GET token"],
        ["registry: GET config with token-2", "registry: GET layer1 with token-2"],
    )


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (Says(403, {"errors": [{"code": "DENIED", "message": "no"}]}), Reason.BLOB_DENIED),
        (Says(403, {"errors": [{"status": 403, "message": "blocked by Xray"}]}), Reason.POLICY_BLOCKED),
        (Says(412, {"errors": [{"code": "X", "message": "vulnerabilities"}]}), Reason.POLICY_BLOCKED),
        (Says(451, b""), Reason.LEGAL_BLOCK),
    ],
)
async def test_a_denied_layer(world: World, engine: Engine, refusal: Says, reason: Reason) -> None:
    """B9: asked once, and taken at its word."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", refusal)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.LAYER)
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_registry_without_get_for_ranges_is_asked_by_head(world: World, engine: Engine) -> None:
    """B10: 405 on the ranged GET."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", Says(405))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1", "registry: HEAD layer1"])
    (head,) = world.registry.asked("HEAD layer1")
    assert "range" not in head.headers


def _then(act: Callable[[], None]) -> Any:
    """Give the right answer, and do `act`."""

    async def answer(turn: Any) -> bool:
        turn.send(turn.wire)
        act()
        return True

    return answer
