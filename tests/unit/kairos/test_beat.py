"""Beat ends when it is told to, whatever it is doing: Celery's own program, around our scheduler."""

import os
import signal
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from celery import Celery
from celery.apps.beat import Beat
from django_celery_beat.schedulers import DatabaseScheduler

import kairos.beat

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(kairos.beat.Scheduler):
    """Is told to end while it ticks; what would be written down is counted."""

    number: ClassVar[signal.Signals]
    written: ClassVar[list[str]] = []

    def tick(self, *_: Any, **__: Any) -> float:
        os.kill(os.getpid(), self.number)
        self.written.append("an order")
        return 0.0

    def sync(self) -> None:
        self.written.append("the schedule")


@pytest.fixture(autouse=True)
def _own_handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Beat, "setup_logging", lambda *_: None)
    monkeypatch.setattr(DatabaseScheduler, "setup_schedule", lambda _: None)
    monkeypatch.setattr(kairos.beat, "ensure_services", lambda: None)
    Interrupted.written.clear()
    kept = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def beat() -> Beat:
    # A timeout would be that of every socket, and stay with the tests that come after.
    return Beat(
        app=Celery(set_as_current=False),
        scheduler_cls=f"{__name__}:Interrupted",
        pidfile=None,
        quiet=True,
        socket_timeout=0,
    )


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_in_a_tick_ends_it_and_the_schedule_is_written_down_once_it_has(number: signal.Signals) -> None:
    Interrupted.number = number
    beat().start_scheduler()
    assert Interrupted.written == ["the schedule"]


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_while_the_schedule_is_read_ends_it_and_nothing_is_written(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseScheduler, "setup_schedule", lambda _: os.kill(os.getpid(), number))
    with pytest.raises(SystemExit):
        beat().start_scheduler()
    assert Interrupted.written == []
