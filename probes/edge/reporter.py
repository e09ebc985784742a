"""From a batch to its report: its checks, and what the canaries say of the way out."""

from collections.abc import Callable
from datetime import datetime

from probes.edge.canaries import Canaries
from probes.edge.intake import Taken
from probes.edge.keyring import Keyring
from probes.edge.runner import Runner
from probes.protocol.batch import Report
from probes.trust.keys import RegionKeys


class Reporter:
    """Has batches run and makes their reports, any number at a time, as `worker`. For the event loop alone."""

    def __init__(
        self, runner: Runner, canaries: Canaries, *, keys: RegionKeys, worker: str, now: Callable[[], datetime]
    ) -> None:
        self._runner = runner
        self._canaries = canaries
        self._keys = keys
        self._worker = worker
        self._now = now
        self._asking: set[str] = set()  # batches whose checks have ended, and whose reports may wait for canaries

    async def report(self, taken: Taken) -> Report:
        """Run a batch; return its report once it is known what that has to say of the way out."""
        batch = taken.batch
        made = await self._runner.run(taken, Keyring(batch.secrets, self._keys.box_keys))
        self._asking.add(batch.id)
        try:
            egress = await self._canaries.egress_after(made.findings, since=taken.came)
        finally:
            self._asking.discard(batch.id)
        return Report(
            batch=batch.id,
            region=self._keys.region,
            finished_at=self._now(),
            findings=made.findings,
            returned=made.returned,
            egress=egress,
            worker=self._worker,
            version=batch.version,
        )

    async def is_held_up(self, batch_id: str) -> bool:
        """Tell whether a batch only waits for others than us: for canaries, or for slow registries."""
        return batch_id in self._asking or await self._runner.is_held_up(batch_id)
