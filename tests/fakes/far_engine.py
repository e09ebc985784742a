"""The engine of a region, as its worker has it, on the batches that a test's control plane draws up."""

from datetime import datetime
from time import monotonic

from probes.edge.intake import Taken
from probes.edge.keyring import Keyring
from probes.edge.runner import Runner
from probes.protocol.batch import Batch, Finding
from probes.wire.driver import Engine
from tests.fakes.far_region import FarRegion


async def findings_of(region: FarRegion, batch: Batch, *, now: datetime) -> tuple[Finding, ...]:
    """Return what the checks of a batch find, of whom they really ask."""
    async with Engine(user_agent="kairos-test") as engine:
        taken = Taken(batch=batch, came=monotonic(), expires=monotonic() + 30)
        runner = Runner(engine, in_flight=1, per_host=1, now=lambda: now)
        made = await runner.run(taken, Keyring(batch.secrets, region.keys.box_keys))
        return made.findings
