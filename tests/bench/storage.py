"""Bytes per stored outcome, indexes included, with outcomes that the engine found at the demonstration registry.

    python -m tests.bench storage

Healthy outcomes that tell nothing new are one narrow row; one that failed keeps its whole document. Each kind fills a
day's partition of its own, after a first round that is not counted: the first outcome always keeps its document.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from kairos.demo.registry import DemoRegistry
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan, Site
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.bench.database import own_database
from tests.bench.figures import Figure

HEALTHY_ROUNDS: Final = 40
FAILING_ROUNDS: Final = 10
DESIGN_ROWS_A_DAY: Final = 100_000 * 10 * 24 * 12
"""100,000 images from 10 regions every 5 minutes."""


def measured() -> list[Figure]:
    """Run it. Takes about half a minute."""
    healthy, failing = asyncio.run(found())
    with own_database():
        from tests.bench.history import History  # noqa: PLC0415 - imports models

        history = History()
        history.write(0, healthy, rounds=1)
        repeated = history.write(1, healthy, rounds=HEALTHY_ROUNDS)
        failed = history.write(2, failing, rounds=FAILING_ROUNDS)
    print(f"healthy as before: {repeated}")
    print(f"{failing.conclusion.reason} with its {len(failing.steps)} steps: {failed}")
    a_day = repeated.bytes_per_row * DESIGN_ROWS_A_DAY / 1e9
    return [
        Figure("bytes per stored outcome, healthy as before", f"{repeated.bytes_per_row:.0f}"),
        Figure("bytes per stored outcome, failing with its document", f"{failed.bytes_per_row:,.0f}"),
        Figure("a day of 100,000 images from 10 regions every 5 minutes, all healthy", f"{a_day:.0f} GB"),
    ]


async def found() -> tuple[Outcome, Outcome]:
    """Return what the engine finds of a healthy image, whose login it remembers, and of one with a lost layer."""
    with tempfile.TemporaryDirectory() as directory:
        async with DemoRegistry(Path(directory), bench_images=1) as demo, Engine(user_agent="kairos/bench") as engine:
            host = demo.sites.registry.authority
            resolve = tuple((name, tuple(addresses)) for name, addresses in demo.sites.resolve.items())
            site = Site(ca_pem=demo.ca_pem, allow_cidrs=("127.0.0.0/8",), resolve=resolve)
            resolving = Plan(reference=f"{host}/bench/image-0001:1", depth=Depth.RESOLVE, site=site)
            await engine.check(resolving)
            healthy = await engine.check(resolving)
            failing = await engine.check(Plan(reference=f"{host}/media/thumbnails:1.3", site=site))
    assert (healthy.conclusion.reason, healthy.requests) == (Reason.OK, 1), healthy
    assert failing.conclusion.reason is Reason.LAYER_MISSING, failing
    return healthy, failing
