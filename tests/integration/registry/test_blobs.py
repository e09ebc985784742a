"""Blobs on the wire: the one-byte probe, the CDN that it is sent to, and what neither may see."""

from collections.abc import Callable
from typing import Any

import pytest

from probes.protocol.exchange import Headers
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from probes.wire.driver import Engine
from tests.fakes.contents import Content
from tests.fakes.fake_registry import ALICE, Amends, Certificate, Says, World, moved
from tests.fakes.fake_registry.misbehaviour import closes_mid_body, compressed, pours

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


async def test_a_cdn_sees_the_range_and_nothing_of_the_login(world: World, engine: Engine) -> None:
    """B11, S6, S7: a new request with a new Host; Range stays, Authorization does not."""
    world.store.image("team/app:1")
    world.wants_token()
    world.moves_blobs()
    world.accounts.know(ALICE)

    outcome = await engine.check(world.plan(), ALICE)

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(
        "registry: HEAD 1",
        "auth: GET token as alice",
        "registry: HEAD 1 with token-1",
        "registry: GET manifest with token-1",
        [
            "registry: GET config with token-1",
            "registry: GET layer1 with token-1",
            "cdn: GET config",
            "cdn: GET layer1",
        ],
    )
    (layer,) = world.cdn.asked("GET layer1")
    assert names(layer.headers) == {"host", "range", "user-agent", "accept-encoding"}
    (config,) = world.cdn.asked("GET config")
    assert names(config.headers) == {"host", "user-agent", "accept-encoding"}


async def test_a_signed_url_goes_out_to_the_letter_and_is_never_shown(world: World, engine: Engine) -> None:
    """B11, T35, S19: the storage gets every byte of its signature; nobody else gets any."""
    world.store.image("team/app:1")
    world.moves_blobs("layer1")

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    (asked,) = world.cdn.asked("GET layer1")
    signature = asked.query["X-Signature"][0]
    assert signature not in str(outcome.to_json())
    assert "X-Signature=…" in outcome.steps[-1].url
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1", "cdn: GET layer1"])


async def test_no_verdict_rests_on_a_redirected_head(world: World, engine: Engine) -> None:
    """B13: signatures bind the verb, so a blob is asked for by GET from the first; HEAD is a manifest's alone."""
    world.store.image("team/app:1")
    world.moves_blobs()

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert {request.method for request in world.cdn.requests} == {"GET"}
    await world.expect(
        *MANIFEST, ["registry: GET config", "registry: GET layer1", "cdn: GET config", "cdn: GET layer1"]
    )


async def test_a_signature_that_has_run_out_is_renewed_once(world: World, engine: Engine) -> None:
    """B14: back to the registry for a fresh one."""
    world.store.image("team/app:1")
    world.moves_blobs("layer1")
    stale = world.storage.sign(world.cdn.origin, world.store.image("team/app:1").layers[0].digest, "GET")
    world.pass_time(world.storage.seconds + 1)
    world.registry.once("GET layer1", moved(stale))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*MANIFEST, ["registry: GET config", *["registry: GET layer1", "cdn: GET layer1"] * 2])


async def test_a_storage_that_refuses_every_signature(world: World, engine: Engine) -> None:
    """B14: once more, and no third time; the storage is to blame."""
    world.store.image("team/app:1")
    world.moves_blobs("layer1")
    world.storage.seconds = -1

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.BLOB_BACKEND_DENIED, Stage.LAYER)
    assert outcome.conclusion.host == world.cdn.netloc
    await world.expect(*MANIFEST, ["registry: GET config", *["registry: GET layer1", "cdn: GET layer1"] * 2])


async def test_a_storage_that_lost_what_the_registry_has(world: World, engine: Engine) -> None:
    """B15: the registry says yes and the storage no."""
    world.store.image("team/app:1")
    world.moves_blobs("layer1")
    world.cdn.once("GET layer1", Says(404, "<Error><Code>NoSuchKey</Code></Error>"))

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.LAYER_MISSING, Stage.LAYER)
    assert outcome.conclusion.host == world.cdn.netloc
    assert "storage" in outcome.conclusion.detail
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1", "cdn: GET layer1"])


async def test_a_redirect_to_plain_http_is_not_followed(world: World, engine: Engine) -> None:
    """B16: nobody is asked, not even by a connection."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", moved(world.stranger.origin.replace("https:", "http:") + "/x"))

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.REDIRECT_INSECURE, Stage.LAYER)
    assert world.stranger.connections == 0
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


@pytest.mark.parametrize("by_address", [False, True], ids=["by name", "by address"])
async def test_a_redirect_to_a_private_address_is_not_dialled(
    world: World,
    engine: Engine,
    by_address: bool,  # noqa: FBT001
) -> None:
    """B17, N4, S2, S3: the guard judges the address that the stranger's name leads to, and no packet leaves."""
    world.store.image("team/app:1")
    place = world.stranger.origin
    if by_address:
        place = place.replace(world.stranger.name, world.stranger.address)
    world.registry.once("GET layer1", moved(f"{place}/latest/meta-data"))

    outcome = await engine.check(world.plan(site=world.site_without(world.stranger)))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.REDIRECT_FORBIDDEN, Stage.LAYER)
    assert outcome.conclusion.host == place.removeprefix("https://")
    assert world.stranger.connections == 0
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_redirect_to_the_metadata_service_is_never_dialled(
    world: World, engine: Engine, dialled: list[str]
) -> None:
    """B17, S4, S5: no allow-list opens it."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", moved("https://169.254.169.254/latest/meta-data"))
    site = world.site(allow_cidrs=("127.0.0.0/8", "169.254.0.0/16"))

    outcome = await engine.check(world.plan(site=site))

    assert outcome.conclusion.reason is Reason.REDIRECT_FORBIDDEN
    assert set(dialled) == {world.registry.address}
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_circle_of_redirects_is_walked_once(world: World, engine: Engine) -> None:
    """B18: a URL that was there before is not asked for again."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", moved(f"{world.cdn.origin}/a"))
    world.cdn.once("GET /a", moved("/b"))
    world.cdn.once("GET /b", moved("/a"))
    world.cdn.trade.place = lambda request: request.path  # type: ignore[method-assign]  # no blobs here

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.host) == (Reason.REDIRECT_LOOP, world.cdn.netloc)
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1", "cdn: GET /a", "cdn: GET /b"])


async def test_a_sixth_redirect_is_not_followed(world: World, engine: Engine) -> None:
    """B18: five at most."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", moved(f"{world.stranger.origin}/1"))
    for hop in range(1, 6):
        world.stranger.once(f"GET /{hop}", moved(f"/{hop + 1}"))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.REDIRECT_LOOP
    await world.expect(
        *MANIFEST,
        ["registry: GET config", "registry: GET layer1", *(f"stranger: GET /{hop}" for hop in range(1, 6))],
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_relative_redirect_stays_at_the_registry(world: World, engine: Engine, status: int) -> None:
    """B19: resolved against where it came from; at its own origin the login goes on."""
    image = world.store.image("team/app:1")
    world.wants_token()
    digest = image.layers[0].digest
    world.registry.once("GET layer1", moved(f"../blobs/{digest}?from=there", status))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(
        "registry: HEAD 1",
        "auth: GET token",
        "registry: HEAD 1 with token-1",
        "registry: GET manifest with token-1",
        ["registry: GET config with token-1", *["registry: GET layer1 with token-1"] * 2],
    )
    assert world.registry.asked("GET layer1 with token-1")[1].query == {"from": ["there"]}


async def test_a_redirect_with_a_user_name_is_refused(world: World, engine: Engine) -> None:
    """B19, S18: what would be a login in the URL is none of ours to give."""
    world.store.image("team/app:1")
    world.registry.once("GET layer1", moved(world.cdn.origin.replace("//", "//alice:secret@") + "/x"))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.REDIRECT_FORBIDDEN
    assert "secret" not in str(outcome.to_json())
    assert world.cdn.connections == 0
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_the_body_of_a_redirect_is_not_read(world: World, engine: Engine) -> None:
    """B20, S15: however large or compressed it is."""
    image = world.store.image("team/app:1")
    place = world.storage.sign(world.cdn.origin, image.layers[0].digest, "GET")
    said = moved(place)
    world.registry.once("GET layer1", Says(307, b"x" * 5_000_000, {**said.headers, "Content-Encoding": "gzip"}))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert outcome.bytes_read < 100_000
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1", "cdn: GET layer1"])


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (Certificate.EXPIRED, Reason.TLS_EXPIRED),
        (Certificate.NOT_YET_VALID, Reason.TLS_EXPIRED),
        (Certificate.OF_ANOTHER_NAME, Reason.TLS_HOSTNAME),
        (Certificate.UNTRUSTED, Reason.TLS_UNTRUSTED),
    ],
)
async def test_a_bad_certificate_of_the_cdn_is_told_as_the_layers(
    world: World, engine: Engine, certificate: Certificate, reason: Reason
) -> None:
    """B21, N8, N9, N10: the reasons are the registry's own, stage and host are the hop's."""
    world.store.image("team/app:1")
    world.moves_blobs("layer1")
    world.cdn.certificate = certificate

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is reason
    assert (outcome.conclusion.stage, outcome.conclusion.host) == (Stage.LAYER, world.cdn.netloc)
    assert world.cdn.connections == 2  # once more, in case it was one node of several
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_a_cdn_that_breaks_off_a_layer(world: World, engine: Engine) -> None:
    """B21, N15: truncated at the layer's host, after one more try on a connection of its own."""
    world.store.image("team/app:1")
    world.moves_blobs("layer1")
    world.cdn.always("GET layer1", closes_mid_body)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.BODY_TRUNCATED, Stage.LAYER)
    assert outcome.conclusion.host == world.cdn.netloc
    await world.expect(
        *MANIFEST, ["registry: GET config", "registry: GET layer1", "cdn: GET layer1", "cdn: GET layer1"]
    )
    assert [request.connection for request in world.cdn.requests] == [1, 2]


async def test_a_foreign_layer_is_left_alone(world: World, engine: Engine) -> None:
    """B22, S6: its URLs are nobody we know."""
    layer = Content(name="foreign", body=b"x", media_type=FOREIGN, notes={"urls": [f"{world.stranger.origin}/layer"]})
    world.store.image("team/app:1", layers=[layer])
    world.wants_token()
    world.accounts.know(ALICE)

    outcome = await engine.check(world.plan(), ALICE)

    assert outcome.conclusion.reason is Reason.OK
    assert Warn.FOREIGN_LAYER in outcome.conclusion.warnings
    assert world.stranger.connections == 0
    await world.expect(
        "registry: HEAD 1",
        "auth: GET token as alice",
        "registry: HEAD 1 with token-1",
        "registry: GET manifest with token-1",
        "registry: GET config with token-1",
    )


async def test_a_layer_that_is_named_twice_is_asked_for_once(world: World, engine: Engine) -> None:
    """B23."""
    layer = Content(name="layer1", body=b"x", media_type="x/layer")
    world.store.image("team/app:1", layers=[layer] * 4)

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*MANIFEST, ["registry: GET config", "registry: GET layer1"])


async def test_blobs_are_asked_for_three_at_a_time(world: World, engine: Engine) -> None:
    """B24: never a fourth connection, to the registry or to the CDN."""
    world.store.image("team/app:1", layers=20)
    world.moves_blobs()

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert world.registry.connections <= 3
    assert world.cdn.connections <= 3
    blobs = ["config", *(f"layer{number}" for number in range(1, 21))]
    await world.expect(*MANIFEST, [f"{host}: GET {name}" for host in ("registry", "cdn") for name in blobs])


def _then(act: Callable[[], None]) -> Any:
    """Give the right answer, and do `act`."""

    async def answer(turn: Any) -> bool:
        turn.send(turn.wire)
        act()
        return True

    return answer
