"""Logins on the wire: who asked for one, who was shown one, and how often."""

import pytest

from probes.protocol.plan import Secret
from probes.protocol.taxonomy import Depth, Reason, Stage
from probes.wire.driver import Engine
from tests.fakes.fake_registry import ALICE, REFRESHING, Says, World, moved

RESOLVE = Depth.RESOLVE
BY_TOKEN = ("registry: HEAD 1", "auth: GET token", "registry: HEAD 1 with token-1")
BASIC = 'Basic realm="Registry of the house"'


async def test_the_first_request_is_the_real_one_and_shows_nothing(world: World, engine: Engine) -> None:
    """C1: no ping, no login before it is asked for, though there is one."""
    world.store.image("team/app:1")

    outcome = await engine.check(world.plan(depth=RESOLVE), ALICE)

    assert (outcome.conclusion.reason, outcome.conclusion.auth_path) == (Reason.OK, "none")
    await world.expect("registry: HEAD 1")


async def test_a_challenge_leads_to_the_token_service_and_back(world: World, engine: Engine) -> None:
    """C2, T4, T8, T13: anonymously, for one scope, without an Authorization."""
    world.store.image("team/app:1")
    world.wants_token()

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*BY_TOKEN)
    (asked,) = world.auth.requests
    assert asked.query == {"service": ["the registry"], "scope": ["repository:team/app:pull"]}
    assert "authorization" not in asked.headers


@pytest.mark.parametrize("scheme", ["BEARER", "bearer"])
async def test_a_challenge_in_any_case(world: World, engine: Engine, scheme: str) -> None:
    """C3."""
    world.store.image("team/app:1")
    realm = f"{world.auth.origin}/token"
    world.api.challenges = [f'{scheme} Realm="{realm}",SERVICE="the registry"']

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*BY_TOKEN)


@pytest.mark.parametrize(
    "before",
    [["Negotiate"], ['Digest realm="a, b", nonce="x"'], [BASIC]],
    ids=["unknown", "with commas", "basic"],
)
@pytest.mark.parametrize("in_one_line", [False, True], ids=["own lines", "one line"])
async def test_among_challenges_the_bearer_is_answered(
    world: World,
    engine: Engine,
    before: list[str],
    in_one_line: bool,  # noqa: FBT001
) -> None:
    """C4, C5, C6, C7, C8: in lines of their own or in one, and the password goes to the token service alone."""
    world.store.image("team/app:1")
    world.wants_token()
    world.accounts.know(ALICE)
    offered = [*before, *world.api.challenges]
    world.api.challenges = [", ".join(offered)] if in_one_line else offered

    outcome = await engine.check(world.plan(depth=RESOLVE), ALICE)

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "auth: GET token as alice", "registry: HEAD 1 with token-1")


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ("Negotiate", Reason.AUTH_SCHEME_UNSUPPORTED),
        ("Bearer", Reason.AUTH_CHALLENGE_MALFORMED),
        ("Bearer dG9rZW4=", Reason.AUTH_CHALLENGE_MALFORMED),
        ('Bearer service="the registry"', Reason.AUTH_CHALLENGE_MALFORMED),
        (BASIC, Reason.AUTH_REQUIRED),
    ],
)
async def test_a_challenge_that_cannot_be_answered_ends_the_check(
    world: World, engine: Engine, challenge: str, reason: Reason
) -> None:
    """C9, C11, C12, C19: no guess is made."""
    world.api.challenges = [challenge]

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.CHALLENGE)
    assert outcome.conclusion.host == world.registry.netloc
    await world.expect("registry: HEAD 1")


async def test_a_refusal_without_a_challenge_is_followed_by_one_ping(world: World, engine: Engine) -> None:
    """C10."""
    world.store.image("team/app:1")
    world.wants_token()
    world.registry.once("HEAD 1", Says(401))

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "registry: GET ping", "auth: GET token", "registry: HEAD 1 with token-1")


async def test_a_ping_without_a_challenge_ends_the_check(world: World, engine: Engine) -> None:
    """C10."""
    world.registry.always("HEAD 1", Says(401))

    outcome = await engine.check(world.plan(), ALICE)

    assert outcome.conclusion.reason is Reason.AUTH_CHALLENGE_MISSING
    await world.expect("registry: HEAD 1", "registry: GET ping")


async def test_a_relative_realm_is_the_registrys_own(world: World, engine: Engine) -> None:
    """C13, T3: resolved against the URL that sent the challenge."""
    world.store.image("team/app:1")
    world.wants_token("/token")
    world.accounts.know(ALICE)

    outcome = await engine.check(world.plan(depth=RESOLVE), ALICE)

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "registry: GET token as alice", "registry: HEAD 1 with token-1")


@pytest.mark.parametrize("scope", ["", "*", "repository:team/app:pull,push", "repository:team/app:*"])
async def test_whatever_scope_is_offered_pull_is_asked_for(world: World, engine: Engine, scope: str) -> None:
    """C14, C15, T13, T14: the token service takes anything else for a breach."""
    world.store.image("team/app:1")
    world.wants_token(scope=scope)

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*BY_TOKEN)
    assert world.auth.requests[0].query["scope"] == ["repository:team/app:pull"]


async def test_a_service_that_is_not_named_is_not_made_up(world: World, engine: Engine) -> None:
    """C16, T12: nor does the realm's own query get lost."""
    world.store.image("team/app:1")
    world.wants_token(f"{world.auth.origin}/token?tenant=a%20b", service="")

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*BY_TOKEN)
    assert world.auth.requests[0].query == {"tenant": ["a b"], "scope": ["repository:team/app:pull"]}


@pytest.mark.parametrize(
    ("known", "reason"), [(True, Reason.OK), (False, Reason.AUTH_BAD_CREDENTIALS)], ids=["right", "wrong"]
)
async def test_a_password_goes_to_the_origin_that_asked(
    world: World,
    engine: Engine,
    known: bool,  # noqa: FBT001
    reason: Reason,
) -> None:
    """C18: once; and when it is refused, no more."""
    world.store.image("team/app:1")
    world.wants_password()
    if known:
        world.accounts.know(ALICE)

    outcome = await engine.check(world.plan(depth=RESOLVE), ALICE)

    assert outcome.conclusion.reason is reason
    await world.expect("registry: HEAD 1", "registry: HEAD 1 as alice")
    assert "wonderland" not in str(outcome.to_json())


async def test_a_realm_that_has_moved_is_followed(world: World, engine: Engine) -> None:
    """C20, T30: the token of yesterday's realm is refused; today's is asked, once."""
    world.store.image("team/app:1")
    world.wants_token()
    await engine.check(world.plan(depth=RESOLVE))
    world.accounts.revoke()
    world.wants_token("/token")

    outcome = await engine.check(world.plan(depth=RESOLVE))
    warm = await engine.check(world.plan(depth=RESOLVE))

    assert [outcome.conclusion.auth_path, warm.conclusion.auth_path] == ["fresh", "cached"]
    await world.expect(
        *BY_TOKEN,
        "registry: HEAD 1 with token-1",
        "registry: GET token",
        "registry: HEAD 1 with token-2",
        "registry: HEAD 1 with token-2",
    )


@pytest.mark.parametrize("secret", [ALICE, REFRESHING], ids=["password", "refresh token"])
async def test_a_host_behind_a_redirect_gets_no_login_however_it_asks(
    world: World, engine: Engine, secret: Secret
) -> None:
    """C21, S7, S9: not the registry's token, not the password, not on a second try."""
    world.store.image("team/app:1")
    world.wants_token()
    world.accounts.know(secret)
    world.registry.once("GET layer1", moved(f"{world.stranger.origin}/layer"))
    world.stranger.once("GET /layer", Says(401, b"", {"WWW-Authenticate": BASIC}))

    outcome = await engine.check(world.plan(), secret)

    assert outcome.conclusion.reason is Reason.REDIRECT_AUTH_REQUIRED
    assert outcome.conclusion.host == world.stranger.netloc
    token = "auth: GET token as alice" if secret.password else "auth: POST token with a refresh token"
    await world.expect(
        "registry: HEAD 1",
        token,
        "registry: HEAD 1 with token-1",
        "registry: GET manifest with token-1",
        ["registry: GET config with token-1", "registry: GET layer1 with token-1", "stranger: GET /layer"],
    )


async def test_a_proxy_that_wants_a_login_gets_none(world: World, engine: Engine) -> None:
    """C22."""
    world.registry.always("HEAD *", Says(407, b"", {"Proxy-Authenticate": BASIC}))
    world.registry.always("GET *", Says(407, b"", {"Proxy-Authenticate": BASIC}))

    outcome = await engine.check(world.plan(), ALICE)

    assert outcome.conclusion.reason is Reason.PROXY_AUTH
    await world.expect("registry: HEAD 1", "registry: GET 1")
