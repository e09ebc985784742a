"""The fake registry itself: what it does not let pass, and what it keeps."""

import ssl
from collections.abc import Awaitable, Callable

import httpx
import pytest
import trustme

from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.fakes.fake_registry import World, moved

Act = Callable[[World], Awaitable[object]]


async def within_a_world(authority: trustme.CA, act: Act) -> None:
    async with World(authority).running() as world:
        world.store.image("team/app:1")
        await act(world)


async def test_a_request_that_nobody_expects_fails_the_test(authority: trustme.CA, engine: Engine) -> None:
    async def act(world: World) -> None:
        await engine.check(world.plan(depth=Depth.MANIFEST))

    with pytest.raises(AssertionError, match=r"nobody expected:.*registry: GET manifest"):
        await within_a_world(authority, act)


async def test_a_request_that_comes_late_fails_the_test(authority: trustme.CA, engine: Engine) -> None:
    async def act(world: World) -> None:
        await engine.check(world.plan(depth=Depth.RESOLVE))
        await world.expect("registry: HEAD 1")
        await engine.check(world.plan(depth=Depth.RESOLVE))

    with pytest.raises(AssertionError, match=r"nobody expected: .'registry: HEAD 1'"):
        await within_a_world(authority, act)


@pytest.mark.parametrize("expected", [(), ("registry: HEAD 2",), ("registry: HEAD 1", "registry: GET manifest")])
async def test_another_request_than_the_expected_one_fails_the_test(
    world: World, engine: Engine, expected: tuple[str, ...]
) -> None:
    world.store.image("team/app:1")
    await engine.check(world.plan(depth=Depth.RESOLVE))

    with pytest.raises(AssertionError, match="as they came"):
        await world.expect(*expected)


async def test_a_script_that_nobody_asks_for_fails_the_test(authority: trustme.CA) -> None:
    async def act(world: World) -> None:
        world.cdn.once("GET layer9", moved("/"))

    with pytest.raises(AssertionError, match=r"never asked: .'cdn: GET layer9'"):
        await within_a_world(authority, act)


@pytest.mark.parametrize(
    ("headers", "breach"),
    [
        ({"Cookie": "a=b"}, r"not ours to send: .'cookie'"),
        ({"Referer": "https://registry.example"}, r"not ours to send: .'referer'"),
        ({"Authorization": "Bearer x"}, "a login for a stranger"),
        ({"Accept-Encoding": "gzip"}, "Accept-Encoding: gzip"),
        ({"Host": "other.example"}, r"Host: other\.example"),
    ],
)
async def test_bad_conduct_fails_the_test_even_where_the_request_is_expected(
    authority: trustme.CA, headers: dict[str, str], breach: str
) -> None:
    async def act(world: World) -> None:
        stranger = world.stranger
        stranger.always("GET /x", moved("/"))
        manners = {"Accept": "*/*", "Accept-Encoding": "identity", "Host": stranger.netloc, "Connection": ""}
        url = f"{stranger.origin.replace(stranger.name, stranger.address)}/x"
        context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            request = httpx.Request("GET", url, headers=manners | headers, extensions={"sni_hostname": stranger.name})
            del request.headers["connection"]
            await client.send(request)
        await world.expect("stranger: GET /x" + (" with x" if "Authorization" in headers else ""))

    with pytest.raises(AssertionError, match=breach):
        await within_a_world(authority, act)


async def test_a_stranger_who_is_asked_anything_fails_the_test(authority: trustme.CA, engine: Engine) -> None:
    async def act(world: World) -> None:
        await engine.check(world.plan(site=world.site(api_host=world.stranger.netloc), timeout_seconds=2))

    with pytest.raises(AssertionError, match="stranger: nothing provides for HEAD /v2/team/app/manifests/1"):
        await within_a_world(authority, act)


async def test_connections_are_counted_and_told_apart(world: World, engine: Engine) -> None:
    world.store.image("team/app:1", layers=3)
    first = await engine.check(world.plan())
    second = await engine.check(world.plan(depth=Depth.RESOLVE))

    assert {first.conclusion.reason, second.conclusion.reason} == {Reason.OK}
    assert world.registry.connections == 3  # the blobs' three at once
    assert world.registry.requests[0].connection == 1
    assert {request.resumed for request in world.registry.requests} == {False}  # every handshake is a whole one
    await world.expect(
        "registry: HEAD 1",
        "registry: GET manifest",
        [f"registry: GET {name}" for name in ("config", "layer1", "layer2", "layer3")],
        "registry: HEAD 1",
    )
