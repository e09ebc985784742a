"""What becomes of tokens: refused ones, and a token service that gives none."""

import base64

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import ANONYMOUS, Secret, Site
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from tests.fakes.dialogue import ALICE, HOST, REALM, REFRESHING, Breaks, Registry, Says, error, moved

REFERENCE = f"{HOST}/team/app:1"
WITH_TOKEN = ["HEAD 1", "GET token", "HEAD 1 with token-1"]


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1")
    return made


def resolve(registry: Registry, secret: Secret = ANONYMOUS, site: Site | None = None) -> Reason:
    return registry.check(REFERENCE, depth=Depth.RESOLVE, secret=secret, site=site).reason


class TestRefusal:
    def test_other_scope_in_the_second_challenge_is_asked_for_once(self, registry: Registry) -> None:
        """T29, C14: the server's own scope, with pull only."""
        registry.wants_token()
        again = f'Bearer realm="{REALM}",scope="repository:mirror/team/app:pull,push",error="insufficient_scope"'
        registry.once("HEAD 1", Says(401, headers={"WWW-Authenticate": again}))
        registry.valid_tokens.add("never")
        registry.once("HEAD 1", Says(401, headers={"WWW-Authenticate": again}))
        assert resolve(registry) is Reason.OK
        assert [query["scope"] for query in registry.queries()] == [
            ["repository:team/app:pull"],
            ["repository:mirror/team/app:pull"],
        ]

    @pytest.mark.parametrize(
        ("secret", "reason"), [(ANONYMOUS, Reason.AUTH_REQUIRED_OR_MISSING), (ALICE, Reason.AUTH_DENIED)]
    )
    def test_token_without_the_right_to_pull_is_a_denial(
        self, registry: Registry, secret: Secret, reason: Reason
    ) -> None:
        """T29: the same scope again would bring the same token, so there is no second exchange."""
        registry.wants_token()
        registry.knows(ALICE)
        challenge = f'Bearer realm="{REALM}",scope="repository:team/app:pull",error="insufficient_scope"'
        registry.always("HEAD 1", Says(401, headers={"WWW-Authenticate": challenge}))
        assert resolve(registry, secret) is reason
        assert len(registry.queries()) == 1

    @pytest.mark.parametrize(
        ("secret", "reason"), [(ANONYMOUS, Reason.AUTH_REQUIRED_OR_MISSING), (ALICE, Reason.AUTH_DENIED)]
    )
    def test_token_that_grants_nothing_is_told_of(self, registry: Registry, secret: Secret, reason: Reason) -> None:
        """T33: Docker Hub gives one for a repository that does not exist. It decides nothing."""
        token = "e30." + base64.urlsafe_b64encode(b'{"access":[]}').decode() + ".c2ln"
        registry.wants_token()
        registry.once("GET token", Says(200, {"token": token}))
        outcome = registry.check(REFERENCE, secret=secret)
        assert (outcome.reason, outcome.detail) == (reason, "HTTP 401; the token grants no access")

    def test_registry_that_takes_such_a_token_is_not_argued_with(self, registry: Registry) -> None:
        """T33: opaque for decisions."""
        token = "e30." + base64.urlsafe_b64encode(b'{"access":[]}').decode() + ".c2ln"
        registry.wants_token()
        registry.once("GET token", Says(200, {"token": token}))
        registry.valid_tokens.add(token)
        assert resolve(registry) is Reason.OK

    def test_invalid_token_is_worth_one_fresh_exchange(self, registry: Registry) -> None:
        """T30."""
        registry.wants_token()
        challenge = f'Bearer realm="{REALM}",error="invalid_token"'
        registry.once("HEAD 1", Says(401, headers={"WWW-Authenticate": challenge}))
        registry.once("HEAD 1", Says(401, headers={"WWW-Authenticate": challenge}))
        assert resolve(registry) is Reason.OK
        assert registry.log == [*WITH_TOKEN, "GET token", "HEAD 1 with token-2"]

    def test_there_are_two_exchanges_and_no_third(self, registry: Registry) -> None:
        """T29."""
        registry.wants_token()
        challenge = f'Bearer realm="{REALM}",error="invalid_token"'
        registry.always("HEAD 1", Says(401, headers={"WWW-Authenticate": challenge}))
        assert resolve(registry) is Reason.AUTH_REQUIRED_OR_MISSING
        assert registry.log == [*WITH_TOKEN, "GET token", "HEAD 1 with token-2"]

    @pytest.mark.parametrize(
        "scope", ["repository:pull", "registry:catalog:*" * 40, "repository:te\x7fam:pull", "catalog"]
    )
    def test_scope_that_is_none_of_ours_is_not_asked_for(self, registry: Registry, scope: str) -> None:
        registry.wants_token()
        challenge = f'Bearer realm="{REALM}",scope="{scope}"'
        registry.always("HEAD 1", Says(401, headers={"WWW-Authenticate": challenge}))
        assert resolve(registry) is Reason.AUTH_REQUIRED_OR_MISSING
        assert len(registry.queries()) == 1

    def test_star_of_gitea_is_asked_for_when_the_first_try_is_refused(self, registry: Registry) -> None:
        """C14."""
        registry.wants_token()
        challenge = f'Bearer realm="{REALM}",scope="*"'
        registry.once("HEAD 1", *[Says(401, headers={"WWW-Authenticate": challenge})] * 2)
        assert resolve(registry) is Reason.OK
        assert [query["scope"] for query in registry.queries()] == [["repository:team/app:pull"], ["*"]]

    def test_refusal_without_a_bearer_challenge_is_final(self, registry: Registry) -> None:
        registry.wants_token()
        challenge = {"WWW-Authenticate": registry.challenges[0]}
        registry.once("HEAD 1", Says(401, headers=challenge), Says(401))
        assert resolve(registry) is Reason.AUTH_REQUIRED_OR_MISSING
        assert registry.log == WITH_TOKEN

    def test_proxy_that_wants_a_login_gets_none(self, registry: Registry) -> None:
        """C22."""
        registry.always("HEAD 1", Says(407, headers={"Proxy-Authenticate": "Basic"}))
        registry.always("GET 1", Says(407, headers={"Proxy-Authenticate": "Basic"}))
        assert resolve(registry, ALICE) is Reason.PROXY_AUTH
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_403_with_a_challenge_is_no_challenge(self, registry: Registry) -> None:
        """C23."""
        denied = Says(403, error("DENIED", "denied"), {"WWW-Authenticate": f'Bearer realm="{REALM}"'})
        registry.always("HEAD 1", denied)
        registry.always("GET 1", denied)
        assert resolve(registry) is Reason.AUTH_DENIED
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_200_with_a_challenge_is_a_200(self, registry: Registry) -> None:
        """C17."""
        registry.once(
            "HEAD 1",
            Says(
                200,
                headers={
                    "WWW-Authenticate": "Basic",
                    "Docker-Content-Digest": "sha256:" + "a" * 64,
                    "Content-Length": "2",
                },
            ),
        )
        assert resolve(registry) is Reason.OK


class TestTokenService:
    @pytest.fixture(autouse=True)
    def bearer(self, registry: Registry) -> None:
        registry.wants_token()

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (Says(403), Reason.AUTH_DENIED),
            (Says(404), Reason.AUTH_ENDPOINT_MISSING),
            (Says(407), Reason.PROXY_AUTH),
            (Says(400), Reason.AUTH_SERVICE_ERROR),
            (Says(200, {"token": ""}), Reason.AUTH_TOKEN_EMPTY),
            (Says(200, {"token": "a\r\nb"}), Reason.AUTH_TOKEN_INVALID),
            (Says(200, "<html>"), Reason.AUTH_TOKEN_NOT_JSON),
        ],
        ids=["T25", "T26", "C22", "T28-400", "T20-empty", "T20-invalid", "T21"],
    )
    def test_answer_without_a_token_ends_the_check(self, registry: Registry, reply: Says, reason: Reason) -> None:
        registry.once("GET token", reply)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.TOKEN, "auth.registry.example")
        assert registry.log == ["HEAD 1", "GET token"]

    def test_throttled_token_service_is_no_outage(self, registry: Registry) -> None:
        """T27."""
        registry.once("GET token", Says(429, headers={"Retry-After": "30"}))
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.RATE_LIMITED_AUTH
        assert outcome.retry_at is not None

    def test_broken_token_service_is_asked_once_more(self, registry: Registry) -> None:
        """T28."""
        registry.once("GET token", Says(503))
        assert resolve(registry) is Reason.OK
        registry.always("GET token", Says(503))
        assert resolve(registry) is Reason.AUTH_SERVICE_ERROR
        assert registry.log == ["HEAD 1", "GET token", "GET token"]

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            (FaultKind.TIMEOUT_HEADERS, Reason.AUTH_SERVICE_TIMEOUT),
            (FaultKind.CONNECT_TIMEOUT, Reason.AUTH_SERVICE_TIMEOUT),
            (FaultKind.TLS_EXPIRED, Reason.TLS_EXPIRED),
            (FaultKind.BODY_TOO_LARGE, Reason.AUTH_TOKEN_TOO_LARGE),
            (FaultKind.ADDRESS_FORBIDDEN, Reason.AUTH_REALM_FORBIDDEN),
        ],
        ids=["T28-headers", "T28-connect", "N9", "T22", "T6"],
    )
    def test_unreachable_token_service_keeps_its_stage(
        self, registry: Registry, kind: FaultKind, reason: Reason
    ) -> None:
        registry.always("GET token", Breaks(kind))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.TOKEN, "auth.registry.example")

    def test_redirect_within_the_service_is_followed_with_the_login(self, registry: Registry) -> None:
        """T7."""
        registry.knows(ALICE)
        registry.once("GET token", moved("/v2/token"))
        registry.once("GET auth.registry.example/v2/token", Says(200, {"token": "token-1"}))
        registry.valid_tokens.add("token-1")
        assert resolve(registry, ALICE) is Reason.OK
        assert registry.log[1:3] == ["GET token as alice", "GET auth.registry.example/v2/token as alice"]

    @pytest.mark.parametrize(
        "location", ["https://elsewhere.test/token", "http://auth.registry.example/token", "", "https://["]
    )
    def test_redirect_away_from_the_service_is_refused(self, registry: Registry, location: str) -> None:
        """T7."""
        registry.once("GET token", moved(location))
        assert resolve(registry, ALICE) is Reason.AUTH_REDIRECT
        assert registry.log == ["HEAD 1", "GET token as alice"]

    def test_fourth_redirect_is_refused(self, registry: Registry) -> None:
        """T7."""
        registry.once("GET token", *[moved(REALM)] * 4)
        assert resolve(registry) is Reason.AUTH_REDIRECT
        assert registry.log == ["HEAD 1", *["GET token"] * 4]

    def test_redirected_post_is_refused(self, registry: Registry) -> None:
        """T7: an identity token does not follow at all."""
        registry.once("POST token", moved("/v2/token"))
        assert resolve(registry, REFRESHING) is Reason.AUTH_REDIRECT

    def test_odd_lifetime_is_a_warning(self, registry: Registry) -> None:
        """T18."""
        registry.valid_tokens.add("t")
        registry.once("GET token", Says(200, {"token": "t", "expires_in": "soon"}))
        assert Warn.TOKEN_TTL_ODD in registry.check(REFERENCE).warnings
