"""Checks of endpoints over real sockets: what is sent, what is read, and how it is told."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from probes.protocol.endpoint import EndpointPlan, Expectation
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Secret, Site
from probes.protocol.taxonomy import Reason, Stage, Status, Warn
from probes.wire.driver import Engine
from probes.wire.limits import Limits
from tests.fakes.refusing import refusing
from tests.fakes.web_service import Page, WebService
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import LOOPBACK, Peer, answering, peer_that

OLDER, NEWER = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SECRET = Secret(username="robot", password="correct-horse-battery", fingerprint="robot-1")


@pytest.fixture
def service() -> WebService:
    return WebService()


def plan(url: str, *, expect: Expectation | None = None, site: Site = LOOPBACK, **fields: Any) -> EndpointPlan:
    return EndpointPlan(url=url, expect=expect or Expectation(), site=site, **fields)


async def test_answer_is_told_with_its_steps_and_times(engine: Engine, service: WebService) -> None:
    """H2."""
    service.at("/health?token=hush", Page(body=b'{"status": "ok"}'))
    async with peer_that(service) as peer:
        expect = Expectation(json_path="$.status", json_equals='"ok"')
        outcome = await engine.check(plan(f"{peer.http}/health?token=hush", expect=expect))

    assert (outcome.status, outcome.kind, outcome.requests) == (Status.AVAILABLE, "http", 1)
    assert (outcome.connection, outcome.bytes_read) == ("new", 16)
    (step,) = outcome.steps
    assert (step.stage, step.method, step.http_status, step.address) == (Stage.REQUEST, "GET", 200, "127.0.0.1")
    assert step.url == f"{peer.http}/health?token=…"
    assert step.connect_ms is not None
    assert "hush" not in json.dumps(outcome.to_json())
    assert Outcome.from_json(outcome.to_json()).to_json() == outcome.to_json()
    assert service.asked[0].headers["user-agent"] == "kairos-test"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_request_goes_out_as_it_was_set_up(engine: Engine, service: WebService, method: str) -> None:
    """H11, H22."""
    body = '{"größe": 1}' if method in ("POST", "PUT", "PATCH", "DELETE") else ""
    service.at("/", Page())
    async with peer_that(service) as peer:
        asked = plan(f"{peer.http}/", method=method, headers=(("X-From", "here"),), body=body)
        outcome = await engine.check(asked, SECRET)

    assert outcome.conclusion.reason is Reason.OK
    (request,) = service.asked
    assert request.line == f"{method} / HTTP/1.1"
    assert request.headers["x-from"] == "here"
    assert request.headers["authorization"].startswith("Basic ")
    assert request.body == body.encode()
    assert ("content-length" in request.headers) is (method in ("POST", "PUT", "PATCH", "DELETE"))


async def test_post_without_a_body_says_so(engine: Engine, service: WebService) -> None:
    service.at("/", Page())
    async with peer_that(service) as peer:
        assert (await engine.check(plan(f"{peer.http}/", method="POST"))).status is Status.AVAILABLE
    assert service.asked[0].headers["content-length"] == "0"


async def test_nothing_of_ours_follows_a_redirect_elsewhere(engine: Engine, service: WebService) -> None:
    """H8, H11, S7: another port is another origin."""
    there = WebService()
    there.at("/", Page(body=b"welcome"))
    async with peer_that(service) as peer, peer_that(there) as other:
        # Plain HTTP to another origin is no place to go; by a name that leads to this machine it would be as well.
        service.at("/", Page(302, headers=(f"Location: {other.http}/",)))
        outcome = await engine.check(plan(f"{peer.http}/"), SECRET)
    assert outcome.conclusion.reason is Reason.REDIRECT_INSECURE
    assert there.asked == []


async def test_redirect_within_the_origin_keeps_method_login_and_body(engine: Engine, service: WebService) -> None:
    """H10, H11."""
    service.at("/", Page(307, headers=("Location: /there",)))
    service.at("/there", Page())
    async with peer_that(service) as peer:
        outcome = await engine.check(plan(f"{peer.http}/", method="POST", body="x=1"), SECRET)
    assert [asked.line.split()[:2] for asked in service.asked] == [["POST", "/"], ["POST", "/there"]]
    assert [asked.body for asked in service.asked] == [b"x=1", b"x=1"]
    assert all("authorization" in asked.headers for asked in service.asked)
    assert [step.stage for step in outcome.steps] == [Stage.REQUEST, Stage.REDIRECT]


async def test_nothing_of_ours_goes_along_to_another_host(
    engine: Engine, service: WebService, authority: trustme.CA, presenting: Presenting
) -> None:
    """H11, S7, S8: nor does it come back."""
    there = WebService()
    site = Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8", "::1/128"))
    tls = presenting()
    async with peer_that(service, tls) as peer, peer_that(there, tls) as other:
        service.at("/", Page(302, headers=(f"Location: {other.https}/collect",)))
        service.at("/back", Page(body=b"home again"))
        there.at("/collect", Page(302, headers=(f"Location: {peer.https}/back",)))
        asked = plan(f"{peer.https}/", site=site, headers=(("Cookie", "a=b"),), expect=Expectation(contains="again"))
        outcome = await engine.check(asked, SECRET)

    assert outcome.conclusion.reason is Reason.OK
    assert {"cookie", "authorization"} <= service.asked[0].headers.keys()
    for asked_elsewhere in (there.asked[0], service.asked[1]):
        assert not {"cookie", "authorization"} & asked_elsewhere.headers.keys()


async def test_address_that_is_not_admitted_is_not_dialled(engine: Engine, dialled: list[str]) -> None:
    """H19, S2, S5."""
    outcome = await engine.check(plan("http://127.0.0.1:9/", site=Site()))
    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TARGET_FORBIDDEN, Stage.DNS)
    assert dialled == []


async def test_metadata_is_admitted_by_no_setting(engine: Engine, dialled: list[str]) -> None:
    """H19, S2."""
    site = Site(allow_cidrs=("0.0.0.0/0",), allow_hosts=("169.254.169.254",))
    outcome = await engine.check(plan("http://169.254.169.254/latest/meta-data/", site=site))
    assert outcome.conclusion.reason is Reason.TARGET_FORBIDDEN
    assert dialled == []


@pytest.mark.parametrize("status", [200, 404, 503])
async def test_body_of_any_expected_status_is_read(engine: Engine, service: WebService, status: int) -> None:
    """H12, H14."""
    service.at("/", Page(status, body=b"x" * 100_000 + b"the end"))
    async with peer_that(service) as peer:
        outcome = await engine.check(plan(f"{peer.http}/", expect=Expectation(statuses=f"{status}", contains="end")))
    assert (outcome.conclusion.reason, outcome.bytes_read) == (Reason.OK, 100_007)


@pytest.mark.parametrize("contains", ["", "the end"])
async def test_body_without_end_is_hung_up_on(service: WebService, contains: str) -> None:
    """H12, S14."""
    service.at("/", Page(never_ends=True))
    async with peer_that(service) as peer, Engine(user_agent="kairos-test") as engine:
        outcome = await engine.check(plan(f"{peer.http}/", expect=Expectation(contains=contains)))
        await asyncio.wait_for(peer.left.wait(), 5)
    assert outcome.conclusion.reason is (Reason.ENDPOINT_TOO_LARGE if contains else Reason.OK)
    assert outcome.bytes_read < 2 * Limits().check.endpoint_bytes


async def test_body_of_just_the_limit_is_whole(service: WebService) -> None:
    """H12."""
    service.at("/", Page(body=b"x" * (256 * 1024 - 1) + b"y"), Page(body=b"x" * 256 * 1024 + b"y"))
    expect = Expectation(contains="y")
    async with peer_that(service) as peer, Engine(user_agent="kairos-test") as engine:
        reasons = [(await engine.check(plan(f"{peer.http}/", expect=expect))).conclusion.reason for _ in range(2)]
    assert reasons == [Reason.OK, Reason.ENDPOINT_TOO_LARGE]


async def test_body_that_breaks_off_is_no_answer(engine: Engine, service: WebService) -> None:
    """H6, H19."""
    service.at("/", Page(body=b"the beg", breaks_off=True))
    async with peer_that(service) as peer:
        outcome = await engine.check(plan(f"{peer.http}/"))
    assert (outcome.conclusion.reason, outcome.conclusion.attempts) == (Reason.BODY_TRUNCATED, 2)


async def test_body_that_ends_with_its_connection_is_whole(engine: Engine, service: WebService) -> None:
    service.at("/", Page(body=b"all well", says_length=False))
    async with peer_that(service) as peer:
        outcome = await engine.check(plan(f"{peer.http}/", expect=Expectation(contains="well")))
    assert outcome.conclusion.reason is Reason.OK


async def test_body_that_comes_packed_is_unpacked(engine: Engine, service: WebService) -> None:
    """H13."""
    service.at("/", Page(body=gzip.compress(b"all well"), headers=("Content-Encoding: gzip",)))
    async with peer_that(service) as peer:
        outcome = await engine.check(plan(f"{peer.http}/", expect=Expectation(matches="^all well$")))
    assert outcome.conclusion.reason is Reason.OK
    assert service.asked[0].headers["accept-encoding"] == "identity"


async def test_time_is_measured_to_the_last_byte(engine: Engine, service: WebService) -> None:
    """H17."""
    service.at("/", Page(wait_seconds=0.25))
    async with peer_that(service) as peer:
        slow = await engine.check(plan(f"{peer.http}/", expect=Expectation(latency_ms=200)))
        fine = await engine.check(plan(f"{peer.http}/", expect=Expectation(latency_ms=20_000)))
    assert (slow.status, slow.conclusion.reason) == (Status.DEGRADED, Reason.ENDPOINT_SLOW)
    assert fine.status is Status.AVAILABLE


async def test_whoever_throttles_is_left_alone(engine: Engine, service: WebService) -> None:
    """H5: by every check of the same login, until the time that was named."""
    service.at("/", Page(429, headers=("Retry-After: 60",)), Page())
    async with peer_that(service) as peer:
        first = await engine.check(plan(f"{peer.http}/"), SECRET)
        second = await engine.check(plan(f"{peer.http}/"), SECRET)
        another = await engine.check(plan(f"{peer.http}/"))
    assert first.conclusion.reason is second.conclusion.reason is Reason.ENDPOINT_THROTTLED
    assert first.conclusion.retry_at is not None
    assert second.conclusion.retry_at == first.conclusion.retry_at
    assert (second.requests, another.conclusion.reason, len(service.asked)) == (0, Reason.OK, 2)


async def test_silence_ends_with_the_checks_own_time(engine: Engine, service: WebService) -> None:
    """H19, S16."""
    service.at("/", Page(wait_seconds=30))
    async with peer_that(service) as peer:
        outcome = await engine.check(plan(f"{peer.http}/", timeout_seconds=0.3))
    assert outcome.conclusion.reason is Reason.TIMEOUT_TOTAL
    assert outcome.duration_ms < 3000


async def test_connection_is_kept_for_what_is_safe_and_made_anew_for_what_is_not(
    engine: Engine, service: WebService
) -> None:
    """H6: of a request that was sent into a dying connection nobody knows whether it was heard."""
    service.at("/", Page())
    async with peer_that(service) as peer:
        kinds = [
            (await engine.check(plan(f"{peer.http}/", method=method))).connection for method in ("GET", "GET", "POST")
        ]
    assert kinds == ["new", "reused", "new"]


async def test_login_that_is_echoed_is_not_shown(
    engine: Engine, service: WebService, caplog: pytest.LogCaptureFixture
) -> None:
    """H21, S19: in a redirect, in the JSON that is held against what is expected, in a log."""
    service.at("/", Page(302, headers=("Location: /correct-horse-battery",)))
    service.at("/correct-horse-battery", Page(body=b'{"you": "correct-horse-battery"}'))
    expect = Expectation(json_path="$.you", json_equals='"nobody"')
    with caplog.at_level(0):
        async with peer_that(service) as peer:
            outcome = await engine.check(plan(f"{peer.http}/", expect=expect), SECRET)
    assert outcome.conclusion.reason is Reason.ENDPOINT_JSON
    assert "correct-horse" not in json.dumps(outcome.to_json()) + caplog.text


async def test_a_fault_of_our_own_is_no_verdict_on_the_endpoint(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("probes.protocol.endpoint.conversation.start", broken)
    outcome = await engine.check(plan("https://api.example/"))
    assert (outcome.conclusion.reason, outcome.conclusion.detail) == (Reason.INTERNAL_ERROR, "RuntimeError")


class TestTls:
    @pytest.fixture
    def trusting(self, authority: trustme.CA) -> Site:
        return Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8", "::1/128"))

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext) -> AsyncIterator[Peer]:
        async with peer_that(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), tls) as peer:
            yield peer

    @pytest.mark.parametrize(("offered", "minimum"), [(OLDER, "1.2"), (NEWER, "1.2"), (NEWER, "1.3")])
    async def test_version_from_the_minimum_on_is_spoken(
        self, engine: Engine, presenting: Presenting, trusting: Site, offered: ssl.TLSVersion, minimum: str
    ) -> None:
        """H18."""
        tls = presenting()
        tls.maximum_version = offered
        async with self.serving(tls) as peer:
            outcome = await engine.check(plan(peer.https, site=trusting, tls_minimum=minimum))
        assert outcome.conclusion.reason is Reason.OK

    async def test_no_older_version_is_spoken_than_the_minimum(
        self, engine: Engine, presenting: Presenting, trusting: Site
    ) -> None:
        """H18."""
        tls = presenting()
        tls.maximum_version = OLDER
        with refusing(tls) as host:
            outcome = await engine.check(plan(f"https://{host}/", site=trusting, tls_minimum="1.3"))
        found = outcome.conclusion
        assert (found.reason, found.stage) == (Reason.TLS_PROTOCOL, Stage.TLS)
        assert "protocol version" in found.detail

    async def test_connection_made_under_a_lower_minimum_is_not_used(
        self, engine: Engine, presenting: Presenting, trusting: Site
    ) -> None:
        """H18, S21."""
        tls = presenting()
        tls.maximum_version = OLDER
        async with self.serving(tls) as peer:
            lower = [await engine.check(plan(peer.https, site=trusting)) for _ in range(2)]
            higher = await engine.check(plan(peer.https, site=trusting, tls_minimum="1.3"))
        assert [outcome.connection for outcome in lower] == ["new", "reused"]
        assert higher.status is not Status.AVAILABLE
        assert [step.connection for step in higher.steps] == ["new", "new"]

    @pytest.mark.parametrize(("days", "reason"), [(5, Reason.OK), (7, Reason.CERTIFICATE_EXPIRING)])
    async def test_certificate_is_to_be_good_for_so_many_days(
        self, engine: Engine, presenting: Presenting, trusting: Site, days: int, reason: Reason
    ) -> None:
        """H16: a kept connection tells its certificate as well."""
        soon = presenting(not_after=datetime.now(UTC) + timedelta(days=6, hours=1))
        async with self.serving(soon) as peer:
            asked = plan(peer.https, site=trusting, expect=Expectation(certificate_days=days))
            outcomes = [await engine.check(asked) for _ in range(2)]
        assert [outcome.conclusion.reason for outcome in outcomes] == [reason, reason]
        assert outcomes[1].connection == "reused"
        assert Warn.TLS_EXPIRING in outcomes[0].conclusion.warnings

    async def test_certificate_of_another_name_is_refused(
        self, engine: Engine, presenting: Presenting, trusting: Site
    ) -> None:
        """H19, S23."""
        async with self.serving(presenting("other.example")) as peer:
            outcome = await engine.check(plan(peer.https, site=trusting))
        assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TLS_HOSTNAME, Stage.TLS)
