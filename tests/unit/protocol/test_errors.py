"""What a refusal means: from a status and what comes with it to a reason."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from probes.protocol.errors import (
    RegistryError,
    blob_refusal,
    clean_text,
    common_refusal,
    is_double_auth,
    is_pull_quota,
    is_stale_signature,
    manifest_refusal,
    pause_seconds,
    read_error,
    read_rate_limit,
    retry_at,
    throttling,
    token_refusal,
)
from probes.protocol.exchange import Headers, Reply
from probes.protocol.outcome import RateLimit
from probes.protocol.taxonomy import Reason
from tests.fakes.dialogue import NOON


def reply(status: int, headers: dict[str, str] | None = None) -> Reply:
    return Reply(ask_id=0, status=status, headers=Headers.of((headers or {}).items()), received_at=NOON)


def body(code: str = "", message: str = "") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class TestBody:
    """E1."""

    @pytest.mark.parametrize(
        ("document", "codes", "text"),
        [
            ({"errors": [{"code": "DENIED", "message": "no"}]}, ("DENIED",), "no"),
            ({"errors": [{"code": "denied"}, {"code": "B", "message": "x"}]}, ("DENIED", "B"), "x"),
            ({"errors": [{"status": 403, "message": "blocked by Xray"}]}, (), "blocked by Xray"),
            ({"details": "incorrect username or password"}, (), "incorrect username or password"),
            ({"error": "invalid_grant", "error_description": "expired"}, (), "expired; invalid_grant"),
            ({"message": "a", "detail": "a"}, (), "a"),
            ({"errors": ["text", None, {"code": 7, "message": ["x"]}]}, (), ""),
            ({"errors": {}}, (), ""),
            ([], (), ""),
            ("text", (), ""),
            ({"errors": [{"code": "X"}] * 50}, ("X",) * 8, ""),
        ],
    )
    def test_codes_and_text_are_found_in_any_shape(self, document: Any, codes: tuple[str, ...], text: str) -> None:
        error = read_error(json.dumps(document).encode())
        assert (error.codes, error.text) == (codes, text)

    def test_escaped_json_is_read(self) -> None:
        """Nexus."""
        escaped = b"{&quot;errors&quot;:[{&quot;code&quot;:&quot;UNAUTHORIZED&quot;}]}"
        assert read_error(escaped).codes == ("UNAUTHORIZED",)

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            (b"", RegistryError()),
            (b"<html>", RegistryError(text="an HTML page", is_html=True)),
            (b"upstream \xff\n timed out", RegistryError(text="upstream \ufffd timed out", is_plain=True)),
        ],
    )
    def test_anything_else_is_taken_as_it_is(self, raw: bytes, expected: RegistryError) -> None:
        assert read_error(raw) == expected

    @pytest.mark.parametrize(
        ("body", "shown"),
        [
            (b"220 mail.internal ESMTP ready", "HTTP 403"),
            (b"<html><h1>Internal wiki</h1>", "an HTML page"),
            (b'{"errors":[{"code":"DENIED","message":"not yours"}]}', "not yours"),
        ],
    )
    def test_banner_of_a_host_that_the_registry_chose_is_not_shown(self, body: bytes, shown: str) -> None:
        """S22: a registry cannot have us read it what answers at some other place."""
        assert read_error(body).shown(403, by_stranger=True) == shown

    @pytest.mark.parametrize(
        ("detail", "upstream"),
        [
            ({"errors": [{"code": "DENIED"}]}, Reason.MIRROR_UPSTREAM_AUTH),
            ([{"code": "UNAUTHORIZED"}], Reason.MIRROR_UPSTREAM_AUTH),
            ({"code": "UNAUTHORIZED", "message": "authentication required"}, Reason.MIRROR_UPSTREAM_AUTH),
            ({"errors": [{"code": "TOOMANYREQUESTS"}, {"code": "UNKNOWN"}]}, Reason.RATE_LIMITED_UPSTREAM),
            ({"errors": [{"code": "UNKNOWN"}, 7]}, Reason.MIRROR_UPSTREAM_ERROR),
            ({"Status": "503 Service Unavailable"}, Reason.MIRROR_UPSTREAM_ERROR),
            ({"ParseErr": {"Offset": 1}, "StatusCode": 403, "Response": "YnVzeQ=="}, Reason.MIRROR_UPSTREAM_AUTH),
            ({"ParseErr": {"Offset": 1}, "StatusCode": 429, "Response": "YnVzeQ=="}, Reason.RATE_LIMITED_UPSTREAM),
            ({"ParseErr": {"Offset": 1}, "StatusCode": 404, "Response": "YnVzeQ=="}, Reason.MIRROR_UPSTREAM_ERROR),
            (
                {"Op": "Get", "URL": "https://registry-1.docker.io/v2/", "Err": {"Op": "dial", "Net": "tcp"}},
                Reason.MIRROR_UPSTREAM_ERROR,
            ),
            (
                {"Op": "Head", "URL": "https://up/", "Err": {"errors": [{"code": "UNAUTHORIZED"}]}},
                Reason.MIRROR_UPSTREAM_AUTH,
            ),
            ({"Op": "dial", "Net": "tcp", "Err": {}}, None),
            ({"DriverName": "s3aws", "Detail": {"code": "AccessDenied"}}, None),
            ({"code": "NoSuchBucket"}, None),
            ({"Status": "gone"}, None),
            ({"StatusCode": True}, None),
            ({"Tag": "1"}, None),
            ({"errors": "DENIED"}, None),
            ("DENIED", None),
        ],
    )
    def test_failure_of_a_mirrors_upstream_is_noticed(self, detail: object, upstream: Reason | None) -> None:
        """E2: as distribution 2.8.2 wraps them, run as a mirror of an upstream that answers so, or not at all."""
        document = {"errors": [{"code": "UNKNOWN", "message": "unknown error", "detail": detail}]}
        assert read_error(json.dumps(document).encode()).upstream is upstream

    def test_causes_within_causes_are_followed_to_any_depth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """E2: how deep a body may nest is the JSON parser's to say, and Pythons differ in that."""
        cause: object = {"errors": [{"code": "DENIED"}]}
        for _ in range(10_000):
            cause = {"Op": "Get", "URL": "https://up/", "Err": cause}
        monkeypatch.setattr("probes.protocol.errors.read_json", lambda _: {"errors": [{"detail": cause}]})
        assert read_error(b"{").upstream is Reason.MIRROR_UPSTREAM_AUTH

    def test_shown_text_is_short_and_never_empty(self) -> None:
        """S20."""
        assert RegistryError(text="x" * 300).shown(403) == "x" * 199 + "…"
        assert RegistryError().shown(403) == "HTTP 403"


class TestText:
    """S20."""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (" a\r\n b\tc ", "a b c"),
            ("a\x00\x1b[31mb", "a[31mb"),
            ("right\u202eleft\u200b", "rightleft"),
            ("half \ud800 pair", "half pair"),
            ("x" * 12, "x" * 9 + "…"),
            ("", ""),
        ],
    )
    def test_foreign_text_becomes_one_clean_line(self, text: str, shown: str) -> None:
        assert clean_text(text, 10) in (shown, shown[:9] + "…")


class TestManifest:
    @pytest.mark.parametrize(
        ("status", "raw", "reason"),
        [
            pytest.param(404, body("NAME_UNKNOWN"), Reason.REPOSITORY_NOT_FOUND, id="E3"),
            pytest.param(404, body("MANIFEST_UNKNOWN"), Reason.TAG_NOT_FOUND, id="E4"),
            pytest.param(404, body("UNKNOWN", "not found"), Reason.NOT_FOUND, id="E5-Harbor"),
            pytest.param(404, b"", Reason.NOT_FOUND, id="E5-empty"),
            pytest.param(404, b"<html>", Reason.NOT_A_REGISTRY, id="E5-html"),
            pytest.param(
                404,
                body("MANIFEST_UNKNOWN", "Tag 1 was deleted or has expired. To pull, revive via time machine"),
                Reason.TAG_EXPIRED,
                id="E6",
            ),
            pytest.param(403, body("DENIED"), Reason.AUTH_DENIED, id="E7"),
            pytest.param(403, body("DENIED", "5 vulnerabilities found"), Reason.POLICY_BLOCKED, id="E7-scan"),
            pytest.param(
                403, body("", "Artifact download request rejected: Xray"), Reason.POLICY_BLOCKED, id="E7-Xray"
            ),
            pytest.param(403, body("", "item is quarantined"), Reason.POLICY_BLOCKED, id="E7-quarantine"),
            pytest.param(403, body("", "due to blocking policy"), Reason.POLICY_BLOCKED, id="E7-policy"),
            pytest.param(
                403,
                body("DENIED", "client with IP '192.0.2.7' is not allowed access"),
                Reason.IP_NOT_ALLOWED,
                id="E7-ACR",
            ),
            pytest.param(403, body("DENIED", "Your authorization token has expired"), Reason.AUTH_EXPIRED, id="ECR"),
            pytest.param(403, body("DENIED", "denied (or it may not exist)"), Reason.AUTH_DENIED_OR_MISSING, id="E8"),
            pytest.param(403, body("DENIED", "billing is disabled"), Reason.QUOTA_OR_BILLING, id="E12-text"),
            pytest.param(412, body("PROJECTPOLICYVIOLATION"), Reason.POLICY_BLOCKED, id="E9"),
            pytest.param(412, body("", "image is not signed"), Reason.POLICY_BLOCKED, id="E9-text"),
            pytest.param(412, b"", Reason.UNEXPECTED_STATUS, id="E9-nothing"),
            pytest.param(400, body("NAME_INVALID"), Reason.REF_REJECTED, id="E11-name"),
            pytest.param(400, body("TAG_INVALID"), Reason.REF_REJECTED, id="E11-tag"),
            pytest.param(400, body("DIGEST_INVALID"), Reason.REF_REJECTED, id="E11-digest"),
            pytest.param(400, body("UNAUTHORIZED"), Reason.AUTH_REQUIRED, id="E2-Nexus"),
            pytest.param(400, body("DENIED", "expired token"), Reason.AUTH_EXPIRED, id="T31"),
            pytest.param(400, b"", Reason.UNEXPECTED_STATUS, id="400"),
            pytest.param(451, b"", Reason.LEGAL_BLOCK, id="E10"),
        ],
    )
    def test_status_decides_and_text_refines(self, status: int, raw: bytes, reason: Reason) -> None:
        assert manifest_refusal(reply(status), read_error(raw), by_digest=False, has_login=False) is reason

    def test_missing_digest_is_no_missing_tag(self) -> None:
        """E4."""
        error = read_error(body("MANIFEST_UNKNOWN"))
        assert manifest_refusal(reply(404), error, by_digest=True, has_login=False) is Reason.DIGEST_NOT_FOUND

    def test_400_that_means_401_blames_the_login_that_was_used(self) -> None:
        """E2."""
        error = read_error(body("UNAUTHORIZED"))
        assert manifest_refusal(reply(400), error, by_digest=False, has_login=True) is Reason.AUTH_BAD_CREDENTIALS


@pytest.mark.parametrize(
    ("status", "raw", "reason"),
    [
        pytest.param(429, b"", Reason.RATE_LIMITED, id="E13"),
        pytest.param(429, body("", "too many requests to upstream registry"), Reason.RATE_LIMITED_UPSTREAM, id="E14"),
        *(
            pytest.param(status, b"", Reason.REGISTRY_ERROR, id=f"E16-{status}")
            for status in (408, 425, 499, 500, 503)
        ),
        *(pytest.param(status, b"", Reason.GATEWAY_ERROR, id=f"E16-{status}") for status in (502, 504, 520, 526)),
        *(pytest.param(status, b"", Reason.UNEXPECTED_STATUS, id=f"E17-{status}") for status in (501, 505, 527)),
        pytest.param(402, b"", Reason.QUOTA_OR_BILLING, id="E12"),
        pytest.param(407, b"", Reason.PROXY_AUTH, id="C22"),
        pytest.param(304, b"", Reason.PROTOCOL_ERROR, id="M29"),
        pytest.param(206, b"", Reason.PROTOCOL_ERROR, id="M30"),
        pytest.param(202, b"", Reason.UNEXPECTED_STATUS, id="M31"),
        pytest.param(204, b"", Reason.UNEXPECTED_STATUS, id="M31-204"),
    ],
)
def test_some_statuses_mean_the_same_of_anything(status: int, raw: bytes, reason: Reason) -> None:
    assert common_refusal(reply(status), read_error(raw)) is reason


@pytest.mark.parametrize(
    "upstream", [Reason.MIRROR_UPSTREAM_AUTH, Reason.MIRROR_UPSTREAM_ERROR, Reason.RATE_LIMITED_UPSTREAM]
)
def test_error_of_a_mirror_is_its_upstreams(upstream: Reason) -> None:
    """E2."""
    error = RegistryError(upstream=upstream)
    assert common_refusal(reply(500), error) is upstream
    assert common_refusal(reply(502), error) is upstream
    assert common_refusal(reply(503), error) is Reason.REGISTRY_ERROR


@pytest.mark.parametrize(
    ("raw", "headers", "kind"),
    [
        pytest.param(
            body(
                "TOOMANYREQUESTS",
                "You have reached your pull rate limit: https://www.docker.com/increase-rate-limit",
            ),
            {},
            "pull_quota",
            id="pull_quota",
        ),
        pytest.param(b"see http://status.example/limits", {}, "pull_quota", id="link"),
        pytest.param(b"", {"RateLimit-Remaining": "0;w=21600"}, "pull_quota", id="spent"),
        pytest.param(body("TOOMANYREQUESTS", "Rate exceeded"), {}, "rate_exceeded", id="rate_exceeded"),
        pytest.param(body("TOOMANYREQUESTS", "Data limit exceeded"), {}, "data_limit", id="data_limit"),
        pytest.param(b"", {}, "abuse", id="abuse"),
        pytest.param(b"Too Many Requests", {"RateLimit-Remaining": "7"}, "abuse", id="abuse-text"),
        pytest.param(body("TOOMANYREQUESTS", "slow down"), {}, "", id="unknown"),
    ],
)
def test_throttling_is_of_some_kind(raw: bytes, headers: dict[str, str], kind: str) -> None:
    """E13."""
    assert throttling(reply(429, headers), read_error(raw), is_head=False) == kind
    assert throttling(reply(503, headers), read_error(raw), is_head=False) == ""


def test_throttled_head_has_no_words_to_tell_the_kind_by() -> None:
    """E13."""
    assert throttling(reply(429), RegistryError(), is_head=True) == ""
    assert throttling(reply(429, {"RateLimit-Remaining": "0"}), RegistryError(), is_head=True) == "pull_quota"


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (body("TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit."), True),
        (body("TOOMANYREQUESTS", "Rate exceeded: see https://status.example/limits"), False),
        (b"", False),
    ],
)
def test_pull_quota_that_spares_heads_is_one_that_is_named(raw: bytes, *, named: bool) -> None:
    """E13: a link alone may come with any limit."""
    assert is_pull_quota(read_error(raw)) is named


@pytest.mark.parametrize(
    ("status", "raw", "ours"),
    [
        (400, b"<Error><Message>Only one auth mechanism allowed; only the X-Amz-Algorithm ...", True),
        (403, b"<Error><Message>Only one auth mechanism allowed", False),
        (400, b"<Error><Code>MalformedHeader</Code>", False),
    ],
)
def test_login_that_went_along_to_storage_is_known_by_its_words(status: int, raw: bytes, *, ours: bool) -> None:
    """B12."""
    assert is_double_auth(replace(reply(status), body=raw)) is ours


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        pytest.param(404, "", Reason.LAYER_MISSING, id="B7"),
        pytest.param(401, "", Reason.BLOB_DENIED, id="B8"),
        pytest.param(403, "", Reason.BLOB_DENIED, id="B9"),
        pytest.param(403, "Xray is unavailable", Reason.POLICY_BLOCKED, id="B9-Xray"),
        pytest.param(412, "", Reason.BLOB_DENIED, id="B9-412"),
        pytest.param(451, "", Reason.LEGAL_BLOCK, id="B9-451"),
        pytest.param(416, "", Reason.SIZE_MISMATCH, id="B6"),
        pytest.param(502, "", Reason.GATEWAY_ERROR, id="E16"),
    ],
)
def test_refusal_of_a_blob(status: int, text: str, reason: Reason) -> None:
    assert blob_refusal(reply(status), RegistryError(text=text), missing=Reason.LAYER_MISSING) is reason


@pytest.mark.parametrize(
    ("status", "text", "anonymous", "with_login"),
    [
        pytest.param(401, "", Reason.AUTH_REQUIRED_OR_MISSING, Reason.AUTH_BAD_CREDENTIALS, id="T23-T24"),
        pytest.param(
            401, "insufficient_scope", Reason.AUTH_REQUIRED_OR_MISSING, Reason.AUTH_INSUFFICIENT_SCOPE, id="T24-scope"
        ),
        pytest.param(401, "token is expired", Reason.AUTH_REQUIRED_OR_MISSING, Reason.AUTH_EXPIRED, id="T24-expired"),
        pytest.param(400, "", Reason.AUTH_SERVICE_ERROR, Reason.AUTH_BAD_CREDENTIALS, id="T24-400"),
        pytest.param(403, "", Reason.AUTH_DENIED, Reason.AUTH_DENIED, id="T25"),
        pytest.param(404, "", Reason.AUTH_ENDPOINT_MISSING, Reason.AUTH_ENDPOINT_MISSING, id="T26"),
        pytest.param(429, "", Reason.RATE_LIMITED_AUTH, Reason.RATE_LIMITED_AUTH, id="T27"),
        pytest.param(503, "", Reason.AUTH_SERVICE_ERROR, Reason.AUTH_SERVICE_ERROR, id="T28"),
        pytest.param(407, "", Reason.PROXY_AUTH, Reason.PROXY_AUTH, id="C22"),
    ],
)
def test_refusal_of_a_token(status: int, text: str, anonymous: Reason, with_login: Reason) -> None:
    error = RegistryError(text=text)
    assert token_refusal(reply(status), error, has_login=False) is anonymous
    assert token_refusal(reply(status), error, has_login=True) is with_login


@pytest.mark.parametrize(
    ("raw", "stale"),
    [
        (b"<Code>SignatureDoesNotMatch</Code>", True),
        (b"<Code>AccessDenied</Code><Message>Request has expired</Message>", True),
        (b"<Code>AccessDenied</Code>", False),
        (b"", False),
    ],
)
def test_signature_that_has_run_out_is_told_from_a_refusal(raw: bytes, *, stale: bool) -> None:
    """B14."""
    assert is_stale_signature(read_error(raw), raw) is stale


class TestRetryAfter:
    """E13, E16."""

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("30", 30),
            (" 7 ", 7),
            ("0", 1),
            ("86400", 3600),
            ("9" * 5000, 3600),
            ("Sun, 01 Mar 2026 12:00:45 GMT", 45),
            ("Sunday, 01-Mar-26 12:00:45 GMT", 45),
            ("Sun Mar  1 12:00:45 2026", 45),
            ("Sun, 01 Mar 2026 13:00:45 +0100", 45),
            ("Sun, 01 Mar 2020 12:00:00 GMT", 1),
            ("Sun, 01 Mar 2036 12:00:00 GMT", 3600),
        ],
        ids=["seconds", "spaces", "zero", "a-day", "absurd", "date", "rfc850", "asctime", "zone", "past", "far"],
    )
    @pytest.mark.parametrize("status", [429, 503])
    def test_registry_will_have_us_back(self, status: int, value: str, seconds: int) -> None:
        throttled = reply(status, {"Retry-After": value})
        assert retry_at(throttled) == NOON + timedelta(seconds=seconds)
        assert pause_seconds(throttled) == seconds

    @pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "٣", "Sun, 01 Mar 99999 12:00:00 GMT", "1, 2"])
    def test_what_cannot_be_read_says_nothing(self, value: str) -> None:
        assert retry_at(reply(429, {"Retry-After": value})) is None
        assert pause_seconds(reply(429, {"Retry-After": value})) == 0

    @pytest.mark.parametrize("status", [200, 404, 500])
    def test_other_statuses_ask_for_no_wait(self, status: int) -> None:
        assert retry_at(reply(status, {"Retry-After": "30"})) is None


class TestRateLimit:
    @pytest.mark.parametrize(
        ("headers", "quota"),
        [
            (
                {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "97;w=21600"},
                RateLimit(limit=100, remaining=97, window_seconds=21600, source=None),
            ),
            (
                {"ratelimit-remaining": "5 ; w=60", "docker-ratelimit-source": "192.0.2.7\x1b"},
                RateLimit(limit=None, remaining=5, window_seconds=60, source="192.0.2.7"),
            ),
            (
                {"ratelimit-limit": "many;w=soon"},
                RateLimit(limit=None, remaining=None, window_seconds=None, source=None),
            ),
            (
                {"ratelimit-limit": "9" * 40},
                RateLimit(limit=None, remaining=None, window_seconds=None, source=None),
            ),
        ],
        ids=["Hub", "part", "words", "absurd"],
    )
    def test_quota_is_read_in_the_form_of_hub(self, headers: dict[str, str], quota: RateLimit) -> None:
        """E15."""
        assert read_rate_limit(Headers.of(headers.items())) == quota

    def test_no_headers_are_no_quota(self) -> None:
        assert read_rate_limit(Headers()) is None


def test_error_text_is_read_to_the_length_of_an_error_body() -> None:
    """E1: a 206 may come with a whole document's length."""
    body = json.dumps({"errors": [{"message": "x" * 65_000}, {"code": "DENIED", "message": "y" * 65_000}]}).encode()
    assert read_error(body).codes == ()
