"""Tokens on the wire: which token service is asked, what it may see, and for how long its tokens are good."""

import asyncio

import pytest

from probes.protocol.plan import Secret
from probes.protocol.taxonomy import Depth, Reason, Stage
from probes.wire.driver import Engine
from probes.wire.flights import FlightKey
from tests.fakes.fake_registry import ALICE, REFRESHING, Says, World, moved
from tests.fakes.fake_registry.misbehaviour import waits_for

RESOLVE = Depth.RESOLVE
BY_TOKEN = ("registry: HEAD 1", "auth: GET token", "registry: HEAD 1 with token-1")
BASIC = 'Basic realm="Registry of the house"'


async def test_a_strangers_realm_may_be_asked_by_nobody(world: World, engine: Engine) -> None:
    """T4: anonymously, anybody may be asked for a token."""
    world.store.image("team/app:1")
    world.stranger.trade = world.tokens
    world.wants_token(f"{world.stranger.origin}/token")

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "stranger: GET token", "registry: HEAD 1 with token-1")


@pytest.mark.parametrize("secret", [ALICE, REFRESHING], ids=["password", "refresh token"])
async def test_a_strangers_realm_gets_no_login(world: World, engine: Engine, secret: Secret) -> None:
    """T5, S1: it is not even dialled, and the check does not go on as somebody else."""
    world.wants_token(f"{world.stranger.origin}/token")

    outcome = await engine.check(world.plan(), secret)

    assert outcome.conclusion.reason is Reason.AUTH_REALM_UNTRUSTED
    assert world.stranger.connections == 0
    await world.expect("registry: HEAD 1")


async def test_a_trusted_strangers_realm_gets_the_login(world: World, engine: Engine) -> None:
    """T5: the operator may say that the host is to be trusted."""
    world.store.image("team/app:1")
    world.stranger.trade = world.tokens
    world.stranger.takes_logins = True
    world.accounts.know(ALICE)
    world.wants_token(f"{world.stranger.origin}/token")
    site = world.site(trusted_auth_hosts=(world.stranger.name,))

    outcome = await engine.check(world.plan(site=site, depth=RESOLVE), ALICE)

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "stranger: GET token as alice", "registry: HEAD 1 with token-1")


async def test_a_realm_at_a_private_address_is_not_dialled(world: World, engine: Engine) -> None:
    """T6, S2: the guard judges the address that the realm's name leads to."""
    world.wants_token(f"{world.stranger.origin}/token")

    outcome = await engine.check(world.plan(site=world.site_without(world.stranger)))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.AUTH_REALM_FORBIDDEN, Stage.TOKEN)
    assert outcome.conclusion.host == world.stranger.netloc
    assert world.stranger.connections == 0
    await world.expect("registry: HEAD 1")


@pytest.mark.parametrize(
    "realm",
    ["http://auth.registry.example/token", "https://alice@auth.registry.example/", "https:///token", "file:///etc/x"],
)
async def test_a_realm_that_is_no_https_url_of_a_host(world: World, engine: Engine, realm: str) -> None:
    """T1, T2, S18."""
    world.wants_token(realm)

    outcome = await engine.check(world.plan(), ALICE)

    assert outcome.conclusion.reason is Reason.AUTH_REALM_FORBIDDEN
    assert world.auth.connections == 0
    await world.expect("registry: HEAD 1")


async def test_a_token_service_that_points_elsewhere_is_not_followed(world: World, engine: Engine) -> None:
    """T7, S7: neither with the login nor without."""
    world.wants_token()
    world.auth.once("GET token", moved(f"{world.stranger.origin}/token"))

    outcome = await engine.check(world.plan(), ALICE)

    assert (outcome.conclusion.reason, outcome.conclusion.host) == (Reason.AUTH_REDIRECT, world.auth.netloc)
    assert world.stranger.connections == 0
    await world.expect("registry: HEAD 1", "auth: GET token as alice")


async def test_a_token_service_that_moved_within_itself_is_followed(world: World, engine: Engine) -> None:
    """T7: with the login, since it is the same origin."""
    world.store.image("team/app:1")
    world.accounts.know(ALICE)
    world.wants_token(f"{world.auth.origin}/v1/token")
    scope = "service=the+registry&scope=repository%3Ateam%2Fapp%3Apull"
    world.auth.once("GET /v1/token", moved(f"/token?{scope}"))

    outcome = await engine.check(world.plan(depth=RESOLVE), ALICE)

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(
        "registry: HEAD 1",
        "auth: GET /v1/token as alice",
        "auth: GET token as alice",
        "registry: HEAD 1 with token-1",
    )


async def test_a_token_service_that_moves_for_ever_is_followed_three_times(world: World, engine: Engine) -> None:
    """T7."""
    world.wants_token()
    for hop in range(3):
        world.auth.once("GET token" if hop == 0 else f"GET /{hop}", moved(f"/{hop + 1}"))
    world.auth.once("GET /3", moved("/4"))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.AUTH_REDIRECT
    await world.expect("registry: HEAD 1", "auth: GET token", *(f"auth: GET /{hop}" for hop in (1, 2, 3)))


async def test_a_refresh_token_goes_in_a_form(world: World, engine: Engine) -> None:
    """T10, S1: by POST, in no URL, in no header, and to the token service alone."""
    world.store.image("team/app:1")
    world.wants_token()
    world.accounts.know(REFRESHING)

    outcome = await engine.check(world.plan(depth=RESOLVE), REFRESHING)

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "auth: POST token with a refresh token", "registry: HEAD 1 with token-1")
    (asked,) = world.auth.requests
    assert asked.form == {
        "grant_type": ["refresh_token"],
        "service": ["the registry"],
        "scope": ["repository:team/app:pull"],
        "client_id": ["kairos-probe"],
        "refresh_token": ["looking-glass"],
    }
    assert asked.query == {}
    assert "looking-glass" not in str(outcome.to_json())


async def test_a_token_that_a_header_cannot_hold_is_shown_to_nobody(world: World, engine: Engine) -> None:
    """T20, S17."""
    world.wants_token()
    world.auth.once("GET token", Says(200, {"token": "a\r\nX-Evil: 1"}))

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.AUTH_TOKEN_INVALID, Stage.TOKEN)
    await world.expect("registry: HEAD 1", "auth: GET token")


async def test_a_token_is_good_for_the_next_check_until_it_is_taken_back(world: World, engine: Engine) -> None:
    """T30, E.2: then there is one fresh exchange."""
    world.store.image("team/app:1")
    world.wants_token()
    await engine.check(world.plan(depth=RESOLVE))
    warm = await engine.check(world.plan(depth=RESOLVE))
    world.accounts.revoke()

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert [warm.conclusion.auth_path, outcome.conclusion.auth_path] == ["cached", "fresh"]
    await world.expect(
        *BY_TOKEN,
        "registry: HEAD 1 with token-1",
        "registry: HEAD 1 with token-1",
        "auth: GET token",
        "registry: HEAD 1 with token-2",
    )


async def test_a_token_without_pull_is_not_asked_for_again(world: World, engine: Engine) -> None:
    """T29: the scope would be the same."""
    world.store.image("team/app:1")
    world.accounts.public.clear()
    world.wants_token(scope="repository:team/app:pull")

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.AUTH_REQUIRED_OR_MISSING
    await world.expect(*BY_TOKEN)


async def test_one_repositorys_token_is_not_shown_for_another(world: World, engine: Engine) -> None:
    """S21, T13."""
    world.store.image("team/app:1")
    world.store.image("team/other:1")
    world.wants_token()

    for repository in ("team/app", "team/other"):
        await engine.check(world.plan(f"{repository}:1", depth=RESOLVE))

    assert [request.query["scope"][0] for request in world.auth.requests] == [
        "repository:team/app:pull",
        "repository:team/other:pull",
    ]
    shown = [item.login[1] for item in world.registry.requests if "team/other" in item.target]
    assert "token-1" not in shown
    assert len(world.auth.requests) == 2
    await world.expect(*world.tape.lines)


async def test_checks_at_one_time_share_one_exchange(world: World, engine: Engine, boarded: list[FlightKey]) -> None:
    """T32: of twenty that need the same token, one asks for it."""
    world.store.image("team/app:1")
    world.wants_token()
    # Who is told only later that it needs one would ask again.
    world.auth.once("GET token", waits_for(lambda: len(boarded) == 20))

    outcomes = await asyncio.gather(*(engine.check(world.plan(depth=RESOLVE)) for _ in range(20)))

    assert {outcome.conclusion.reason for outcome in outcomes} == {Reason.OK}
    await world.expect(
        [*["registry: HEAD 1"] * 20, "auth: GET token", *["registry: HEAD 1 with token-1"] * 20],
    )


async def test_an_exchange_that_fails_is_not_kept_for_those_who_come_later(world: World, engine: Engine) -> None:
    """T32: those who waited for it share its failure; the next check asks again."""
    world.store.image("team/app:1")
    world.wants_token()
    world.auth.once("GET token", Says(403))

    first = await asyncio.gather(*(engine.check(world.plan(depth=RESOLVE)) for _ in range(5)))
    later = await engine.check(world.plan(depth=RESOLVE))

    assert {outcome.conclusion.reason for outcome in first} <= {Reason.AUTH_DENIED, Reason.OK}
    assert later.conclusion.reason is Reason.OK
    assert len(world.auth.requests) == 2
    await world.expect(world.tape.lines)
