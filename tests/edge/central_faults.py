"""Faults of what all regions need: the broker, the database, the control plane. One after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from django.utils import timezone

from tests.edge.lab import Lab, running_lab
from tests.edge.report import Report
from tests.edge.watched import Watched

REGIONS: Final = ("ap-south", "eu-west", "us-east")
CONTROL_PLANE: Final = ("beat", "control", "web")
Fault = Callable[[Lab], AbstractContextManager[None]]


@contextmanager
def broker_restarted(lab: Lab) -> Iterator[None]:
    lab.kill("redis")
    yield
    lab.start("redis")


@contextmanager
def broker_emptied(lab: Lab) -> Iterator[None]:
    lab.kill("redis")
    lab.forget_broker_data()
    yield
    lab.start("redis")


@contextmanager
def broker_moved(lab: Lab) -> Iterator[None]:
    lab.kill("redis")
    yield
    lab.move_broker()
    lab.start("redis")


@contextmanager
def postgres_down(lab: Lab) -> Iterator[None]:
    lab.kill("postgres")
    yield
    lab.start("postgres")


@contextmanager
def control_worker_down(lab: Lab) -> Iterator[None]:
    """Beat goes on: what it sends piles up."""
    lab.kill("control")
    yield
    lab.start("control")


@contextmanager
def control_plane_down(lab: Lab) -> Iterator[None]:
    for name in CONTROL_PLANE:
        lab.kill(name)
    yield
    for name in CONTROL_PLANE:
        lab.start(name)


BROKER: Final[Mapping[str, Fault]] = {
    "broker-restarted": broker_restarted,
    "broker-emptied": broker_emptied,
    "broker-moved": broker_moved,
}
CONTROL: Final[Mapping[str, Fault]] = {
    "postgres-down": postgres_down,
    "control-worker-down": control_worker_down,
    "control-plane-down": control_plane_down,
}


def reports(faults: Mapping[str, Fault], held_seconds: Mapping[str, float], after_seconds: float) -> Sequence[Report]:
    """Inflict one after the other, each for its time, watch for so long after each, and report on all."""
    with running_lab(REGIONS) as lab, Watched(lab) as watched:
        for name, fault in faults.items():
            window = watched.open(name)
            with fault(lab):
                watched.pass_time(held_seconds[name])
            window.ended = timezone.now()
            watched.pass_time(after_seconds)
            watched.close(window)
        return watched.reports()
