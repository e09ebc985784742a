"""The demonstration registry as one thing that can be started: hosts, content and handlers."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from kairos.demo import script
from kairos.demo.accounts import account
from kairos.demo.auth import TokenServer
from kairos.demo.certificates import Validity, authority
from kairos.demo.distribution import Distribution
from kairos.demo.http1 import Connection, Handler
from kairos.demo.repository import Repository, stored
from kairos.demo.script import ScriptedImage
from kairos.demo.sites import Site, Sites
from kairos.demo.storage import Storage
from kairos.demo.tokens import Signer


def _now() -> datetime:
    return datetime.now(UTC)


class DemoRegistry:
    """A running registry with its token server and blob hosts: `async with DemoRegistry(state_dir) as demo`.

    It serves from the loop that starts it. `port` 0 lets the system choose, for tests. `regions` play the
    script's parts in order, whatever they are called. Entering raises `OSError` when a port is taken, and
    `ValueError` when the kept authority cannot be used.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = 0,
        images: Sequence[ScriptedImage] = script.IMAGES,
        bench_images: int = 0,
        regions: Iterable[str] = script.REGIONS,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._clock = clock
        self._parts = dict(zip(regions, script.REGIONS, strict=False))
        self._authority = authority(state_dir)
        self._repositories = [Repository.of(scripted) for scripted in (*images, *script.bench_images(bench_images))]
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self.account = account(state_dir)
        self.sites = Sites.at(port)

    @property
    def ca_pem(self) -> str:
        return self._authority.pem

    @property
    def repositories(self) -> dict[str, Repository]:
        return {repository.scripted.repository: repository for repository in self._repositories}

    async def __aenter__(self) -> Self:
        self.sites, sockets = self.sites.listen()
        handlers = self._handlers()
        for site, listener in zip(self.sites, sockets, strict=True):
            self._servers.append(
                await asyncio.get_running_loop().create_server(
                    partial(Connection, handlers[site], self._connections),
                    sock=listener,
                    ssl=self._authority.server_context(site, self._validity(site)),
                    ssl_handshake_timeout=10,
                    ssl_shutdown_timeout=1,
                    backlog=1024,
                )
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def _validity(self, site: Site) -> Validity:
        # Certificates are judged by the client's clock, so ours does not come into it.
        return Validity.expired(_now()) if site == self.sites.old_blobs else Validity.current(_now())

    def _handlers(self) -> dict[Site, Handler]:
        sites = self.sites
        signer = Signer(sites.auth.host)
        storage = Storage(stored(self._repositories), self._clock)
        homes = {
            home: {
                repository.scripted.repository: repository
                for repository in self._repositories
                if repository.scripted.home == name
            }
            for name, home in (("registry", sites.registry), ("hub", sites.hub))
        }
        handlers: dict[Site, Handler] = {
            home: Distribution(
                site=home,
                sites=sites,
                repositories=repositories,
                storage=storage,
                signer=signer,
                parts=self._parts,
                clock=self._clock,
            )
            for home, repositories in homes.items()
        }
        handlers[sites.auth] = TokenServer(
            host=sites.auth.host,
            services={home.host: repositories for home, repositories in homes.items()},
            account=self.account,
            signer=signer,
            clock=self._clock,
        )
        handlers[sites.blobs] = handlers[sites.old_blobs] = storage
        return handlers
