"""One token exchange for all who need the same token at the same moment.

Source: behaviour row T32. Nothing is kept after an exchange has ended: those who waited have its answer, good or bad,
and who comes later finds the token in memory or asks for one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, NamedTuple

from probes.protocol.exchange import Ask, Event, Fault, FaultKind
from probes.wire.exchange import ExchangeRecord
from probes.wire.memory import LoginKey

# How it ended for the one who asked, which is no answer to the others.
_PERSONAL: Final = frozenset({FaultKind.TIMEOUT_TOTAL, FaultKind.ABORTED, FaultKind.INTERNAL})


class Landed(NamedTuple):
    """What came of an exchange."""

    event: Event
    record: ExchangeRecord

    def by_another(self, ask: Ask, *, waited_ms: float) -> "Landed":
        """Return it as the answer to `ask`, which waited for it and was never sent."""
        return Landed(replace(self.event, ask_id=ask.id), self.record.shared(waited_ms))


class FlightKey(NamedTuple):
    """Two asks are for the same token when whoever answers cannot tell them apart, and neither can we."""

    login: LoginKey
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fresh_connection: bool

    @classmethod
    def of(cls, login: LoginKey, ask: Ask) -> "FlightKey":
        return cls(login, ask.method, ask.url, ask.headers, ask.body, ask.fresh_connection)


class TokenFlights:
    """Token exchanges under way, at most one for each check that is."""

    def __init__(self) -> None:
        self._under_way: dict[FlightKey, asyncio.Future[Landed | None]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    async def board(self, key: FlightKey, deadline: float) -> Landed | None:
        """Return what came of the exchange that is under way, if one is and it has an answer by `deadline`.

        None: there is none (any more), so make your own. A leader that was cancelled or ran out of its own time says
        nothing about the token service; the first who hears of it leads the next exchange, which the others wait for.
        """
        loop = asyncio.get_running_loop()
        while (flight := self._under_way.get(key)) is not None and loop.time() < deadline:
            await asyncio.wait((flight,), timeout=deadline - loop.time())
            if flight.done() and (landed := flight.result()) is not None:
                return landed
        return None

    async def lead(self, key: FlightKey, exchange: Callable[[], Awaitable[Landed]]) -> Landed:
        """Make the exchange, and let those who board meanwhile have what comes of it."""
        if key in self._under_way:  # it was waited for in vain, until the deadline
            return await exchange()
        flight = self._under_way[key] = asyncio.get_running_loop().create_future()
        answer: Landed | None = None
        try:
            landed = await exchange()
            if not (isinstance(landed.event, Fault) and landed.event.kind in _PERSONAL):
                answer = landed
            return landed
        finally:
            del self._under_way[key]
            flight.set_result(answer)
