"""What beat orders, how often, and who takes it: as the table of `probes.tasks` says, which names every task."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from celery.schedules import crontab

from kairos.celery import app
from kairos.environment import Bind
from kairos.up import programs
from probes import tasks

ROOT: Final = Path(__file__).parents[3]
ROW: Final = re.compile(r"^\| `(probes\.\w+)` *\| `(\w+)` *\| (.+?) *\| .+\|$", re.MULTILINE)
TABLE: Final = {name: (queue, when) for name, queue, when in ROW.findall(tasks.__doc__ or "")}
UNITS: Final = {"second": 1, "minute": 60}
QUEUES: Final = re.compile(r"--queues[= ]([a-z,]+)")


def every(when: str) -> float | str | None:
    """Return how many seconds `when` is, "hourly", or None where it waits for a region."""
    if when == "each hour":
        return "hourly"
    found = re.fullmatch(r"each (?:(\d+) )?(second|minute)s?", when)
    return float(found[1] or 1) * UNITS[found[2]] if found else None


def ordered() -> dict[str, float | str]:
    """Return how often beat orders each task, in the terms of `every`. Two entries of one task are a mistake."""
    found: dict[str, float | str] = {}
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] not in found
        found[entry["task"]] = rate_of(entry["schedule"])
    return found


def rate_of(schedule: Any) -> float | str:
    if isinstance(schedule, float):
        return schedule
    assert len(schedule.minute) == 1
    assert schedule == crontab(minute=schedule.minute)
    return "hourly"


def registered() -> Mapping[str, Any]:
    """Return the control plane's tasks, by name: not Celery's own, nor those of a region's worker."""
    found = {name: task for name, task in app.tasks.items() if task.run.__module__.startswith("probes.tasks.")}
    assert found
    return found


def worker_commands() -> dict[str, str]:
    """Return by what each way of running Kairos starts its control worker."""
    place = programs.Place(
        project=ROOT, state=ROOT, bind=Bind("127.0.0.1", 1), regions=(), database_url="", broker_url=""
    )
    (worker,) = (child for child in programs.control_plane(place) if child.name == "control")
    files = ("docker-compose.yml", "deploy/systemd/kairos-worker.service", "deploy/helm/kairos/templates/worker.yaml")
    return {"up": " ".join(worker.argv), **{name: (ROOT / name).read_text() for name in files}}


def test_beat_orders_every_task_that_nobody_else_does() -> None:
    """What takes an argument, a region sends. The rest does its work because beat says so, or never."""
    by_itself = {name for name, task in registered().items() if not inspect.signature(task.run).parameters}
    assert set(ordered()) == by_itself


def test_beat_orders_as_often_as_the_table_says() -> None:
    assert ordered() == {name: rate for name, (_, when) in TABLE.items() if (rate := every(when))}


def test_each_order_goes_to_the_queue_that_the_table_names() -> None:
    for entry in app.conf.beat_schedule.values():
        taken = app.amqp.router.route(dict(entry["options"]), entry["task"])["queue"].name
        assert taken == TABLE[entry["task"]][0]


def test_table_names_every_task_and_the_queue_that_it_takes() -> None:
    assert {name: queue for name, (queue, _) in TABLE.items()} == {
        name: app.amqp.router.route({}, name)["queue"].name for name in registered()
    }


@pytest.mark.parametrize("kind", worker_commands())
def test_worker_takes_from_every_queue_that_tasks_take(kind: str) -> None:
    queues = QUEUES.search(worker_commands()[kind])
    assert queues
    assert set(queues[1].split(",")) == {queue for queue, _ in TABLE.values()}
