"""The edge's own entry point with a fake engine: what the tests start as a worker process.

With the argument `deaf`, the consumer never asks for messages: the state in which a link to Redis that broke at
the wrong moment leaves a worker.
"""

import sys

from kombu.transport.redis import MultiChannelPoller

from probes.edge.__main__ import main
from tests.fakes.engine import FakeEngine

if __name__ == "__main__":
    if sys.argv[1:] == ["deaf"]:
        MultiChannelPoller.on_poll_start = lambda self: None  # type: ignore[method-assign]
    sys.exit(main(build_engine=lambda settings: FakeEngine()))
