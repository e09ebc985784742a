"""Names to addresses, through the system's resolver in threads of its own.

Nothing is cached here: DNS is part of what is checked. Lookups of one name at one time share one answer.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from probes.protocol.exchange import FaultKind
from probes.wire.faults import WireFault

THREADS: Final = 16  # a resolver that hangs holds a thread for as long as libc waits
_ABSENT: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class Resolver:
    """The system's resolver. Create and use it on one event loop; `close` it at the end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="kairos-dns")
        self._asked: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host` in the resolver's order.

        Raises `WireFault`: DNS_NXDOMAIN when the name has no address, DNS_TEMPORARY when nobody could tell.
        """
        lookup = self._asked.get(host)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
            self._asked[host] = lookup
            lookup.add_done_callback(lambda _: self._asked.pop(host, None))
        try:
            return await asyncio.shield(lookup)
        except socket.gaierror as error:
            kind = FaultKind.DNS_NXDOMAIN if error.errno in _ABSENT else FaultKind.DNS_TEMPORARY
            raise WireFault(kind, error.strerror or "") from error
        except UnicodeError as error:
            raise WireFault(FaultKind.DNS_NXDOMAIN, "no DNS name looks like that") from error

    def close(self) -> None:
        """Give up what waits; a lookup that hangs in libc ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
