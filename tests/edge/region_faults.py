"""Faults that befall one region each, all at the same time, while two others are well.

A fault is a generator: up to its first `yield` it is inflicted, each `yield` gives the seconds until it wants to go
on, and closing it heals.
"""

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import cycle
from typing import Final

from django.utils import timezone

from probes.models import Region
from tests.edge import clocks
from tests.edge.lab import Lab, running_lab
from tests.edge.report import Report
from tests.edge.watched import Watched, Window

Fault = Generator[float, None, None]
CLOCK_SECONDS: Final = 300
NEW_WORKER_AFTER_SECONDS: Final = 10.0
SLOW_RATE: Final = "64kbit"
LIVES_SECONDS: Final = (9.0, 4.0, 7.0, 5.0)
"""So long a worker lives before it is killed: at times into its first batches, at times before it has begun."""


def well(lab: Lab, window: Window) -> Fault:
    yield math.inf


def unplugged(lab: Lab, window: Window) -> Fault:
    host = lab.host("unplugged")
    host.unplug()
    try:
        yield math.inf
    finally:
        host.plug_in()


def half_open(lab: Lab, window: Window) -> Fault:
    host = lab.host("half-open")
    host.drop(lab.broker_address)
    try:
        yield math.inf
    finally:
        host.pass_all()


def forgotten(lab: Lab, window: Window) -> Fault:
    lost = lab.host("forgotten").forget_connections(lab.broker_address)
    window.remarks["connections lost"] = str(lost)
    yield math.inf


def clock_ahead(lab: Lab, window: Window) -> Fault:
    return _clock_off(lab, window, "clock-ahead", CLOCK_SECONDS)


def clock_behind(lab: Lab, window: Window) -> Fault:
    return _clock_off(lab, window, "clock-behind", -CLOCK_SECONDS)


def egress_lost(lab: Lab, window: Window) -> Fault:
    host = lab.host("egress-lost")
    host.drop_all_but(lab.broker_address)
    try:
        yield math.inf
    finally:
        host.pass_all()


def killed(lab: Lab, window: Window) -> Fault:
    with lab.registries[0].holding("killed", "a/"):  # so that it always dies with checks in hand
        for deaths, seconds in enumerate(cycle(LIVES_SECONDS), 1):
            lab.restart("edge-killed")
            window.remarks["kills"] = str(deaths)
            yield seconds


def slow_link(lab: Lab, window: Window) -> Fault:
    host = lab.host("slow-link")
    host.slow_down(SLOW_RATE)
    try:
        yield math.inf
    finally:
        host.speed_up()


FAULTS: Final[Mapping[str, Callable[[Lab, Window], Fault]]] = {
    "well-1": well,
    "well-2": well,
    "unplugged": unplugged,
    "half-open": half_open,
    "forgotten": forgotten,
    "clock-ahead": clock_ahead,
    "clock-behind": clock_behind,
    "egress-lost": egress_lost,
    "killed": killed,
    "slow-link": slow_link,
}


def reports(held_seconds: float, after_seconds: float) -> Sequence[Report]:
    """Inflict all of them for so long, watch for so long after, and report on each."""
    regions = [name for name in FAULTS if not (name.startswith("clock-") and clocks.missing())]
    with (
        running_lab(regions, [name for name in regions if name.startswith("clock-")]) as lab,
        Watched(lab) as watched,
    ):
        windows = {name: watched.open(name, [name]) for name in regions}
        faults = {name: FAULTS[name](lab, windows[name]) for name in regions}
        try:
            _hold(watched, faults, held_seconds)
        finally:
            for name, fault in faults.items():
                fault.close()
                windows[name].ended = timezone.now()
        watched.pass_time(after_seconds)
        watched.close(*windows.values())
        return watched.reports()


def _hold(watched: Watched, faults: Mapping[str, Fault], seconds: float) -> None:
    until = time.monotonic() + seconds
    turns = {name: time.monotonic() + next(fault) for name, fault in faults.items()}
    while (now := time.monotonic()) < until:
        for name, turn in turns.items():
            if now >= turn:
                turns[name] = now + next(faults[name])
        watched.pass_time(0.2)


def _clock_off(lab: Lab, window: Window, region: str, seconds: int) -> Fault:
    lab.clocks[region].set(seconds)
    try:
        yield NEW_WORKER_AFTER_SECONDS
        lab.restart(f"edge-{region}")  # which has never seen another time
        yield math.inf
    finally:
        offset = Region.objects.get(slug=region).clock_offset_seconds
        window.remarks["offset reported"] = f"{offset:+.2f} s"
        lab.clocks[region].set(0)
