"""What an engine's checks leave to later ones: tokens, documents, a refused HEAD, and the patience to wait."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from probes.protocol.outcome import Outcome
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Depth, Reason, Stage, Status, Warn
from probes.wire import tls
from probes.wire.driver import Engine
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import peer_that
from tests.integration.wire.small_registry import ALICE, SmallRegistry, answer, plan

THROTTLED = answer("429 Too Many Requests", b"", "Retry-After: 100")
SPENT = answer(
    "429 Too Many Requests",
    b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
    "Retry-After: 100",
)


Check = Callable[..., Awaitable[Outcome]]


@asynccontextmanager
async def apart(authority: trustme.CA, presenting: Presenting) -> AsyncIterator[tuple[SmallRegistry, Check]]:
    """Run a registry over TLS whose token service, `registry.beside`, is at another origin; and a way to check it."""
    registry = SmallRegistry()
    site = Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8",))
    tls = presenting("127.0.0.1")
    async with peer_that(registry, tls) as peer, peer_that(registry.beside, tls) as token_peer:
        registry.realm = f"https://127.0.0.1:{token_peer.port}/token"

        def check(engine: Engine, **changes: Any) -> Awaitable[Outcome]:
            return engine.check(replace(plan(peer, Depth.RESOLVE, **changes), site=site))

        yield registry, check


class Particular(SmallRegistry):
    """Its token service rejects every login, and has had enough of those who come without one."""

    def _own(self, name: str, head: str) -> bytes:
        if name != "token":
            return super()._own(name, head)
        return answer("401 Unauthorized") if "Authorization: Basic " in head else THROTTLED


class TestFresh:
    async def test_fresh_check_logs_in_and_dials_anew(self, engine: Engine) -> None:
        """E.2: a remembered token hides a dead token service, a kept connection an expired certificate."""
        registry = SmallRegistry(layers=2)
        async with peer_that(registry) as peer:
            await engine.check(plan(peer))
            warm = await engine.check(plan(peer))
            visits = peer.visits
            fresh = await engine.check(plan(peer, fresh=True))

        assert (warm.conclusion.auth_path, warm.connection) == ("cached", "reused")
        assert (fresh.conclusion.auth_path, fresh.connection) == ("fresh", "new")
        assert [step.connection for step in fresh.steps][:4] == ["new", "reused", "reused", "reused"]
        assert fresh.steps[1].stage is Stage.TOKEN
        assert peer.visits <= visits + 3  # the handshake, and what the blobs side by side may need

    async def test_each_origin_is_dialled_anew_once(
        self, engine: Engine, authority: trustme.CA, presenting: Presenting
    ) -> None:
        async with apart(authority, presenting) as (registry, check):
            await check(engine)
            assert registry.asked["GET token"] == 0
            outcome = await check(engine, fresh=True)

        assert [(step.stage, step.connection) for step in outcome.steps] == [
            (Stage.MANIFEST, "new"),
            (Stage.TOKEN, "new"),
            (Stage.MANIFEST, "reused"),
        ]

    async def test_what_a_fresh_check_learned_serves_the_next(self, engine: Engine) -> None:
        async with peer_that(SmallRegistry()) as peer:
            await engine.check(plan(peer, Depth.RESOLVE, fresh=True))
            assert (await engine.check(plan(peer, Depth.RESOLVE))).conclusion.auth_path == "cached"

    async def test_dead_token_service_is_seen_by_a_fresh_check(self, engine: Engine) -> None:
        registry = SmallRegistry()
        async with peer_that(registry) as peer:
            await engine.check(plan(peer, Depth.RESOLVE))
            registry.instead["GET token"] = answer("403 Forbidden")
            assert (await engine.check(plan(peer, Depth.RESOLVE))).conclusion.reason is Reason.OK
            fresh = await engine.check(plan(peer, Depth.RESOLVE, fresh=True))
            after = await engine.check(plan(peer, Depth.RESOLVE))

        assert fresh.conclusion.reason is Reason.AUTH_DENIED
        assert after.conclusion.reason is Reason.AUTH_DENIED  # what the fresh check found out holds for all


class TestDocuments:
    async def test_unchanged_image_is_asked_for_without_being_read(self, engine: Engine) -> None:
        """E.1: HEAD of the tag, HEAD of the child, and the blobs."""
        registry = SmallRegistry(layers=2, as_index=True)
        async with peer_that(registry) as peer:
            first = await engine.check(plan(peer))
            registry.asked.clear()
            again = await engine.check(plan(peer, reread=False))

        assert registry.asked == {"HEAD 1": 1, "HEAD manifest": 1, "GET config": 1, "GET layer": 2}
        assert (again.conclusion.reason, again.conclusion.depth) == (Reason.OK, Depth.BLOBS)
        assert again.conclusion.platforms == first.conclusion.platforms

    async def test_documents_serve_other_repositories_of_the_engine(self, engine: Engine) -> None:
        registry = SmallRegistry(as_index=True)
        async with peer_that(registry) as peer:
            await engine.check(plan(peer))
            registry.asked.clear()
            await engine.check(plan(peer, repository="team/copy", reread=False))

        assert registry.asked["GET manifest"] == registry.asked["GET index"] == 0


class TestHead:
    async def test_registry_without_head_is_asked_by_get_at_once(self, engine: Engine) -> None:
        """M6: of its repositories, all."""
        registry = SmallRegistry(instead={"HEAD 1": answer("405 Method Not Allowed")})
        async with peer_that(registry) as peer:
            await engine.check(plan(peer, Depth.RESOLVE))
            registry.asked.clear()
            outcome = await engine.check(plan(peer, Depth.RESOLVE, repository="team/other"))

        assert Warn.HEAD_UNSUPPORTED in outcome.conclusion.warnings
        assert registry.asked["HEAD 1"] == 0
        assert registry.asked["GET 1"] == 2  # before the login, and after it


class TestCoolDown:
    async def test_throttled_registry_is_left_alone(self, engine: Engine) -> None:
        """E13: by every check with the same login, of whatever repository, and each says until when."""
        registry = SmallRegistry(instead={"HEAD 1": THROTTLED})
        async with peer_that(registry) as peer:
            first = await engine.check(plan(peer, Depth.RESOLVE))
            registry.asked.clear()
            waiting = [
                await engine.check(plan(peer, Depth.RESOLVE, repository=name, fresh=fresh))
                for name, fresh in (("team/app", False), ("team/other", False), ("team/app", True))
            ]

        assert not registry.asked
        for outcome in waiting:
            found = outcome.conclusion
            assert (found.status, found.reason) == (Status.INDETERMINATE, Reason.RATE_LIMITED)
            assert found.retry_at == first.conclusion.retry_at
            assert (outcome.requests, outcome.steps, outcome.connection) == (0, (), None)
            assert found.detail.startswith(f"nothing was sent: 127.0.0.1:{peer.port} throttled us at ")

    async def test_tag_is_still_looked_for_while_the_pull_quota_is_spent(self, engine: Engine) -> None:
        """E15, E.3: by HEAD, which is free; what has to be read waits, and says until when."""
        registry = SmallRegistry(instead={"GET manifest": SPENT})
        async with peer_that(registry) as peer:
            spent = await engine.check(plan(peer, Depth.MANIFEST))
            registry.asked.clear()
            resolved = await engine.check(plan(peer, Depth.RESOLVE))
            read = await engine.check(plan(peer, Depth.MANIFEST))

        assert (resolved.conclusion.status, resolved.conclusion.reason) == (Status.AVAILABLE, Reason.OK)
        for outcome in (spent, read):
            assert (outcome.conclusion.status, outcome.conclusion.reason) == (
                Status.INDETERMINATE,
                Reason.RATE_LIMITED,
            )
            assert outcome.conclusion.retry_at == spent.conclusion.retry_at
        assert registry.asked == {"HEAD 1": 2}

    async def test_other_login_is_not_throttled_with_it(self, engine: Engine) -> None:
        registry = SmallRegistry(instead={"HEAD 1": THROTTLED})
        async with peer_that(registry) as peer:
            await engine.check(plan(peer, Depth.RESOLVE))
            registry.instead.clear()
            assert (await engine.check(plan(peer, Depth.RESOLVE), ALICE)).conclusion.reason is Reason.OK
            assert (await engine.check(plan(peer, Depth.RESOLVE))).conclusion.reason is Reason.RATE_LIMITED

    async def test_same_name_on_another_route_is_not_throttled_with_it(self, engine: Engine) -> None:
        """E.2, S21: one operator's addresses, roots or proxy may lead to another machine than everybody's."""
        registry = SmallRegistry(instead={"HEAD 1": THROTTLED})
        async with peer_that(registry) as peer:
            mine = plan(peer, Depth.RESOLVE)
            yours = replace(mine, site=replace(mine.site, resolve=(("elsewhere.test", ("127.0.0.1",)),)))
            await engine.check(mine)
            registry.instead.clear()
            assert (await engine.check(yours)).conclusion.reason is Reason.OK

    async def test_throttled_guest_does_not_silence_the_login_that_was_rejected(self, engine: Engine) -> None:
        """T34, E13: the anonymous try is for a hint. That it was one too many says nothing about the login."""
        registry = Particular()
        async with peer_that(registry) as peer:
            found = [(await engine.check(plan(peer, Depth.RESOLVE), ALICE)).conclusion.reason for _ in range(2)]
            anonymous = await engine.check(plan(peer, Depth.RESOLVE))
        assert found == [Reason.AUTH_BAD_CREDENTIALS] * 2
        assert anonymous.conclusion.status is Status.INDETERMINATE
        assert registry.asked == {"HEAD 1": 2, "GET token": 3}  # and anyone else waits

    async def test_throttled_token_service_stops_those_who_need_a_token(
        self, engine: Engine, authority: trustme.CA, presenting: Presenting
    ) -> None:
        """T27: who has one goes on."""
        async with apart(authority, presenting) as (registry, check):
            await check(engine)
            registry.beside.instead["GET token"] = THROTTLED
            refused = await check(engine, repository="team/other")
            waiting = await check(engine, repository="team/other")
            stranger = await check(engine, repository="team/third")
            holder = await check(engine)

        assert refused.conclusion.reason is Reason.RATE_LIMITED_AUTH
        for outcome, requests in ((waiting, 0), (stranger, 1)):  # the first knows by now where it would log in
            found = outcome.conclusion
            assert (found.reason, found.stage, outcome.requests) == (Reason.RATE_LIMITED_AUTH, Stage.TOKEN, requests)
            assert found.retry_at == refused.conclusion.retry_at
        assert registry.beside.asked["GET token"] == 2
        assert holder.conclusion.reason is Reason.OK

    async def test_host_that_does_not_say_is_asked_again_in_a_minute(self, engine: Engine) -> None:
        registry = SmallRegistry(instead={"HEAD 1": answer("429 Too Many Requests")})
        async with peer_that(registry) as peer:
            outcome = await engine.check(plan(peer, Depth.RESOLVE))

        retry_at = outcome.conclusion.retry_at
        assert retry_at is not None
        assert timedelta(seconds=50) < retry_at - datetime.now(UTC) <= timedelta(seconds=60)

    async def test_host_is_asked_again_when_it_will_have_us(self, engine: Engine) -> None:
        registry = SmallRegistry(instead={"HEAD 1": answer("429 Too Many Requests", b"", "Retry-After: 1")})
        async with peer_that(registry) as peer:
            await engine.check(plan(peer, Depth.RESOLVE))
            registry.instead.clear()
            await asyncio.sleep(1.05)
            assert (await engine.check(plan(peer, Depth.RESOLVE))).conclusion.reason is Reason.OK

    async def test_checks_of_one_burst_lengthen_no_pause(self, engine: Engine) -> None:
        registry = SmallRegistry(instead={"HEAD 1": answer("429 Too Many Requests")})
        async with peer_that(registry) as peer:
            outcomes = await asyncio.gather(*(engine.check(plan(peer, Depth.RESOLVE)) for _ in range(10)))
            later = await engine.check(plan(peer, Depth.RESOLVE))

        assert sum(outcome.requests for outcome in outcomes) == 10
        assert later.conclusion.retry_at is not None
        assert later.conclusion.retry_at - datetime.now(UTC) <= timedelta(seconds=60)


async def test_roots_are_read_once_and_not_on_the_event_loop(
    engine: Engine, authority: trustme.CA, presenting: Presenting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N8: it takes tens of milliseconds, and with many registries that have roots of their own, at each dial."""
    readers: list[int] = []
    read = tls.context_for

    def watched(*given: str) -> ssl.SSLContext:
        readers.append(threading.get_ident())
        return read(*given)

    monkeypatch.setattr(tls, "context_for", watched)
    async with apart(authority, presenting) as (_, check):
        outcomes = await asyncio.gather(*(check(engine, fresh=True) for _ in range(5)))
    assert {outcome.conclusion.reason for outcome in outcomes} == {Reason.OK}
    assert len(readers) == 1
    assert threading.get_ident() not in readers
