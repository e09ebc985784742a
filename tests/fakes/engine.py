"""An engine that checks nothing and behaves as the reference asks it to."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from probes.protocol.check import CheckPlan
from probes.protocol.egress import Canary, Reached
from probes.protocol.exchange import FaultKind
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.plan import ANONYMOUS, Secret
from probes.protocol.taxonomy import Depth, Reason

HANGS: Final = "hangs"
RAISES: Final = "raises"
FOULS: Final = "fouls"  # a text in its outcome holds what no receiver takes
TALKS: Final = "talks"  # its outcome has far too much to say


class FakeEngine:
    """Finds every image available, unless the repository's last word says otherwise; `sleeps-250` takes 250 ms.

    Canaries answer, but for those whose URL holds `nowhere`.

    Remembers what it was asked: `asked` references, `secrets` by reference, `most_at_once` by registry host.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.secrets: dict[str, Secret] = {}
        self.most_at_once: Counter[str] = Counter()
        self.closed = False
        self._at_once: Counter[str] = Counter()

    async def check(self, plan: CheckPlan, secret: Secret = ANONYMOUS) -> Outcome:
        host = plan.reference.partition("/")[0]
        self.asked.append(plan.reference)
        self.secrets[plan.reference] = secret
        for name in (host, ""):
            self._at_once[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self._at_once[name])
        try:
            return await self._outcome(plan, secret)
        finally:
            for name in (host, ""):
                self._at_once[name] -= 1

    async def reach(self, url: str, seconds: float, ca_pem: str = "") -> Reached:
        is_there = "nowhere" not in url
        canary = Canary(
            url=url,
            http_status=204 if is_there else None,
            error=None if is_there else FaultKind.CONNECT_UNREACHABLE.value,
            total_ms=1.0,
        )
        body = b"fl=1\nip=192.0.2.7\n" if is_there else b""
        return Reached(canary=canary, body=body, local_address="127.0.0.1" if is_there else None)

    async def aclose(self) -> None:
        self.closed = True

    async def _outcome(self, plan: CheckPlan, secret: Secret) -> Outcome:
        word = plan.reference.rpartition("/")[2]
        detail = f"as {secret.username}" if not secret.is_anonymous else ""
        match word.partition("-"):
            case ("sleeps", _, duration_ms):
                await asyncio.sleep(int(duration_ms) / 1000)
            case (str(name), _, _) if name == HANGS:
                await asyncio.Event().wait()
            case (str(name), _, _) if name == RAISES:
                raise RuntimeError("the engine is broken")
            case (str(name), _, _) if name == FOULS:
                detail = "a NUL\0 and half a pair \ud800"
            case (str(name), _, _) if name == TALKS:
                detail = "bla " * 1_000_000
        return Outcome(
            reference=plan.reference,
            conclusion=Conclusion(reason=Reason.OK, canonical=plan.reference, depth=Depth.MANIFEST, detail=detail),
            started_at=datetime.now(UTC),
            duration_ms=1.0,
            requests=1,
            bytes_read=1,
            connection="new",
            kind=plan.kind,
        )
