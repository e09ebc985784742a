"""The control worker with an impatient watchdog; as `stuck` it is alive, connected and takes nothing.

Run as `python -m tests.fakes.stuck_control stuck|well`. That is how a link that broke badly leaves a worker.
"""

import sys
from typing import Any

from celery.signals import worker_ready

from kairos import watchdog
from kairos.celery import app


@worker_ready.connect
def take_nothing_more(sender: Any, **_: Any) -> None:
    if "stuck" in sys.argv:
        sender.task_consumer.cancel()
    sys.stderr.write("ready\n")


if __name__ == "__main__":
    watchdog.LOOK_SECONDS = 0.2
    watchdog.PATIENCE_SECONDS = 1.0
    app.worker_main(
        ["worker", "--queues", "control,results,heartbeats", "--pool", "solo", "--without-gossip", "--without-mingle"]
    )
