"""The edge's own entry point with a fake engine: what the tests start as a worker process.

With the argument `deaf`, the consumer never asks for messages: the state in which a link to Redis that broke at
the wrong moment leaves a worker. With `audited`, it says who else was running when the environment was changed.
"""

import sys
import threading

from kombu.transport.redis import MultiChannelPoller

from probes.edge.__main__ import main
from tests.fakes.engine import FakeEngine


def _say_who_else_is_running(event: str, _: object) -> None:
    if event in {"os.putenv", "os.unsetenv"}:
        names = sorted(thread.name for thread in threading.enumerate())
        sys.stderr.write(f"environment changed among {', '.join(names)}\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["audited"]:
        sys.addaudithook(_say_who_else_is_running)
    if sys.argv[1:] == ["deaf"]:
        MultiChannelPoller.on_poll_start = lambda self: None  # type: ignore[method-assign]
    sys.exit(main(build_engine=lambda settings: FakeEngine()))
