"""Enrolments of one region that meet where each has found that there is no such region yet."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from django.db import connections
from nacl.signing import VerifyKey

from probes.trust.keys import RegionKeys

PATIENCE_SECONDS: Final = 1.0
"""How long the first waits for the second, which should not get there: it waits for the first to be over."""


def at_once(monkeypatch: pytest.MonkeyPatch, *calls: Callable[[], Any]) -> list[Any]:
    """Make the calls in threads, each with a connection of its own; return what they returned or raised."""
    meeting = threading.Barrier(len(calls))
    generate = RegionKeys.generate

    def meet(region: str, control: VerifyKey) -> RegionKeys:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(PATIENCE_SECONDS)
        return generate(region, control)

    monkeypatch.setattr(RegionKeys, "generate", meet)
    return together(*calls)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls in threads, each with a connection of its own; return what they returned or raised."""
    results: list[Any] = []

    def make(call: Callable[[], Any]) -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - the caller looks at it
            results.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == len(calls)
    return results
