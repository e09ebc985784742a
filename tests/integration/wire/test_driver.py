"""The engine as a whole, against a peer whose every byte the test decides."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from probes.protocol.plan import Plan, Secret, Site
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from probes.wire.driver import Engine
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import Visit, peer_that, until
from tests.integration.wire.small_registry import SmallRegistry, answer, plan

SECRET = Secret(username="robot", password="correct-horse-battery")


async def test_a_check_records_every_step_in_the_order_of_its_asks(engine: Engine) -> None:
    async with peer_that(SmallRegistry(layers=2)) as peer:
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
    async with peer_that(SmallRegistry()) as peer:
        cold = await engine.check(plan(peer, Depth.RESOLVE))
        warm = await engine.check(plan(peer, Depth.RESOLVE))

    assert (cold.conclusion.auth_path, cold.requests) == ("fresh", 3)
    assert (warm.conclusion.auth_path, warm.requests, warm.connection) == ("cached", 1, "reused")


async def test_a_static_bearer_is_shown_at_once_and_nothing_is_exchanged_for_it(engine: Engine) -> None:
    async with peer_that(SmallRegistry()) as peer:
        outcome = await engine.check(plan(peer, Depth.RESOLVE), Secret(bearer="token-of-old"))

    assert (outcome.conclusion.reason, outcome.requests) == (Reason.OK, 1)
    assert b"Authorization: Bearer token-of-old" in peer.requests[0]


async def test_a_login_is_remembered_for_its_secret_alone(engine: Engine) -> None:
    """S21."""
    async with peer_that(SmallRegistry()) as peer:
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
                visit.send(answer("403 Forbidden", echoed.encode(), f"X-Request-ID: {SECRET.password}"))
            else:
                named = ('WWW-Authenticate: Basic realm="r"', "X-Request-ID: 8f14e45f-ceea")
                visit.send(answer("401 Unauthorized", b"", *named))

    async with peer_that(echo) as peer:
        outcome = await engine.check(plan(peer), SECRET)

    shown = json.dumps(outcome.to_json()) + caplog.text
    assert outcome.conclusion.reason is Reason.AUTH_DENIED
    assert SECRET.password not in shown
    assert base64.b64encode(b"robot:").decode() not in shown
    assert outcome.steps[0].request_id == "8f14e45f-ceea"


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
    async with peer_that(SmallRegistry(), tls=soon) as peer:
        site = Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8",))
        outcome = await engine.check(Plan(reference=f"127.0.0.1:{peer.port}/team/app:1", site=site))

    assert outcome.conclusion.reason is Reason.OK
    assert Warn.TLS_EXPIRING in outcome.conclusion.warnings
    assert [certificate.host for certificate in outcome.certificates] == ["127.0.0.1"]
