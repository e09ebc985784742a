"""Blobs that are elsewhere: the CDN that a check is sent to, what it may see, and where nobody is followed to."""

import pytest

from probes.protocol.exchange import Headers
from probes.protocol.taxonomy import Reason, Stage, Warn
from probes.wire.driver import Engine
from tests.fakes.contents import Content
from tests.fakes.fake_registry import ALICE, Certificate, Says, World, moved
from tests.fakes.fake_registry.misbehaviour import closes_mid_body

MANIFEST = ("registry: HEAD 1", "registry: GET manifest")
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def names(headers: Headers) -> set[str]:
    return {name for name, _ in headers}


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
