"""What is ready before the first check of an engine, so that it costs nobody's check."""

import threading
from dataclasses import replace

import pytest
import trustme
from publicsuffixlist import PublicSuffixList

from probes.protocol import domains
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import peer_that
from tests.integration.wire.small_registry import ALICE, SmallRegistry, plan


async def test_public_suffixes_are_read_before_the_first_check_and_not_on_the_event_loop(
    authority: trustme.CA, presenting: Presenting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T5: it takes some fifty milliseconds, and a registry by address needs no resolver that would have read them."""
    readers: list[int] = []

    class Watched(PublicSuffixList):
        def __init__(self) -> None:
            readers.append(threading.get_ident())
            super().__init__()

    monkeypatch.setattr(domains, "PublicSuffixList", Watched)
    domains._suffixes.cache_clear()  # noqa: SLF001 - it is kept for the life of a process
    domains.registrable_domain.cache_clear()
    registry = SmallRegistry(realm="https://auth.elsewhere.example/token")
    async with Engine(user_agent="kairos-test") as engine, peer_that(registry, presenting("127.0.0.1")) as peer:
        site = Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8",))
        outcome = await engine.check(replace(plan(peer, Depth.RESOLVE), site=site), ALICE)
    assert outcome.conclusion.reason is Reason.AUTH_REALM_UNTRUSTED
    assert len(readers) == 1
    assert threading.get_ident() not in readers
