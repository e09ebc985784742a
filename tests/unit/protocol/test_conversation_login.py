"""From a 401 to a login: challenges, passwords, tokens, and to whom each of them is shown."""

from urllib.parse import parse_qs

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import ANONYMOUS, Secret, Site
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage
from tests.fakes.dialogue import ALICE, BEARING, HOST, REALM, REFRESHING, Breaks, Registry, Says, error, moved

REFERENCE = f"{HOST}/team/app:1"
WITH_TOKEN = ["HEAD 1", "GET token", "HEAD 1 with token-1"]


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1")
    return made


def resolve(registry: Registry, secret: Secret = ANONYMOUS, site: Site | None = None) -> Reason:
    return registry.check(REFERENCE, depth=Depth.RESOLVE, secret=secret, site=site).reason


class TestAnonymous:
    def test_first_request_is_the_real_one_without_login(self, registry: Registry) -> None:
        """C1: no ping, no Authorization."""
        assert resolve(registry) is Reason.OK
        assert registry.log == ["HEAD 1"]

    def test_token_is_had_by_get_and_serves_the_whole_check(self, registry: Registry) -> None:
        """C2, T8, T13: one exchange, one scope, no account and no login at the token service."""
        registry.wants_token()
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.OK
        assert registry.log == [
            *WITH_TOKEN,
            "GET manifest with token-1",
            "GET config with token-1",
            "GET layer1 with token-1",
        ]
        assert registry.queries() == [{"service": [HOST], "scope": ["repository:team/app:pull"]}]
        assert outcome.auth_path == "fresh"

    @pytest.mark.parametrize(
        "scope",
        [
            pytest.param("", id="C14-missing"),
            pytest.param("*", id="C14-star"),
            pytest.param("repository:team/app:pull,push", id="C15"),
        ],
    )
    def test_only_pull_is_asked_for_whatever_the_challenge_says(self, registry: Registry, scope: str) -> None:
        registry.wants_token(scope=scope)
        assert resolve(registry) is Reason.OK
        assert registry.queries()[0]["scope"] == ["repository:team/app:pull"]

    def test_missing_service_is_left_out(self, registry: Registry) -> None:
        """C16."""
        registry.wants_token(service="")
        assert resolve(registry) is Reason.OK
        assert "service" not in registry.queries()[0]

    def test_relative_realm_is_the_registrys_own(self, registry: Registry) -> None:
        """C13."""
        registry.wants_token()
        registry.challenges = ['Bearer realm="/token"']
        registry.realm = f"https://{HOST}/token"
        assert resolve(registry) is Reason.OK
        assert registry.log == WITH_TOKEN

    def test_realm_on_any_public_host_will_do_without_a_credential(self, registry: Registry) -> None:
        """T4."""
        registry.wants_token(realm="https://tokens.elsewhere.test/token")
        assert resolve(registry) is Reason.OK

    def test_refusal_of_a_token_reads_as_private_or_missing(self, registry: Registry) -> None:
        """T23."""
        registry.wants_token(anyone=False)
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.AUTH_REQUIRED_OR_MISSING
        assert outcome.confidence is Confidence.AMBIGUOUS
        assert (outcome.stage, outcome.host) == (Stage.TOKEN, "auth.registry.example")


class TestPassword:
    def test_basic_goes_to_the_registry_only_when_it_is_asked_for(self, registry: Registry) -> None:
        """C18."""
        registry.wants_password()
        registry.knows(ALICE)
        assert resolve(registry, ALICE) is Reason.OK
        assert registry.log == ["HEAD 1", "HEAD 1 as alice"]

    def test_basic_refused_is_final(self, registry: Registry) -> None:
        """C18: on 401 again the credentials are bad."""
        registry.wants_password()
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert outcome.reason is Reason.AUTH_BAD_CREDENTIALS
        assert registry.log == ["HEAD 1", "HEAD 1 as alice"]

    def test_basic_without_credentials_stops(self, registry: Registry) -> None:
        """C19."""
        registry.wants_password()
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.AUTH_REQUIRED, Stage.CHALLENGE)
        assert registry.log == ["HEAD 1"]

    def test_token_is_had_with_the_password(self, registry: Registry) -> None:
        """T9: GET with Basic at the token service; the registry itself sees the token only."""
        registry.wants_token(anyone=False)
        registry.knows(ALICE)
        assert resolve(registry, ALICE) is Reason.OK
        assert registry.log == ["HEAD 1", "GET token as alice", "HEAD 1 with token-1"]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({"details": "incorrect username or password"}, Reason.AUTH_BAD_CREDENTIALS),
            (error("UNAUTHORIZED", "access token has insufficient scopes"), Reason.AUTH_INSUFFICIENT_SCOPE),
            (error("UNAUTHORIZED", "your authorization token has expired"), Reason.AUTH_EXPIRED),
        ],
        ids=["T24-bad", "T24-scope", "T24-expired"],
    )
    def test_refused_credentials_say_why(self, registry: Registry, body: dict[str, str], reason: Reason) -> None:
        registry.wants_token()
        registry.once("GET token", Says(401, body))
        assert resolve(registry, ALICE) is reason
        assert registry.log[:2] == ["HEAD 1", "GET token as alice"]

    @pytest.mark.parametrize(
        "realm",
        ["https://tokens.elsewhere.test/token", "https://registry.example.elsewhere.test/token"],
    )
    def test_realm_of_a_stranger_gets_no_password_and_no_anonymous_try(self, registry: Registry, realm: str) -> None:
        """T5, S1."""
        registry.wants_token(realm=realm)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.stage) == (Reason.AUTH_REALM_UNTRUSTED, Stage.CHALLENGE)
        assert registry.log == ["HEAD 1"]

    @pytest.mark.parametrize(
        "trusted", ["tokens.elsewhere.test", "tokens.elsewhere.test:8443", "Tokens.Elsewhere.test"]
    )
    def test_trusted_auth_host_gets_the_password(self, registry: Registry, trusted: str) -> None:
        """T5: the registry's trust list, by host or by host and port."""
        registry.wants_token(realm="https://tokens.elsewhere.test:8443/token", anyone=False)
        registry.knows(ALICE)
        assert resolve(registry, ALICE, Site(trusted_auth_hosts=(trusted,))) is Reason.OK

    @pytest.mark.parametrize(
        "realm",
        [
            "http://auth.registry.example/token",
            "https://me@auth.registry.example/token",
            "https://auth.x/t#f",
            "https:///t",
        ],
        ids=["T1", "T2-userinfo", "T2-fragment", "T2-no-host"],
    )
    def test_forbidden_realm_is_never_asked(self, registry: Registry, realm: str) -> None:
        """S1."""
        registry.challenges = [f'Bearer realm="{realm}"']
        assert resolve(registry) is Reason.AUTH_REALM_FORBIDDEN
        assert registry.log == ["HEAD 1"]


class TestIdentityToken:
    def test_identity_token_is_exchanged_by_post(self, registry: Registry) -> None:
        """T10."""
        registry.wants_token(anyone=False)
        registry.knows(REFRESHING)
        assert resolve(registry, REFRESHING) is Reason.OK
        assert registry.log == ["HEAD 1", "POST token", "HEAD 1 with token-1"]
        [post] = registry.asked("POST token")
        assert parse_qs(post.body.decode()) == {
            "grant_type": ["refresh_token"],
            "service": [HOST],
            "scope": ["repository:team/app:pull"],
            "client_id": ["kairos-probe"],
            "refresh_token": ["looking-glass"],
        }
        assert ("Content-Type", "application/x-www-form-urlencoded") in post.headers

    @pytest.mark.parametrize("status", [400, 401, 404, 405])
    def test_service_without_oauth2_is_asked_by_get(self, registry: Registry, status: int) -> None:
        """T11: one fallback, where a user name and password exist."""
        both = Secret(username="alice", password="wonderland", identity_token="looking-glass")
        registry.wants_token(anyone=False)
        registry.knows(ALICE)
        registry.once("POST token", Says(status))
        assert resolve(registry, both) is Reason.OK
        assert registry.log == ["HEAD 1", "POST token", "GET token as alice", "HEAD 1 with token-1"]

    def test_identity_token_alone_has_nothing_to_fall_back_to(self, registry: Registry) -> None:
        """T11."""
        registry.wants_token(anyone=False)
        registry.once("POST token", Says(404))
        assert resolve(registry, REFRESHING) is Reason.AUTH_ENDPOINT_MISSING
        assert registry.log == ["HEAD 1", "POST token"]

    def test_what_the_fallback_met_is_what_counts(self, registry: Registry) -> None:
        """E19: that there is no OAuth2 was no failure; the silence of the token service is."""
        both = Secret(username="alice", password="wonderland", identity_token="looking-glass")
        registry.wants_token(anyone=False)
        registry.once("POST token", Says(404))
        registry.always("GET token", Breaks(FaultKind.TIMEOUT_HEADERS))
        assert resolve(registry, both) is Reason.AUTH_SERVICE_TIMEOUT

    @pytest.mark.parametrize("username", ["<token>", "00000000-0000-0000-0000-000000000000"])
    def test_password_of_certain_users_is_a_refresh_token(self, registry: Registry, username: str) -> None:
        """T10: Docker's name for it, and Azure's."""
        registry.wants_token(anyone=False)
        registry.knows(REFRESHING)
        assert resolve(registry, Secret(username=username, password="looking-glass")) is Reason.OK
        assert registry.log == ["HEAD 1", "POST token", "HEAD 1 with token-1"]
        [post] = registry.asked("POST token")
        assert parse_qs(post.body.decode())["refresh_token"] == ["looking-glass"]

    def test_password_of_such_a_user_is_shown_by_get_where_there_is_no_oauth2(self, registry: Registry) -> None:
        """T11: a user name exists."""
        secret = Secret(username="<token>", password="looking-glass")
        registry.wants_token(anyone=False)
        registry.knows(secret)
        registry.once("POST token", Says(404))
        assert resolve(registry, secret) is Reason.OK
        assert registry.log == ["HEAD 1", "POST token", "GET token as <token>", "HEAD 1 with token-1"]

    def test_identity_token_answers_no_basic_challenge(self, registry: Registry) -> None:
        """C19."""
        registry.wants_password()
        assert resolve(registry, REFRESHING) is Reason.AUTH_REQUIRED


class TestStaticBearer:
    def test_it_is_shown_as_it_is_from_the_first_request_on(self, registry: Registry) -> None:
        """C1: as a runtime shows the `registrytoken` of its configuration, and without any exchange."""
        registry.wants_token(anyone=False)
        registry.knows(BEARING)
        outcome = registry.check(REFERENCE, secret=BEARING)
        assert (outcome.reason, outcome.auth_path) == (Reason.OK, "fresh")
        lines = ("HEAD 1", "GET manifest", "GET config", "GET layer1")
        assert registry.log == [f"{line} with a-looking-glass" for line in lines]
        assert registry.memory is None

    @pytest.mark.parametrize(
        ("parameter", "reason"),
        [
            ("", Reason.AUTH_BAD_CREDENTIALS),
            (',error="invalid_token"', Reason.AUTH_BAD_CREDENTIALS),
            (',error="insufficient_scope"', Reason.AUTH_INSUFFICIENT_SCOPE),
        ],
    )
    def test_refused_it_is_bad_and_neither_exchanged_nor_hidden(
        self, registry: Registry, parameter: str, reason: Reason
    ) -> None:
        """T24, T34: the token service would admit anybody, and real clients with that token still fail."""
        registry.wants_token(anyone=True)
        registry.challenges = [registry.challenges[0] + parameter]
        outcome = registry.check(REFERENCE, secret=BEARING)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.MANIFEST, HOST)
        assert registry.log == ["HEAD 1 with a-looking-glass"]

    def test_registry_that_says_so_in_a_body_tells_that_it_ran_out(self, registry: Registry) -> None:
        """T24."""
        registry.once("GET manifest", Says(401, error("UNAUTHORIZED", "your authorization token has expired")))
        assert registry.check(REFERENCE, secret=BEARING).reason is Reason.AUTH_EXPIRED

    def test_denied_it_is_valid_and_may_not(self, registry: Registry) -> None:
        registry.once("HEAD 1", Says(403))
        registry.once("GET 1", Says(403, error("DENIED", "requested access to the resource is denied")))
        assert resolve(registry, BEARING) is Reason.AUTH_DENIED

    def test_blob_refused_after_a_good_manifest_is_denied(self, registry: Registry) -> None:
        """B8: there is no fresh token to be had."""
        registry.knows(BEARING)
        registry.once("GET layer1", Says(401))
        assert registry.check(REFERENCE, secret=BEARING).reason is Reason.BLOB_DENIED
        assert registry.log.count("GET layer1 with a-looking-glass") == 1

    def test_it_does_not_follow_a_redirect(self, registry: Registry) -> None:
        """B11, C21, S7: another origin sees nothing of it, whatever it asks for."""
        registry.once("HEAD 1", moved("https://elsewhere.test/a"))
        registry.once("HEAD elsewhere.test/a", Says(401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'}))
        registry.once("GET auth.registry.example/token", Says(401))
        assert resolve(registry, BEARING) is Reason.REDIRECT_AUTH_REQUIRED
        assert registry.log == [
            "HEAD 1 with a-looking-glass",
            "HEAD elsewhere.test/a",
            "GET auth.registry.example/token",
        ]

    def test_it_answers_no_password_challenge(self, registry: Registry) -> None:
        registry.wants_password()
        assert resolve(registry, BEARING) is Reason.AUTH_BAD_CREDENTIALS
        assert registry.log == ["HEAD 1 with a-looking-glass"]

    def test_memory_of_another_login_is_not_mixed_with_it(self, registry: Registry) -> None:
        registry.wants_token()
        registry.knows(BEARING)
        assert resolve(registry) is Reason.OK
        memory = registry.memory
        outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, secret=BEARING, memory=memory)
        assert outcome.reason is Reason.OK
        assert registry.log == ["HEAD 1 with a-looking-glass"]

    @pytest.mark.parametrize("token", ["two\r\nX-Evil: 1", "schlüssel", "a" * 16_385])
    def test_token_that_no_header_holds_is_never_sent(self, registry: Registry, token: str) -> None:
        """S17."""
        outcome = registry.check(REFERENCE, secret=Secret(bearer=token))
        assert (outcome.reason, outcome.stage) == (Reason.AUTH_BAD_CREDENTIALS, Stage.CHALLENGE)
        assert registry.log == []


class TestChoice:
    @pytest.mark.parametrize(
        "challenges",
        [
            ['Basic realm="r"', f'Bearer realm="{REALM}"'],
            [f'Basic realm="r", Bearer realm="{REALM}"'],
            ["Negotiate", "NTLM TlRM==", f'bEARER rEALM="{REALM}"'],
        ],
        ids=["C5-C8", "C6", "C3-C7"],
    )
    def test_bearer_is_chosen_before_basic_and_the_unknown(self, registry: Registry, challenges: list[str]) -> None:
        registry.wants_token(anyone=False)
        registry.knows(ALICE)
        registry.challenges = challenges
        assert resolve(registry, ALICE) is Reason.OK
        assert registry.log == ["HEAD 1", "GET token as alice", "HEAD 1 with token-1"]

    def test_unusable_bearer_leaves_basic_to_those_with_a_password(self, registry: Registry) -> None:
        """C8."""
        registry.wants_password()
        registry.knows(ALICE)
        registry.challenges += ["Bearer"]
        assert resolve(registry, ALICE) is Reason.OK
        assert resolve(registry) is Reason.AUTH_CHALLENGE_MALFORMED

    @pytest.mark.parametrize(
        ("challenge", "reason"),
        [
            ('Digest realm="r"', Reason.AUTH_SCHEME_UNSUPPORTED),
            ("Bearer dG9rZW42OA==", Reason.AUTH_CHALLENGE_MALFORMED),
            ("Bearer", Reason.AUTH_CHALLENGE_MALFORMED),
            ('Bearer service="registry.example"', Reason.AUTH_CHALLENGE_MALFORMED),
        ],
        ids=["C9", "C11-token68", "C11-bare", "C12"],
    )
    def test_unusable_challenge_stops(self, registry: Registry, challenge: str, reason: Reason) -> None:
        registry.challenges = [challenge]
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.CHALLENGE, HOST)
        assert registry.log == ["HEAD 1"]


class TestPing:
    """C10: a 401 that does not say which login is wanted."""

    @pytest.fixture(autouse=True)
    def silent(self, registry: Registry) -> None:
        registry.wants_token()
        registry.once("HEAD 1", Says(401))

    def test_ping_gives_the_challenge(self, registry: Registry) -> None:
        assert resolve(registry) is Reason.OK
        assert registry.log == ["HEAD 1", "GET ping", "GET token", "HEAD 1 with token-1"]

    @pytest.mark.parametrize(
        "reply",
        [
            Says(200),
            Says(401),
            Says(404),
            Says(403, headers={"WWW-Authenticate": "Basic"}),
            Says(403, error("DENIED"), {"WWW-Authenticate": "Basic"}),
            Says(403, error("UNAUTHORIZED")),
        ],
    )
    def test_no_challenge_there_either_stops(self, registry: Registry, reply: Says) -> None:
        registry.once("GET ping", reply)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.AUTH_CHALLENGE_MISSING, Stage.CHALLENGE)
        assert registry.log == ["HEAD 1", "GET ping"]

    def test_403_that_says_unauthorized_is_a_challenge(self, registry: Registry) -> None:
        """C23."""
        headers = {"WWW-Authenticate": registry.challenges[0]}
        registry.once("GET ping", Says(403, error("UNAUTHORIZED"), headers))
        assert resolve(registry) is Reason.OK

    def test_throttled_ping_is_throttling(self, registry: Registry) -> None:
        registry.once("GET ping", Says(429, headers={"Retry-After": "60"}))
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.RATE_LIMITED
        assert outcome.retry_at is not None

    def test_broken_ping_is_asked_once_more_and_is_the_registrys_error(self, registry: Registry) -> None:
        registry.once("GET ping", Says(503), Says(503))
        assert resolve(registry) is Reason.REGISTRY_ERROR
        assert registry.log == ["HEAD 1", "GET ping", "GET ping"]

    def test_ping_that_leads_away_draws_no_login(self, registry: Registry) -> None:
        """C21."""
        registry.once("GET ping", moved("https://portal.elsewhere.test/v2/"))
        registry.once("GET portal.elsewhere.test/v2/", Says(401, headers={"WWW-Authenticate": 'Basic realm="r"'}))
        assert resolve(registry, ALICE) is Reason.REDIRECT_AUTH_REQUIRED
        assert registry.log == ["HEAD 1", "GET ping", "GET portal.elsewhere.test/v2/"]
