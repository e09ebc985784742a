"""What the worker needs of the engine that makes the checks; `probes.wire.driver` has the real one."""

from typing import Protocol

from probes.protocol.check import CheckPlan
from probes.protocol.egress import Reached
from probes.protocol.outcome import Outcome
from probes.protocol.plan import ANONYMOUS, Secret


class Engine(Protocol):
    """Makes one check at a time, any number at once, all on one event loop; and asks canaries the same way."""

    async def check(self, plan: CheckPlan, secret: Secret = ANONYMOUS) -> Outcome: ...

    async def reach(self, url: str, seconds: float, ca_pem: str = "") -> Reached: ...

    async def aclose(self) -> None: ...
