"""Uptime as it is shown."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from probes.policy.intervals import Interval
from probes.policy.uptime import Figure, Tally


def of_range(name: str, over: Interval, target_percent: Decimal | None) -> dict[str, Any]:
    return {"range": name, "since": over.start, "until": over.end, "target_percent": target_percent}


def figure(seconds: Tally) -> dict[str, Any]:
    return {"availability": seconds.availability, "seconds": asdict(seconds)}


def budgeted(seconds: Tally, target_percent: Decimal | None) -> dict[str, Any]:
    held = Figure(seconds=seconds, target_percent=target_percent).budget
    return {**figure(seconds), "budget": held and asdict(held)}
