"""The engine as a whole, against a peer whose every byte the test decides."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from probes.protocol.challenge import Challenge
from probes.protocol.conversation import Memory
from probes.protocol.plan import Plan, Secret, Site
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from probes.wire.driver import Engine
from probes.wire.memory import LoginMemory
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import LOOPBACK, Peer, Script, Visit, peer_that, until

SECRET = Secret(username="robot", password="correct-horse-battery")


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine(user_agent="kairos-test") as engine:
        yield engine


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def document(value: object) -> tuple[bytes, str]:
    body = json.dumps(value).encode()
    return body, f"sha256:{hashlib.sha256(body).hexdigest()}"


TOKEN = "a-bearer-token"


def registry(*, layers: int = 1) -> Script:
    """A registry with one image that anybody with the token may pull; its realm is itself."""
    config, config_digest = document({"os": "linux", "architecture": "amd64"})
    blobs = [f"sha256:{number:064x}" for number in range(layers)]
    manifest, digest = document(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config_digest,
                "size": len(config),
            },
            "layers": [{"mediaType": "x/layer", "digest": blob, "size": 100} for blob in blobs],
        }
    )

    async def script(visit: Visit) -> None:
        while True:
            head = (await visit.request()).decode()
            method, path, _ = head.split(" ", 2)
            if path.startswith("/token"):
                visit.send(answer("200 OK", json.dumps({"token": TOKEN, "expires_in": 300}).encode()))
            elif f"Authorization: Bearer {TOKEN}" not in head:
                realm = f'WWW-Authenticate: Bearer realm="/token",service="{visit.peer.port}"'
                visit.send(answer("401 Unauthorized", b"", realm))
            elif "/blobs/" in path:
                whole = path.endswith(config_digest)
                partial = answer("206 Partial Content", b"x", "Content-Range: bytes 0-0/100")
                visit.send(answer("200 OK", config) if whole else partial)
            else:
                reply = answer("200 OK", manifest, f"Docker-Content-Digest: {digest}")
                visit.send(reply.removesuffix(manifest) if method == "HEAD" else reply)

    return script


def plan(peer: Peer, depth: Depth = Depth.BLOBS, **changes: object) -> Plan:
    return Plan(reference=f"127.0.0.1:{peer.port}/team/app:1", site=LOOPBACK, depth=depth, **changes)  # type: ignore[arg-type]


async def test_a_check_records_every_step_in_the_order_of_its_asks(engine: Engine) -> None:
    async with peer_that(registry(layers=2)) as peer:
        outcome = await engine.check(plan(peer))

    assert outcome.conclusion.reason is Reason.OK
    assert [(step.stage, step.http_status) for step in outcome.steps] == [
        (Stage.MANIFEST, 401),
        (Stage.TOKEN, 200),
        (Stage.MANIFEST, 200),
        (Stage.MANIFEST, 200),
        (Stage.CONFIG, 200),
        (Stage.LAYER, 206),
        (Stage.LAYER, 206),
    ]
    assert outcome.requests == 7
    assert outcome.steps[0].connection == "new"
    assert outcome.steps[1].connection == "reused"


async def test_a_warm_check_shows_the_remembered_token_and_asks_once(engine: Engine) -> None:
    """C1."""
    async with peer_that(registry()) as peer:
        cold = await engine.check(plan(peer, Depth.RESOLVE))
        warm = await engine.check(plan(peer, Depth.RESOLVE))

    assert (cold.conclusion.auth_path, cold.requests) == ("fresh", 3)
    assert (warm.conclusion.auth_path, warm.requests, warm.connection) == ("cached", 1, "reused")


async def test_a_static_bearer_is_shown_at_once_and_nothing_is_exchanged_for_it(engine: Engine) -> None:
    async with peer_that(registry()) as peer:
        outcome = await engine.check(plan(peer, Depth.RESOLVE), Secret(bearer=TOKEN))

    assert (outcome.conclusion.reason, outcome.requests) == (Reason.OK, 1)
    assert f"Authorization: Bearer {TOKEN}".encode() in peer.requests[0]


async def test_a_login_is_remembered_for_its_secret_alone(engine: Engine) -> None:
    """S21."""
    async with peer_that(registry()) as peer:
        await engine.check(plan(peer, Depth.RESOLVE))
        other = await engine.check(plan(peer, Depth.RESOLVE), SECRET)

    assert other.conclusion.auth_path == "fresh"


async def test_what_a_registry_echoes_of_our_secrets_is_not_shown(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """T35, S19."""

    async def echo(visit: Visit) -> None:
        while True:
            head = (await visit.request()).decode()
            if "Authorization" in head:
                echoed = json.dumps({"errors": [{"code": "DENIED", "message": f"no: {SECRET.password} {head}"}]})
                visit.send(answer("403 Forbidden", echoed.encode()))
            else:
                visit.send(answer("401 Unauthorized", b"", 'WWW-Authenticate: Basic realm="r"'))

    async with peer_that(echo) as peer:
        outcome = await engine.check(plan(peer), SECRET)

    shown = json.dumps(outcome.to_json()) + caplog.text
    assert outcome.conclusion.reason is Reason.AUTH_DENIED
    assert SECRET.password not in shown
    assert base64.b64encode(b"robot:").decode() not in shown


async def test_a_check_ends_at_its_deadline_wherever_it_is(engine: Engine) -> None:
    """E20."""

    async def silent(visit: Visit) -> None:
        await visit.request()
        await visit.gone()

    async with peer_that(silent) as peer:
        outcome = await engine.check(plan(peer, timeout_seconds=0.3))

    assert outcome.conclusion.reason is Reason.TIMEOUT_TOTAL
    assert outcome.duration_ms < 3000


async def test_cancelling_a_check_leaves_nothing_in_flight() -> None:
    async def silent(visit: Visit) -> None:
        await visit.request()
        await visit.gone()

    before = asyncio.all_tasks()
    async with peer_that(silent) as peer, Engine(user_agent="kairos-test") as engine:
        check = asyncio.create_task(engine.check(plan(peer)))
        await until(lambda: bool(peer.requests))
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
        await asyncio.wait_for(peer.left.wait(), 5)
    assert {task for task in asyncio.all_tasks() if not task.done()} <= before


async def test_a_fault_of_our_own_is_no_verdict_on_the_image(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """E21."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("probes.wire.driver.start", broken)
    outcome = await engine.check(Plan(reference="registry.example/team/app:1"))

    assert (outcome.conclusion.reason, outcome.conclusion.detail) == (Reason.INTERNAL_ERROR, "RuntimeError")


async def test_a_certificate_about_to_expire_is_warned_of(
    engine: Engine, authority: trustme.CA, presenting: Presenting
) -> None:
    soon = presenting("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=13))
    async with peer_that(registry(), tls=soon) as peer:
        site = Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8",))
        outcome = await engine.check(Plan(reference=f"127.0.0.1:{peer.port}/team/app:1", site=site))

    assert outcome.conclusion.reason is Reason.OK
    assert Warn.TLS_EXPIRING in outcome.conclusion.warnings
    assert [certificate.host for certificate in outcome.certificates] == ["127.0.0.1"]


class TestLoginMemory:
    """How long a login is remembered, by a clock that the test turns."""

    KEY = ("registry.example", "team/app", "", "")

    def learned(self, lifetime_seconds: int) -> LoginMemory:
        memory = LoginMemory()
        login = Memory(Challenge("bearer"), "https://registry.example/v2/", "Bearer x", lifetime_seconds)
        memory.learn(self.KEY, login, now=1000.0)
        return memory

    @pytest.mark.parametrize(
        ("lifetime_seconds", "usable_seconds"),
        [(60, 54), (30, 25), (3600, 300)],
        ids=["less a tenth", "less five seconds at least", "five minutes at most"],
    )
    def test_a_token_is_used_for_less_than_its_lifetime(self, lifetime_seconds: int, usable_seconds: int) -> None:
        """T17."""
        memory = self.learned(lifetime_seconds)
        still, no_more = (memory.recall(self.KEY, 1000 + usable_seconds + moment) for moment in (-0.1, 0.1))
        assert still
        assert still.header == "Bearer x"
        assert no_more
        assert not no_more.header

    def test_a_challenge_is_remembered_for_an_hour(self) -> None:
        memory = self.learned(60)
        assert memory.recall(self.KEY, 1000 + 3599)
        assert memory.recall(self.KEY, 1000 + 3601) is None

    def test_an_empty_memory_forgets(self) -> None:
        memory = self.learned(60)
        memory.learn(self.KEY, Memory(), now=1001.0)
        assert memory.recall(self.KEY, 1002.0) is None
