"""Beat ends when it is told to, whatever it is doing."""

import os
import signal
from collections.abc import Iterator

import pytest
from celery.signals import beat_init

from kairos.beat import Scheduler


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_does_nothing_but_end_it(number: signal.Signals) -> None:
    """Celery's own handler writes to the database first, in the midst of whatever that was asked."""
    beat_init.send(sender=Scheduler)
    with pytest.raises(SystemExit):
        os.kill(os.getpid(), number)
