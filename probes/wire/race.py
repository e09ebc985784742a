"""Connecting to one of several addresses: each in turn, with a head start over the next (rows N6, N7)."""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Iterable
from ipaddress import IPv4Address
from itertools import zip_longest
from typing import Final

from probes.protocol.addresses import Address
from probes.protocol.exchange import FaultKind
from probes.wire.faults import WireFault

_OUT_OF_MEANS: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TELLING: Final = (  # of several addresses' faults, the first kind here is reported
    FaultKind.INTERNAL,
    FaultKind.CONNECT_REFUSED,
    FaultKind.CONNECT_TIMEOUT,
    FaultKind.CONNECT_UNREACHABLE,
)


def taking_turns(addresses: Iterable[Address]) -> list[Address]:
    """Order addresses so that the families alternate, beginning with the resolver's favourite."""
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address.version, []).append(address)
    return [address for turn in zip_longest(*families.values()) for address in turn if address is not None]


async def first_connected(
    addresses: Iterable[Address], port: int, stagger_seconds: float
) -> tuple[socket.socket, Address]:
    """Connect to the addresses in order, each with a head start over the next; return the first to answer.

    Raises the most telling of their `WireFault`s when none does.
    """
    waiting = deque(addresses)
    attempts: dict[asyncio.Task[socket.socket], Address] = {}
    pending: set[asyncio.Task[socket.socket]] = set()
    faults: list[WireFault] = []
    try:
        while waiting or pending:
            if waiting:
                address = waiting.popleft()
                attempt = asyncio.create_task(_attempt(address, port))
                attempts[attempt] = address
                pending.add(attempt)
            done, pending = await asyncio.wait(
                pending, timeout=stagger_seconds if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                address = attempts.pop(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result(), address
                if not isinstance(error, OSError):
                    raise error
                faults.append(_connect_fault(error, address))
    finally:
        for attempt in attempts:
            _call_off(attempt)
    raise min(faults, key=lambda fault: _TELLING.index(fault.kind))


def _call_off(attempt: asyncio.Task[socket.socket]) -> None:
    """Let go of an attempt that lost: it closes its socket when cancelled, and one that it has is closed here."""
    if not attempt.cancel() and not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _attempt(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    attempt = socket.socket(family, socket.SOCK_STREAM)
    try:
        attempt.setblocking(False)
        await asyncio.get_running_loop().sock_connect(attempt, (str(address), port))
    except BaseException:
        attempt.close()
        raise
    return attempt


def _connect_fault(error: OSError, address: Address) -> WireFault:
    kind = FaultKind.CONNECT_UNREACHABLE
    if isinstance(error, ConnectionRefusedError):
        kind = FaultKind.CONNECT_REFUSED
    elif isinstance(error, TimeoutError):
        kind = FaultKind.CONNECT_TIMEOUT
    elif error.errno in _OUT_OF_MEANS:
        kind = FaultKind.INTERNAL
    return WireFault(kind, f"{address}: {os.strerror(error.errno) if error.errno else error}")
