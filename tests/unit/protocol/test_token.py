"""The token exchange: who may be asked, with what, and what the reply is worth."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from probes.protocol.challenge import Challenge
from probes.protocol.plan import ANONYMOUS, Secret
from probes.protocol.taxonomy import Reason, Warn
from probes.protocol.token import (
    LoginRefused,
    Realm,
    Token,
    basic,
    expiry_of,
    grants_nothing,
    pull_scope,
    read_token,
    refresh_form,
    token_query,
    trusted_realm,
)
from probes.protocol.urls import Origin, origin_of
from tests.fakes.dialogue import NOON

ALICE = Secret(username="alice", password="wonderland")
SENT_BY = "https://registry.example/v2/app/manifests/1"
REGISTRY = origin_of("https://registry.example")


def trust(
    realm: str, *, secret: Secret = ALICE, registry: Origin = REGISTRY, trusted_hosts: tuple[str, ...] = ()
) -> Realm:
    challenge = Challenge("bearer", (("realm", realm), ("service", "s")))
    return trusted_realm(challenge, sent_by=SENT_BY, registry=registry, secret=secret, trusted_hosts=trusted_hosts)


def refusal(realm: str, *, registry: Origin = REGISTRY) -> Reason:
    with pytest.raises(LoginRefused) as caught:
        trust(realm, registry=registry)
    assert caught.value.detail
    return caught.value.reason


class TestRealm:
    @pytest.mark.parametrize(
        ("realm", "url"),
        [
            pytest.param("https://registry.example/token", "https://registry.example/token", id="T3"),
            pytest.param("/token", "https://registry.example/token", id="C13"),
            pytest.param("https://auth.registry.example/t", "https://auth.registry.example/t", id="T5-domain"),
            pytest.param("https://registry.example:5001/t", "https://registry.example:5001/t", id="T5-port"),
        ],
    )
    def test_realm_of_the_registrys_owner_sees_the_credential(self, realm: str, url: str) -> None:
        found = trust(realm)
        assert (found.url, found.origin, found.service) == (url, origin_of(url), "s")

    @pytest.mark.parametrize(
        ("realm", "reason"),
        [
            pytest.param("", Reason.AUTH_CHALLENGE_MALFORMED, id="C12"),
            pytest.param("http://registry.example/token", Reason.AUTH_REALM_FORBIDDEN, id="T1"),
            pytest.param("https://me@registry.example/token", Reason.AUTH_REALM_FORBIDDEN, id="T2-userinfo"),
            pytest.param("https://registry.example/token#x", Reason.AUTH_REALM_FORBIDDEN, id="T2-fragment"),
            pytest.param("https:///token", Reason.AUTH_REALM_FORBIDDEN, id="T2-no-host"),
            pytest.param("https://a.io\\@b.io/", Reason.AUTH_REALM_FORBIDDEN, id="T2-backslash"),
            pytest.param("Sonatype Nexus Repository Manager", Reason.AUTH_REALM_FORBIDDEN, id="Nexus"),
            pytest.param("https://elsewhere.test/token", Reason.AUTH_REALM_UNTRUSTED, id="T5"),
            pytest.param("//elsewhere.test/token", Reason.AUTH_REALM_UNTRUSTED, id="T5-scheme-relative"),
        ],
    )
    def test_any_other_realm_is_refused(self, realm: str, reason: Reason) -> None:
        assert refusal(realm) is reason

    @pytest.mark.parametrize("port", [22, 25, 80, 389, 636, 993, 1023])
    def test_port_of_another_service_is_refused_to_whoever_asks(self, port: int) -> None:
        """S22: a realm is the server's choice, and no reason to knock at any door."""
        realm = f"https://registry.example:{port}/token"
        assert refusal(realm) is Reason.AUTH_REALM_FORBIDDEN
        with pytest.raises(LoginRefused, match=f"port {port}"):
            trust(realm, secret=ANONYMOUS)

    @pytest.mark.parametrize("host", ["10.0.0.7:5000", "registry.internal:444", "[fd12::7]:5000"])
    def test_private_registry_is_its_own_realm(self, host: str) -> None:
        """T3, S5, S22: at the same host and port it is the registry itself, wherever that is."""
        registry = origin_of(f"https://{host}")
        assert trust(f"https://{host}/token", registry=registry).origin == registry

    def test_trusted_host_with_a_port_is_that_port_alone(self) -> None:
        """T5."""
        realm = "https://auth.elsewhere.test/t"
        assert trust(realm, trusted_hosts=("auth.elsewhere.test:443",)).url == realm
        with pytest.raises(LoginRefused, match=r"auth\.elsewhere\.test"):
            trust(realm, trusted_hosts=("auth.elsewhere.test:444",))

    def test_tenant_of_a_shared_suffix_is_a_stranger(self) -> None:
        """T5, S1."""
        registry = origin_of("https://ours.azurecr.io")
        assert refusal("https://theirs.azurecr.io/token", registry=registry) is Reason.AUTH_REALM_UNTRUSTED

    @pytest.mark.parametrize("trusted", ["tokens.test", "TOKENS.test", "tokens.test:8443"])
    def test_trusted_host_sees_the_credential(self, trusted: str) -> None:
        """T5."""
        assert trust("https://tokens.test:8443/t", trusted_hosts=(trusted,)).origin.host == "tokens.test"

    def test_anonymous_may_ask_anywhere(self) -> None:
        """T4."""
        assert trust("https://elsewhere.test/token", secret=ANONYMOUS).origin.host == "elsewhere.test"

    def test_plain_http_registry_may_be_its_own_realm_and_nothing_else_http(self) -> None:
        """N1, T1: nothing else about the check gets weaker."""
        local = origin_of("http://localhost:5000")
        assert trust("http://localhost:5000/token", registry=local).origin == local
        assert refusal("http://localhost:5001/token", registry=local) is Reason.AUTH_REALM_FORBIDDEN


class TestRequest:
    def test_scope_is_the_repositorys_and_pull_only(self) -> None:
        """C14, C15."""
        assert pull_scope("team/app") == "repository:team/app:pull"

    def test_query_is_merged_into_that_of_the_realm(self) -> None:
        """T8, T12."""
        realm = trust("https://registry.example/token?tenant=a%20b")
        query = parse_qs(urlsplit(token_query(realm, pull_scope("app"))).query)
        assert query == {"tenant": ["a b"], "service": ["s"], "scope": ["repository:app:pull"]}

    def test_missing_service_is_left_out(self) -> None:
        """C16."""
        realm = Realm("https://registry.example/token", REGISTRY, "")
        assert token_query(realm, "x") == "https://registry.example/token?scope=x"
        assert b"service" not in refresh_form(realm, "x", ALICE)

    def test_identity_token_goes_into_a_form_and_asks_for_no_other(self) -> None:
        """T10, T14."""
        form = parse_qs(refresh_form(trust("/token"), "x", Secret(identity_token="a+b")).decode())
        assert form["refresh_token"] == ["a+b"]
        assert form["grant_type"] == ["refresh_token"]
        assert form["service"] == ["s"]
        assert "access_type" not in form

    @pytest.mark.parametrize("username", ["<token>", "00000000-0000-0000-0000-000000000000"])
    def test_password_of_certain_users_is_exchanged(self, username: str) -> None:
        """T10."""
        secret = Secret(username=username, password="refresh")
        assert b"refresh_token=refresh" in refresh_form(trust("/token"), "x", secret)
        assert Secret(username="alice", password="refresh").refresh_token == ""

    def test_basic_takes_any_character(self) -> None:
        """T9."""
        header = basic(Secret(username="älice", password="pä:ss"))
        assert base64.b64decode(header.removeprefix("Basic ")).decode() == "älice:pä:ss"


class TestReply:
    @pytest.mark.parametrize(
        ("document", "value"),
        [
            ({"token": "a"}, "a"),
            ({"access_token": "b"}, "b"),
            ({"token": "a", "access_token": "b"}, "b"),
            ({"token": "a", "access_token": ""}, "a"),
        ],
        ids=["T15-token", "T15-access", "T15-both", "T15-one-empty"],
    )
    def test_token_is_taken_from_either_field(self, document: dict[str, str], value: str) -> None:
        assert read_token(json.dumps(document).encode(), NOON).value == value

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            pytest.param(b"{}", Reason.AUTH_TOKEN_EMPTY, id="T20-none"),
            pytest.param(b'{"token": ""}', Reason.AUTH_TOKEN_EMPTY, id="T20-empty"),
            pytest.param(b'{"token": null}', Reason.AUTH_TOKEN_EMPTY, id="T20-null"),
            pytest.param(b'{"token": "a\\r\\nb"}', Reason.AUTH_TOKEN_INVALID, id="T20-crlf"),
            pytest.param(b'{"token": "a b"}', Reason.AUTH_TOKEN_INVALID, id="T20-space"),
            pytest.param('{"token": "ä"}'.encode(), Reason.AUTH_TOKEN_INVALID, id="T20-ascii"),
            pytest.param(b'{"token": "a\\n"}', Reason.AUTH_TOKEN_INVALID, id="T20-newline"),
            pytest.param(b'{"token": 7}', Reason.AUTH_TOKEN_INVALID, id="T20-number"),
            pytest.param(b'{"token": "%s"}' % (b"x" * 16385), Reason.AUTH_TOKEN_INVALID, id="S17-long"),
            pytest.param(b"<html>", Reason.AUTH_TOKEN_NOT_JSON, id="T21-html"),
            pytest.param(b"token", Reason.AUTH_TOKEN_NOT_JSON, id="T21-text"),
            pytest.param(b"", Reason.AUTH_TOKEN_NOT_JSON, id="T21-empty"),
            pytest.param(b'["a"]', Reason.AUTH_TOKEN_NOT_JSON, id="T21-list"),
            pytest.param(b"[" * 100_000, Reason.AUTH_TOKEN_NOT_JSON, id="T21-deep"),
            pytest.param(b"\xff\xfe", Reason.AUTH_TOKEN_NOT_JSON, id="T21-bytes"),
        ],
    )
    def test_reply_without_a_usable_token_is_refused(self, body: bytes, reason: Reason) -> None:
        with pytest.raises(LoginRefused) as caught:
            read_token(body, NOON)
        assert caught.value.reason is reason

    @pytest.mark.parametrize(
        ("stated", "lifetime", "is_odd"),
        [
            pytest.param(None, 60, False, id="T16-absent"),
            pytest.param(0, 60, False, id="T16-zero"),
            pytest.param(30, 30, False, id="T17"),
            pytest.param(300, 300, False, id="usual"),
            pytest.param(43200, 3600, False, id="T18-half-a-day"),
            pytest.param(10**9, 3600, True, id="T18-huge"),
            pytest.param(10**400, 0, True, id="T18-absurd"),
            pytest.param(-5, 0, True, id="T18-negative"),
            pytest.param(299.9, 299, True, id="T18-float"),
            pytest.param("300", 300, True, id="T18-text"),
            pytest.param("soon", 0, True, id="T18-word"),
            pytest.param(float("inf"), 0, True, id="T18-infinite"),
            pytest.param(float("nan"), 0, True, id="T18-nan"),
            pytest.param([], 0, True, id="T18-list"),
            pytest.param(True, 1, True, id="T18-bool"),
        ],
    )
    def test_lifetime_is_clamped_and_never_trusted(self, stated: object, lifetime: int, is_odd: object) -> None:
        token = read_token(json.dumps({"token": "a", "expires_in": stated}).encode(), NOON)
        assert token.lifetime_seconds == lifetime
        assert token.warnings == ((Warn.TOKEN_TTL_ODD,) if is_odd else ())

    def test_token_is_no_part_of_its_repr(self) -> None:
        """T35."""
        assert repr(Token("s3cret", 60)) == "Token(lifetime_seconds=60)"

    @pytest.mark.parametrize(
        ("issued_at", "lifetime", "is_odd"),
        [
            pytest.param("2026-03-01T12:00:00Z", 300, False, id="now"),
            pytest.param("2026-03-01T11:58:20Z", 200, False, id="T19-past"),
            pytest.param("2026-03-01T11:58:20", 200, False, id="T19-naive"),
            pytest.param("2026-03-01T12:58:20.123456789+01:00", 201, False, id="T19-zone"),
            pytest.param("2026-03-01T10:00:00Z", 0, False, id="T19-long-past"),
            pytest.param("2026-03-01T13:00:00Z", 300, False, id="T19-future"),
            pytest.param("0001-01-01T00:00:00+12:00", 0, False, id="T18-first-year"),
            pytest.param("yesterday", 300, True, id="T18-word"),
            pytest.param(1772366400, 300, True, id="T18-number"),
            pytest.param([], 300, True, id="T18-list"),
        ],
    )
    def test_time_of_issue_only_ever_shortens(self, issued_at: object, lifetime: int, is_odd: object) -> None:
        document = {"token": "a", "expires_in": 300, "issued_at": issued_at}
        token = read_token(json.dumps(document).encode(), NOON)
        assert token.lifetime_seconds == lifetime
        assert token.warnings == ((Warn.TOKEN_TTL_ODD,) if is_odd else ())


def jwt(claims: object) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"


class TestHint:
    """T33."""

    @pytest.mark.parametrize(
        ("token", "nothing"),
        [
            (jwt({"access": []}), True),
            (jwt({"access": None}), True),
            (jwt({"access": [{"type": "repository", "name": "app", "actions": []}, 7]}), True),
            (jwt({"access": [{"type": "repository", "name": "app", "actions": ["pull"]}]}), False),
            (jwt({"access": "all"}), False),
            (jwt({"sub": "alice"}), False),
            (jwt([]), False),
            ("opaque", False),
            ("a.b.c", False),
            ("a..c", False),
            ("a.!!!.c", False),
            ("e30." + base64.urlsafe_b64encode(b"[" * 9000).decode() + ".c2ln", False),
            ("", False),
        ],
    )
    def test_token_that_grants_nothing_says_so_itself(self, token: str, *, nothing: bool) -> None:
        """distribution#1203: a token with an empty access list in place of a refusal."""
        assert grants_nothing(token) is nothing


def test_token_that_is_a_jwt_tells_when_it_ends() -> None:
    assert expiry_of(jwt({"exp": 1_772_366_400})) == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.!!!.c", jwt([]), jwt({}), jwt({"exp": None}), jwt({"exp": "soon"}), jwt({"exp": 1e30})],
)
def test_token_that_does_not_tell_when_it_ends_is_taken_as_it_is(token: str) -> None:
    assert expiry_of(token) is None
