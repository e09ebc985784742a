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
