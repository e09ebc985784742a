"""A Celery app with the control plane's way of consuming: late acknowledgement, a pool of processes, two queues.

What its tasks and its guard see goes into Redis lists, for the test to read.
"""

import os
import signal
import time
from contextlib import suppress

import redis
from celery import Celery
from celery.exceptions import Reject

from probes.broker.address import BrokerAddress
from probes.broker.queues import RESULTS, plain_queue, queue_of_regions
from probes.broker.transports import guard_queues
from probes.trust.refusal import RefusalCause

ADDRESS = BrokerAddress(os.environ["BROKER_URL"])
# What is noted goes into Redis, also where the broker is another.
NOTES_URL = os.environ.get("NOTES_URL", ADDRESS.url)

app = Celery("control", broker=os.environ["BROKER_URL"], fixups=[])
app.conf.update(
    task_queues=(plain_queue("control"), queue_of_regions(RESULTS, ADDRESS)),
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,  # its link would notice that the broker is away
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 60, "priority_steps": [0], "socket_timeout": 10}
    if ADDRESS.is_redis
    else {},
)


def note(place: str, text: str) -> None:
    with redis.Redis.from_url(NOTES_URL) as client:
        client.rpush(place, text)


def count(queue: str, cause: RefusalCause, detail: str) -> None:
    note("seen.refused", f"{queue} {cause}")


guard_queues(app, {"results": {"probes.ingest"}}, on_refused=count)


@app.task(name="probes.ingest")
def ingest(envelope: dict[str, str]) -> None:
    """Take the message in; a name with a bang makes trouble first, once."""
    name = envelope["name"]
    with redis.Redis.from_url(NOTES_URL) as client:
        is_first = client.incr(f"tries.{name}") == 1
    if is_first and name == "rejected!":
        raise Reject("not now", requeue=True)
    if is_first and name == "killed!":
        os.kill(os.getpid(), signal.SIGKILL)
    if is_first and name == "outlives the broker!":
        wait_until_the_broker_is_away()
        return
    note("seen.ingested", name)


def wait_until_the_broker_is_away() -> None:
    with redis.Redis.from_url(NOTES_URL, retry=None) as client, suppress(redis.ConnectionError):
        while client.ping():
            time.sleep(0.05)


@app.task(name="probes.partitions")
def partitions() -> None:
    note("seen.partitions", "dropped")
