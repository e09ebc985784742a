"""Names to addresses, through the system's resolver in threads of its own.

Nothing is cached here: DNS is part of what is checked. Lookups of one name at one time share one answer.

A lookup whose name servers are dead holds its thread for as long as libc waits, half a minute or more, and nothing
can call it back. So threads are shared out like seats (S22): one domain, and one registry with all the names it
sends us to, has `SEATS_OF_ONE` of them. Domains that answered promptly the last time have seats of their own, for
which those that hang, or that nobody knows yet, cannot queue. A lookup whose askers have all given up while it
waited is dropped.
"""

import asyncio
import socket
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from weakref import WeakValueDictionary

from probes.protocol.domains import registrable_domain
from probes.protocol.exchange import FaultKind
from probes.wire.faults import WireFault

PROMPT_SEATS: Final = 32
OTHER_SEATS: Final = 96
SEATS_OF_ONE: Final = 8
PATIENCE_SECONDS: Final = 1.0  # a domain that takes longer is prompt no more
_REMEMBERED: Final = 10_000  # prompt domains
_ABSENT: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

Addresses = tuple[str, ...]


class Resolver:
    """The system's resolver. Create and use it on one event loop; `aclose` it at the end."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._threads = ThreadPoolExecutor(PROMPT_SEATS + OTHER_SEATS, thread_name_prefix="kairos-dns")
        self._asked: dict[str, _Lookup] = {}
        self._tasks: set[asyncio.Task[Addresses]] = set()  # also those that are cancelled, until they are done
        self._prompt: OrderedDict[str, None] = OrderedDict()
        self._prompt_seats = asyncio.Semaphore(PROMPT_SEATS)
        self._other_seats = asyncio.Semaphore(OTHER_SEATS)
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def addresses(self, host: str, *, asked_for: str = "") -> Addresses:
        """Return the addresses of `host` in the resolver's order. `asked_for` is the registry that needs them.

        Raises `WireFault`: DNS_NXDOMAIN when the name has no address, DNS_TEMPORARY when nobody could tell.
        """
        lookup = self._asked.get(host)
        if lookup is None:
            lookup = self._asked[host] = _Lookup(host)
            lookup.task = asyncio.create_task(self._seated(lookup, asked_for))
            self._tasks.add(lookup.task)
            lookup.task.add_done_callback(lambda task: self._ended(lookup, task))
        lookup.askers += 1
        try:
            return await asyncio.shield(lookup.task)
        except socket.gaierror as error:
            kind = FaultKind.DNS_NXDOMAIN if error.errno in _ABSENT else FaultKind.DNS_TEMPORARY
            raise WireFault(kind, error.strerror or "") from error
        except UnicodeError as error:
            raise WireFault(FaultKind.DNS_NXDOMAIN, "no DNS name looks like that") from error
        finally:
            lookup.askers -= 1
            if not (lookup.askers or lookup.has_thread or lookup.task.done()):
                self._forget(lookup)  # at once: nobody must join what is being cancelled
                lookup.task.cancel()

    async def aclose(self) -> None:
        """Give up what waits, and return when no task is left. A lookup that hangs in libc ends by itself."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _seated(self, lookup: "_Lookup", asked_for: str) -> Addresses:
        domain = registrable_domain(lookup.host) or lookup.host
        # In this order everywhere, so that no two wait for each other; the seats that all share come last, so that
        # nobody waits on one of them.
        async with self._share(f"registry {asked_for or lookup.host}"), self._share(f"domain {domain}"):
            return await self._looked_up(lookup, domain)

    async def _looked_up(self, lookup: "_Lookup", domain: str) -> Addresses:
        """Look the name up on one of the seats for domains of its kind. The seat is held until the thread is free."""
        seats = self._prompt_seats if domain in self._prompt else self._other_seats
        await seats.acquire()
        try:
            lookup.has_thread = True
            running = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, lookup.host)
            done, _ = await asyncio.wait({running}, timeout=self._patience_seconds)
            self._note(domain, is_prompt=bool(done))
            if not done and seats is self._prompt_seats and not self._other_seats.locked():
                await self._other_seats.acquire()  # without waiting: it moves over
                seats.release()
                seats = self._other_seats
            return await running
        finally:
            seats.release()

    def _share(self, owner: str) -> asyncio.Semaphore:
        share = self._shares.get(owner)
        if share is None:
            share = self._shares[owner] = asyncio.Semaphore(SEATS_OF_ONE)
        return share

    def _note(self, domain: str, *, is_prompt: bool) -> None:
        self._prompt.pop(domain, None)
        if is_prompt:
            self._prompt[domain] = None
            if len(self._prompt) > _REMEMBERED:
                self._prompt.popitem(last=False)

    def _forget(self, lookup: "_Lookup") -> None:
        if self._asked.get(lookup.host) is lookup:
            del self._asked[lookup.host]

    def _ended(self, lookup: "_Lookup", task: asyncio.Task[Addresses]) -> None:
        self._forget(lookup)
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # somebody has to look, and all who asked may have given up


class _Lookup:
    """One name being looked up, for however many askers."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.task: asyncio.Task[Addresses]
        self.askers = 0
        self.has_thread = False  # from then on nothing can call it back


def _look_up(host: str) -> Addresses:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
