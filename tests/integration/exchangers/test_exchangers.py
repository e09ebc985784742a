"""Each provider's key becomes a login that its registry takes, over real TLS; and each way in which it does not."""

import asyncio
import base64
import json
import logging

import pytest

from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan, Secret
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.wire.driver import Engine
from tests.fakes.cloud import (
    ACCESS_KEY_ID,
    CLIENT_SECRET,
    ECR_HOST,
    ROLE,
    SECRET_ACCESS_KEY,
    TENANT,
    Answer,
    Cloud,
    new_google_key,
    sts_error,
)

KINDS = ("ecr", "google", "acr")
FIRST = {
    "ecr": "POST /",
    "google": "POST /google/token",
    "acr": f"GET /{TENANT}/v2.0/.well-known/openid-configuration",
}
REPOSITORIES = {"ecr": "basic/app", "google": "basic/app", "acr": "team/app"}


def secret_of(cloud: Cloud, kind: str, **changes: object) -> Secret:
    make = {"ecr": cloud.ecr, "google": cloud.google, "acr": cloud.acr}[kind]
    return make(**changes)


def plan_of(cloud: Cloud, kind: str, **changes: object) -> Plan:
    host = f"{ECR_HOST}:{cloud.port}" if kind == "ecr" else cloud.host
    reference = f"{host}/{REPOSITORIES[kind]}:1"
    return Plan(reference=reference, site=cloud.site, depth=Depth.MANIFEST, **changes)  # type: ignore[arg-type]


async def check(engine: Engine, cloud: Cloud, kind: str, **changes: object) -> Outcome:
    return await engine.check(plan_of(cloud, kind), secret_of(cloud, kind, **changes))


class TestLogin:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_key_becomes_a_login_that_the_registry_takes(self, engine: Engine, cloud: Cloud, kind: str) -> None:
        outcome = await check(engine, cloud, kind)
        assert outcome.conclusion.reason is Reason.OK, outcome.to_json()
        first = outcome.steps[0]
        assert (first.stage, first.host, first.http_status) == (Stage.TOKEN, cloud.host, 200)
        assert outcome.requests == len(cloud.requests)

    @pytest.mark.parametrize("kind", KINDS)
    async def test_login_in_hand_serves_later_checks(self, engine: Engine, cloud: Cloud, kind: str) -> None:
        await check(engine, cloud, kind)
        again = await check(engine, cloud, kind)
        assert again.conclusion.reason is Reason.OK
        assert len(cloud.asked(FIRST[kind])) == 1

    async def test_ecr_request_is_signed_for_the_region_of_the_host(self, engine: Engine, cloud: Cloud) -> None:
        await check(engine, cloud, "ecr")
        [request] = cloud.asked("POST /")
        assert f"Credential={ACCESS_KEY_ID}/" in request.headers["authorization"]
        assert "/eu-west-1/ecr/aws4_request" in request.headers["authorization"]
        assert request.headers["content-type"] == "application/x-amz-json-1.1"

    async def test_ecr_session_token_goes_along(self, engine: Engine, cloud: Cloud) -> None:
        await check(engine, cloud, "ecr", session_token="a-session-token")
        assert cloud.asked("POST /")[0].headers["x-amz-security-token"] == "a-session-token"

    async def test_acr_refresh_token_is_an_identity_token_at_the_registry(self, engine: Engine, cloud: Cloud) -> None:
        """T10."""
        await check(engine, cloud, "acr")
        [exchange] = cloud.asked("POST /oauth2/exchange")
        assert exchange.form["tenant"] == TENANT
        assert exchange.form["access_token"] in cloud.aad_tokens
        [token] = cloud.asked("POST /oauth2/token")
        assert token.form["grant_type"] == "refresh_token"
        assert token.form["refresh_token"] in cloud.given

    async def test_acr_takes_a_token_that_somebody_else_keeps_fresh(self, engine: Engine, cloud: Cloud) -> None:
        cloud.aad_tokens.add("an-aad-token")
        secret = Secret(provider="acr", provider_key=json.dumps({"aad_token": "an-aad-token"}))
        outcome = await engine.check(plan_of(cloud, "acr"), secret)
        assert outcome.conclusion.reason is Reason.OK
        assert cloud.log[0] == "POST /oauth2/exchange"

    async def test_plan_that_names_nothing_asks_no_provider(self, engine: Engine, cloud: Cloud) -> None:
        outcome = await engine.check(Plan(reference="ghcr.io/Team/app", site=cloud.site), cloud.ecr())
        assert outcome.conclusion.reason is Reason.REF_UPPERCASE
        assert cloud.requests == []


class TestOwnRole:
    """Only where the operator chose it, and only for Amazon's own hosts."""

    @pytest.fixture
    def role(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)

    @pytest.fixture
    def no_role(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_PROFILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    @staticmethod
    def own(cloud: Cloud) -> Secret:
        return Secret(provider="ecr", provider_key=json.dumps({"own_role": True, "endpoint": f"{cloud.url}/"}))

    async def test_the_workers_own_role_signs(self, engine: Engine, cloud: Cloud, role: None) -> None:
        outcome = await engine.check(plan_of(cloud, "ecr"), self.own(cloud))
        assert outcome.conclusion.reason is Reason.OK, outcome.to_json()

    async def test_its_password_goes_to_no_other_registry(self, engine: Engine, cloud: Cloud, role: None) -> None:
        secret = Secret(
            provider="ecr",
            provider_key=json.dumps({"own_role": True, "region": "eu-west-1", "endpoint": f"{cloud.url}/"}),
        )
        outcome = await engine.check(plan_of(cloud, "google"), secret)
        assert outcome.status is Status.CONFIG_ERROR
        assert "Amazon's own hosts only" in outcome.conclusion.hint
        assert cloud.requests == []

    async def test_worker_without_a_role_says_so(self, engine: Engine, cloud: Cloud, no_role: None) -> None:
        outcome = await engine.check(plan_of(cloud, "ecr"), self.own(cloud))
        assert outcome.status is Status.CONFIG_ERROR
        assert "has no AWS role of its own" in outcome.conclusion.hint

    async def test_role_is_not_used_where_a_key_is_stored(self, engine: Engine, cloud: Cloud, role: None) -> None:
        outcome = await check(engine, cloud, "ecr", access_key_id="AKIAOTHEROTHEROTHER1")
        assert outcome.conclusion.reason is Reason.AUTH_BAD_CREDENTIALS


class TestRoleToAssume:
    async def test_role_is_assumed_and_its_key_signs(self, engine: Engine, cloud: Cloud) -> None:
        outcome = await check(engine, cloud, "ecr", role_arn=ROLE, sts_endpoint=f"{cloud.url}/sts")
        assert outcome.conclusion.reason is Reason.OK, outcome.to_json()
        assert cloud.log[:2] == ["POST /sts", "POST /"]
        assert cloud.asked("POST /")[0].headers["x-amz-security-token"] == "a-role's-session"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"role_arn": f"{ROLE}-of-others"}, Reason.AUTH_DENIED),
            ({"secret_access_key": "another"}, Reason.AUTH_BAD_CREDENTIALS),
        ],
    )
    async def test_role_that_may_not_be_assumed_is_a_refusal(
        self, engine: Engine, cloud: Cloud, changes: dict[str, str], reason: Reason
    ) -> None:
        given = {"role_arn": ROLE, "sts_endpoint": f"{cloud.url}/sts", **changes}
        outcome = await check(engine, cloud, "ecr", **given)
        assert (outcome.conclusion.reason, outcome.conclusion.host) == (reason, cloud.host)
        assert cloud.log == ["POST /sts"]

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (sts_error(400, "ExpiredToken", "x"), Reason.AUTH_EXPIRED),
            (sts_error(400, "Throttling", "x"), Reason.RATE_LIMITED_AUTH),
            (sts_error(400, "MalformedPolicyDocument", "x"), Reason.AUTH_BAD_CREDENTIALS),
            (Answer(200, b"<html>log in"), Reason.AUTH_TOKEN_EMPTY),
            (Answer(200, b"<AssumeRoleResponse/>"), Reason.AUTH_TOKEN_EMPTY),
            (Answer(200, b""), Reason.AUTH_TOKEN_EMPTY),
            (Answer(403, b"no XML"), Reason.AUTH_DENIED),
        ],
    )
    async def test_each_bad_answer_has_its_reason(
        self, engine: Engine, cloud: Cloud, answer: Answer, reason: Reason
    ) -> None:
        cloud.instead.append(answer)
        outcome = await check(engine, cloud, "ecr", role_arn=ROLE, sts_endpoint=f"{cloud.url}/sts")
        assert outcome.conclusion.reason is reason, outcome.to_json()


class TestUnstatedLifetime:
    """A provider that does not say how long, or says it oddly, is believed for an hour."""

    @pytest.mark.parametrize("expires_at", [None, "soon", True, 1e300])
    async def test_of_a_password_of_ecr(self, engine: Engine, cloud: Cloud, expires_at: object) -> None:
        token = base64.b64encode(b"AWS:ecr-login-0").decode()
        cloud.given.add("ecr-login-0")
        data = {"authorizationToken": token, "expiresAt": expires_at}
        cloud.instead.append(Answer(200, {"authorizationData": [data]}))
        assert (await check(engine, cloud, "ecr")).conclusion.reason is Reason.OK
        assert (await check(engine, cloud, "ecr")).conclusion.reason is Reason.OK
        assert len(cloud.asked("POST /")) == 1

    @pytest.mark.parametrize("token", ["opaque", "a.b.c", "e30.e30.c2ln", "e30.W10.c2ln"])
    async def test_of_a_token_of_azure(self, engine: Engine, cloud: Cloud, token: str) -> None:
        """T33: what it holds decides nothing else."""
        cloud.given.add(token)
        cloud.instead.append(Answer(200, {"refresh_token": token}))
        secret = Secret(provider="acr", provider_key=json.dumps({"aad_token": "an-aad-token"}))
        for _ in range(2):
            assert (await engine.check(plan_of(cloud, "acr"), secret)).conclusion.reason is Reason.OK
        assert len(cloud.asked("POST /oauth2/exchange")) == 1


class TestRefusal:
    @pytest.mark.parametrize(
        ("kind", "changes"),
        [
            ("ecr", {"secret_access_key": "another-secret"}),
            ("acr", {"client_secret": "another-secret"}),
            ("acr", {"tenant": "nobody.example"}),
        ],
    )
    async def test_key_that_the_provider_refuses_is_a_bad_credential(
        self, engine: Engine, cloud: Cloud, kind: str, changes: dict[str, str]
    ) -> None:
        outcome = await check(engine, cloud, kind, **changes)
        found = outcome.conclusion
        assert (found.reason, found.stage, found.host) == (Reason.AUTH_BAD_CREDENTIALS, Stage.TOKEN, cloud.host)
        assert "another-secret" not in json.dumps(outcome.to_json())
        assert not any(line.startswith("HEAD") for line in cloud.log)

    async def test_google_key_of_another_account_is_a_bad_credential(self, engine: Engine, cloud: Cloud) -> None:
        stored = cloud.google()
        cloud.google_key = new_google_key()
        outcome = await engine.check(plan_of(cloud, "google"), stored)
        assert outcome.conclusion.reason is Reason.AUTH_BAD_CREDENTIALS
        assert "Invalid JWT Signature" in outcome.conclusion.detail

    async def test_acr_says_when_its_registry_does_not_take_the_token(self, engine: Engine, cloud: Cloud) -> None:
        secret = Secret(provider="acr", provider_key=json.dumps({"aad_token": "a-token-to-look-for"}))
        outcome = await engine.check(plan_of(cloud, "acr"), secret)
        assert outcome.conclusion.reason is Reason.AUTH_BAD_CREDENTIALS
        assert outcome.conclusion.detail == "Invalid token: …"

    @pytest.mark.parametrize(
        ("kind", "answer", "reason"),
        [
            ("ecr", Answer(400, {"__type": "ExpiredTokenException", "message": "x"}), Reason.AUTH_EXPIRED),
            ("ecr", Answer(400, {"__type": "com.amazon#AccessDeniedException"}), Reason.AUTH_DENIED),
            ("ecr", Answer(400, {"__type": "ThrottlingException"}), Reason.RATE_LIMITED_AUTH),
            ("ecr", Answer(400, {"__type": "UnrecognizedClientException"}), Reason.AUTH_BAD_CREDENTIALS),
            ("ecr", Answer(403, b"<html>no</html>"), Reason.AUTH_DENIED),
            ("acr", Answer(401, {"error": "invalid_client", "error_codes": [7000222]}), Reason.AUTH_EXPIRED),
            ("google", Answer(429, {}, {"Retry-After": "60"}), Reason.RATE_LIMITED_AUTH),
            ("google", Answer(302, b"", {"Location": "https://evil.test/"}), Reason.AUTH_REDIRECT),
            ("google", Answer(200, b"<html>log in</html>"), Reason.AUTH_TOKEN_NOT_JSON),
            ("google", Answer(200, b"[1]"), Reason.AUTH_TOKEN_NOT_JSON),
            ("google", Answer(200, {}), Reason.AUTH_TOKEN_EMPTY),
            ("google", Answer(200, {"access_token": "two\r\nlines"}), Reason.AUTH_TOKEN_INVALID),
            ("google", Answer(200, b" " * 70_000), Reason.AUTH_TOKEN_TOO_LARGE),
            ("ecr", Answer(200, b"\xff\x00"), Reason.AUTH_TOKEN_NOT_JSON),
            ("ecr", Answer(200, {"authorizationData": []}), Reason.AUTH_TOKEN_EMPTY),
            ("ecr", Answer(200, {"authorizationData": [{"authorizationToken": "@"}]}), Reason.AUTH_TOKEN_EMPTY),
            (
                "ecr",
                Answer(200, {"authorizationData": [{"authorizationToken": "QVdTOg=="}]}),
                Reason.AUTH_TOKEN_EMPTY,
            ),
            ("acr", Answer(200, b"not json"), Reason.AUTH_TOKEN_NOT_JSON),
            ("acr", Answer(200, {"authorization_endpoint": ""}), Reason.AUTH_SERVICE_ERROR),
        ],
    )
    async def test_each_bad_answer_has_its_reason(
        self, engine: Engine, cloud: Cloud, kind: str, answer: Answer, reason: Reason
    ) -> None:
        if kind == "acr" and answer.status == 401:
            cloud.instead.append(
                Answer(
                    200, {"authorization_endpoint": "x", "token_endpoint": f"{cloud.url}/{TENANT}/x", "issuer": "x"}
                )
            )
        cloud.instead.append(answer)
        outcome = await check(engine, cloud, kind)
        assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.TOKEN), outcome.to_json()
        assert outcome.conclusion.host == cloud.host
        assert (outcome.conclusion.retry_at is not None) is (answer.status == 429)

    @pytest.mark.parametrize("kind", KINDS)
    async def test_service_that_fails_is_asked_once_more(self, engine: Engine, cloud: Cloud, kind: str) -> None:
        """T28."""
        cloud.instead.append(Answer(503, b""))
        assert (await check(engine, cloud, kind)).conclusion.reason is Reason.OK

    async def test_service_that_goes_on_failing_is_its_own_error(self, engine: Engine, cloud: Cloud) -> None:
        cloud.instead.extend([Answer(503, b""), Answer(500, b"")])
        outcome = await check(engine, cloud, "ecr")
        assert (outcome.conclusion.reason, outcome.conclusion.detail) == (Reason.AUTH_SERVICE_ERROR, "HTTP 503")

    @pytest.mark.parametrize("kind", KINDS)
    async def test_silent_provider_is_its_own_timeout(self, engine: Engine, cloud: Cloud, kind: str) -> None:
        cloud.gate.clear()
        outcome = await engine.check(plan_of(cloud, kind, timeout_seconds=0.5), secret_of(cloud, kind))
        found = outcome.conclusion
        assert (found.reason, found.stage, found.host) == (Reason.AUTH_SERVICE_TIMEOUT, Stage.TOKEN, cloud.host)
        assert outcome.duration_ms < 5000

    async def test_provider_at_an_address_that_is_not_admitted_is_not_dialled(
        self, engine: Engine, cloud: Cloud
    ) -> None:
        """N4: the exchange has no guard of its own."""
        secret = cloud.ecr(endpoint=f"https://169.254.169.254:{cloud.port}/")
        outcome = await engine.check(plan_of(cloud, "ecr"), secret)
        assert outcome.conclusion.reason is Reason.TARGET_FORBIDDEN

    async def test_azure_secret_goes_to_its_own_authority_only(self, engine: Engine, cloud: Cloud) -> None:
        cloud.elsewhere = f"https://127.0.0.1:{cloud.port}"
        outcome = await check(engine, cloud, "acr")
        assert outcome.conclusion.reason is Reason.AUTH_REALM_UNTRUSTED
        assert len(cloud.requests) == 1

    @pytest.mark.parametrize(("kind", "library"), [("ecr", "botocore"), ("google", "google"), ("acr", "msal")])
    async def test_missing_library_is_named_with_what_to_install(
        self, engine: Engine, cloud: Cloud, kind: str, library: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import sys  # noqa: PLC0415 - only to hide what is installed

        for name in [name for name in sys.modules if name.partition(".")[0] == library]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr("sys.meta_path", [_Hiding(library), *sys.meta_path])
        outcome = await check(engine, cloud, kind)
        assert outcome.status is Status.CONFIG_ERROR
        assert outcome.conclusion.stage is Stage.TOKEN
        assert f"it lacks {library}. Install requirements-cloud.txt" in outcome.conclusion.hint

    @pytest.mark.parametrize("key", ["", "{", "[]", '{"tenant": 7}', '{"private_key": "x"}'])
    @pytest.mark.parametrize("kind", KINDS)
    async def test_stored_key_that_is_none_is_a_config_error(
        self, engine: Engine, cloud: Cloud, kind: str, key: str
    ) -> None:
        outcome = await engine.check(plan_of(cloud, kind), Secret(provider=kind, provider_key=key))
        assert outcome.status is Status.CONFIG_ERROR
        assert f"The stored {kind} key cannot be used" in outcome.conclusion.hint
        assert cloud.requests == []

    async def test_google_key_that_is_no_pem_is_a_config_error(self, engine: Engine, cloud: Cloud) -> None:
        pem = "-----BEGIN PRIVATE KEY-----\nto-look-for\n-----END PRIVATE KEY-----\n"
        outcome = await check(engine, cloud, "google", private_key=pem)
        assert outcome.status is Status.CONFIG_ERROR
        assert "not an RSA key in PEM" in outcome.conclusion.hint
        assert "to-look-for" not in json.dumps(outcome.to_json())


class _Hiding:
    """An import hook under which one package is not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class TestNothingSecretIsShown:
    async def test_in_logs_of_the_libraries(
        self, engine: Engine, cloud: Cloud, caplog: pytest.LogCaptureFixture
    ) -> None:
        """They write down what they sign and read where somebody asks for every word."""
        caplog.set_level(logging.DEBUG)
        outcome = await check(engine, cloud, "ecr", role_arn=ROLE, sts_endpoint=f"{cloud.url}/sts")
        assert outcome.conclusion.reason is Reason.OK
        assert [text for text in cloud.given if text in caplog.text] == []

    @pytest.mark.parametrize("kind", KINDS)
    async def test_in_outcomes_logs_and_reprs(
        self, engine: Engine, cloud: Cloud, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        secret = secret_of(cloud, kind)
        found = await engine.check(plan_of(cloud, kind), secret)
        echo = {"error": "invalid_grant", "error_description": "", "message": ""}
        everything = [json.dumps(found.to_json()), repr(secret), caplog.text]
        for status in (200, 400):
            cloud.instead.clear()
            kept = [json.loads(secret.provider_key).get(n, "") for n in ("secret_access_key", "client_secret")]
            said = f"echo: {''.join(kept)}"
            cloud.instead.append(Answer(status, {**echo, "error_description": said, "message": said}))
            other = Engine(user_agent="kairos-test")
            async with other:
                outcome = await other.check(plan_of(cloud, kind), secret)
            everything += [json.dumps(outcome.to_json()), caplog.text]
        shown = "".join(everything)
        hidden = [SECRET_ACCESS_KEY, CLIENT_SECRET, *cloud.given, *cloud.aad_tokens]
        hidden += [line for line in cloud.google().provider_key.split("\\n") if len(line) > 40]
        assert [text for text in hidden if text in shown] == []


async def test_engine_that_closes_leaves_no_exchange_behind(cloud: Cloud) -> None:
    before = asyncio.all_tasks()
    cloud.gate.clear()
    engine = Engine(user_agent="kairos-test")
    for kind in KINDS:
        await engine.check(plan_of(cloud, kind, timeout_seconds=0.3), secret_of(cloud, kind))
    await engine.aclose()
    left = {task for task in asyncio.all_tasks() - before if "_visit" not in repr(task)}
    assert left == set()
