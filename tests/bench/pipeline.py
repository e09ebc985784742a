"""Checks per second through the whole of Kairos on one machine, every process counted.

    python -m tests.bench pipeline

Everything that `manage.py up` starts runs as it does there: PostgreSQL and Redis (durable), web, beat, the control
worker with its two processes, three regions' workers. A cheap registry over TLS runs beside them on the same cores.
A check is one HEAD with a remembered login; each region logs in again for each image as its token ends. First a load
a little above the bar is held for a minute; then the interval is shortened, step by step, while a step holds: while
99 of 100 slots have their outcome in the database within ten seconds.
"""

import os
import time
from collections.abc import Mapping
from typing import Final

import django
from django.utils import timezone

from tests.bench.census import Census
from tests.bench.figures import Figure, at_least
from tests.bench.load import add_images, due_between, reschedule
from tests.bench.registry import running_registry
from tests.bench.window import ON_TIME_SECONDS, ON_TIME_SHARE, Window
from tests.fakes.pipeline import REGIONS, Pipeline
from tests.fakes.up import state_directory

BAR_PER_SECOND: Final = 500
IMAGES: Final = 5100
INTERVAL_SECONDS: Final = 30
WARM_UP_SECONDS: Final = 40  # more than an interval: every login is made and every state is there
CATCH_UP_SECONDS: Final = 40  # at most, for what piled up meanwhile
WINDOW_SECONDS: Final = 60
STEPS_SECONDS: Final = (20, 15, 12)  # further intervals
SETTLE_SECONDS: Final = 8
STEP_SECONDS: Final = 20

_QUEUES: Final = ("control", "results", "heartbeats", *(f"probe.{region}" for region in REGIONS))


def measured() -> list[Figure]:
    """Run it. Takes about four minutes."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kairos.settings")
    django.setup()
    with running_registry() as registry, state_directory() as state, Pipeline(state) as pipeline:
        pids = {**pipeline.processes.pids, "registry": registry.pid}
        add_images(pipeline, registry, IMAGES, interval_seconds=INTERVAL_SECONDS)
        time.sleep(WARM_UP_SECONDS)
        catch_up(pipeline)
        window = watch(pipeline, pids, INTERVAL_SECONDS, WINDOW_SECONDS)
        highest = climb(pipeline, pids) or window.stored_per_second if window.holds else 0.0
        assert not pipeline.deaths, pipeline.deaths
    rate = f"checks per second, sustained over {WINDOW_SECONDS} s"
    on_time = f"of their slots, stored within {ON_TIME_SECONDS} s"
    return [
        at_least(rate, window.stored_per_second, BAR_PER_SECOND, ""),
        at_least(on_time, window.on_time_share * 100, ON_TIME_SHARE * 100, "%"),
        Figure("CPU per check, all processes", f"{window.cpu_us:,.0f} µs"),
        Figure(f"highest rate that held for {STEP_SECONDS} s", f"{highest:,.0f}"),
    ]


def catch_up(pipeline: Pipeline) -> None:
    """Wait until ingest is level with the regions: the first round gave it more to do than any later one."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    with pipeline.broker() as broker:
        while broker.llen("results") > len(REGIONS) and time.monotonic() < deadline:
            time.sleep(0.5)


def climb(pipeline: Pipeline, pids: Mapping[str, int]) -> float:
    """Shorten the interval while it holds; return the highest rate at which it did, 0 if at none."""
    highest = 0.0
    for interval_seconds in STEPS_SECONDS:
        reschedule(IMAGES, interval_seconds=interval_seconds)
        time.sleep(SETTLE_SECONDS)
        window = watch(pipeline, pids, interval_seconds, STEP_SECONDS)
        if not window.holds:
            break
        highest = window.stored_per_second
    return highest


def watch(pipeline: Pipeline, pids: Mapping[str, int], interval_seconds: int, seconds: int) -> Window:
    """Measure and print one window; returns once its last outcomes are due in the database."""
    begin, before = timezone.now(), Census.of(pids)
    until = time.monotonic() + seconds
    longest = dict.fromkeys(_QUEUES, 0)
    with pipeline.broker() as broker:
        while (left := until - time.monotonic()) > 0:
            longest = {name: max(length, int(broker.llen(name))) for name, length in longest.items()}
            time.sleep(min(left, 0.5))
    end, used = timezone.now(), Census.of(pids).since(before)
    time.sleep(ON_TIME_SECONDS + 1)
    window = Window.of(
        begin,
        end,
        due=len(REGIONS) * due_between(begin, end, IMAGES, interval_seconds=interval_seconds),
        longest_queues=longest,
        used=used,
    )
    print(window, flush=True)
    return window
