"""Delivering to several channels at once, each at its own pace: a slow one holds up no other."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from probes.notify import alertmanager, webhook
from probes.notify.post import LIMITS, USER_AGENT
from probes.policy.delivery import ChannelKind, Destination, Parcel, Receipt, Result
from probes.wire.transport import GuardedTransport

CHILD_SECONDS: Final = 15.0
"""So long mail or Apprise may take for one notice; then their program is killed."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_LONGEST_LINE: Final = 64 * 1024
_PASSED_ON: Final = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
"""Of the environment. Keys and database logins are none of Apprise's business."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a parcel; or of telling an Alertmanager again of all that stands."""

    destination: Destination
    receipt: Receipt
    is_refresh: bool = False


class Courier:
    """Takes rounds at any time and tells one by one what came of their parcels. Belongs to one event loop."""

    def __init__(self) -> None:
        self._transport = GuardedTransport(LIMITS, USER_AGENT)
        self._told: asyncio.Queue[Told] = asyncio.Queue()
        self._under_way: dict[int, asyncio.Task[None]] = {}

    @property
    def busy(self) -> frozenset[int]:
        """The channels that something is on its way to."""
        return frozenset(self._under_way)

    @property
    def is_idle(self) -> bool:
        return not self._under_way and self._told.empty()

    async def take(self, destination: Destination, parcels: Sequence[Parcel], *, seconds: float) -> None:
        """Begin to deliver, in this order. What was not tried after so many seconds is told as untried."""
        self._begin(destination, self._serve(destination, parcels, seconds))

    async def refresh(self, destination: Destination, parcels: Sequence[Parcel]) -> None:
        """Begin to tell Alertmanager again of all that stands."""
        self._begin(destination, self._refresh(destination, parcels))

    async def next(self, *, seconds: float) -> Told | None:
        """Return what came of one more parcel, or None where nothing did within so many seconds."""
        try:
            return await asyncio.wait_for(self._told.get(), seconds)
        except TimeoutError:
            return None

    async def aclose(self) -> None:
        """Break off what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.aclose()

    def _begin(self, destination: Destination, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way[destination.id] = task
        task.add_done_callback(lambda _: self._under_way.pop(destination.id, None))

    async def _refresh(self, destination: Destination, parcels: Sequence[Parcel]) -> None:
        receipt = await alertmanager.send(self._transport, destination, parcels, now=datetime.now(UTC))
        self._told.put_nowait(Told(destination, receipt, is_refresh=True))

    async def _serve(self, destination: Destination, parcels: Sequence[Parcel], seconds: float) -> None:
        """Deliver until one finds the channel unreachable, or the time is up."""
        left = [parcel.id for parcel in parcels]
        try:
            async with asyncio.timeout(seconds), aclosing(self._receipts(destination, parcels)) as receipts:
                async for receipt in receipts:
                    left.remove(receipt.id)
                    self._told.put_nowait(Told(destination, receipt))
                    if receipt.result is Result.UNREACHABLE:
                        break
        except Exception as error:  # noqa: BLE001 - or it would be sent again and again, and nothing said of it
            is_late = isinstance(error, TimeoutError)
            detail = f"not done within {seconds:.0f} seconds" if is_late else f"it failed: {type(error).__name__}"
            if left:
                failed = Receipt(id=left.pop(0), result=Result.UNREACHABLE, detail=detail)
                self._told.put_nowait(Told(destination, failed))
        for pk in left:
            self._told.put_nowait(Told(destination, Receipt(id=pk, result=Result.UNTRIED)))

    async def _receipts(self, destination: Destination, parcels: Sequence[Parcel]) -> AsyncGenerator[Receipt, None]:
        if destination.kind in (ChannelKind.EMAIL, ChannelKind.APPRISE):
            async with aclosing(_by_child(destination, parcels)) as receipts:
                async for receipt in receipts:
                    yield receipt
            return
        for parcel in parcels:
            now = datetime.now(UTC)
            if destination.kind is ChannelKind.WEBHOOK:
                yield await webhook.send(self._transport, destination, parcel, now=now)
            else:
                yield await alertmanager.send(self._transport, destination, [parcel], now=now)


async def _by_child(destination: Destination, parcels: Sequence[Parcel]) -> AsyncGenerator[Receipt, None]:
    """Yield what the program for mail and Apprise tells of each parcel; kill it when it takes too long."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "probes.notify.child",
        cwd=_ROOT,
        env={name: value for name, value in os.environ.items() if name in _PASSED_ON},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # what a library says in its own words may hold the URL
        limit=_LONGEST_LINE,
    )
    assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - they are pipes, see above
    try:
        order = {"destination": destination.to_json(), "parcels": [parcel.to_json() for parcel in parcels]}
        child.stdin.write(json.dumps(order).encode() + b"\n")
        child.stdin.close()
        for parcel in parcels:
            receipt = await _told_of(child.stdout, parcel.id)
            yield receipt
            if receipt.result is Result.UNREACHABLE:
                return
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _told_of(lines: asyncio.StreamReader, parcel_id: int) -> Receipt:
    try:
        line = await asyncio.wait_for(lines.readline(), CHILD_SECONDS)
    except TimeoutError:
        detail = f"no answer within {CHILD_SECONDS:.0f} seconds"
        return Receipt(id=parcel_id, result=Result.UNREACHABLE, detail=detail)
    if not line:
        return Receipt(id=parcel_id, result=Result.UNREACHABLE, detail="the program that sends it has failed")
    told = json.loads(line)
    return Receipt(id=told["id"], result=Result(told["result"]), detail=told["detail"])
