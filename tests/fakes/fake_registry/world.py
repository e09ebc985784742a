"""A registry, its token service, a CDN and a stranger, each a host of its own, and the names that lead to them."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import trustme

from probes.protocol.plan import Plan, Site
from tests.fakes.fake_registry.accounts import Accounts
from tests.fakes.fake_registry.certificates import Certificate
from tests.fakes.fake_registry.host import Host
from tests.fakes.fake_registry.tape import Lines, Tape
from tests.fakes.fake_registry.trades import TOKEN_PATH, BlobStorage, Registry, TokenService, challenge
from tests.fakes.store import Store

ADDRESSES: Final = {
    "registry": ("registry.example", "127.0.0.21"),
    "auth": ("auth.registry.example", "127.0.0.22"),  # of the registry's own domain
    "cdn": ("blobs.cdn.example", "127.0.0.23"),
    "stranger": ("stranger.example", "127.0.0.24"),
}


class World:
    """What one test talks to. Everything that its hosts hear is on one tape.

    `registry`, `auth`, `cdn` and `stranger` are hosts; `api`, `tokens` and `storage` what the first three do there;
    `store` and `accounts` what they have in common. Use it as `async with World(authority).running()`; what should
    be known before it starts (plain HTTP, a greeting) is said between the two.
    """

    def __init__(self, authority: trustme.CA) -> None:
        self.tape = Tape()
        self.store = Store()
        self.accounts = Accounts(self.now)
        self.registry, self.auth, self.cdn, self.stranger = self.hosts = tuple(
            Host(role, name, address, self.tape) for role, (name, address) in ADDRESSES.items()
        )
        self.tokens = TokenService(self.accounts, self.tape.trouble)
        self.api = Registry(self.store, self.accounts, self.tokens)
        self.storage = BlobStorage(self.store, self.now)
        self.registry.trade, self.auth.trade, self.cdn.trade = self.api, self.tokens, self.storage
        self.registry.takes_logins = self.auth.takes_logins = True
        self._authority = authority
        self._passed_seconds = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """Run the hosts. At the end, whatever a host heard that the test did not expect is an AssertionError."""
        async with AsyncExitStack() as stack:
            for host in self.hosts:
                await stack.enter_async_context(host.running(self._authority))
            yield self
            await self.tape.settle()
        self.tape.finish()
        unplayed = [line for host in self.hosts for line in host.unplayed]
        assert not unplayed, f"never asked: {unplayed}"

    # Time

    def now(self) -> float:
        """The clock of tokens and signatures."""
        return time.monotonic() + self._passed_seconds

    def pass_time(self, seconds: float) -> None:
        self._passed_seconds += seconds

    # Manners of the registry

    def wants_token(self, realm: str | None = None, *, service: str = "the registry", scope: str = "") -> None:
        """Ask for a bearer token, of the token service unless another `realm` is given."""
        realm = f"{self.auth.origin}{TOKEN_PATH}" if realm is None else realm
        self.api.challenges = [challenge(realm, service, scope)]

    def wants_password(self) -> None:
        self.api.challenges = ['Basic realm="Registry of the house"']

    def moves_blobs(self, *names: str) -> None:
        """Keep blobs, or those of these names, at the CDN."""
        self.api.storage = lambda digest, method: self.storage.sign(self.cdn.origin, digest, method)
        self.api.moved_names = frozenset(names) or None

    # What a check needs to know

    def site(self, **changes: Any) -> Site:
        """Return the site that reaches every host; `changes` are fields of `Site`."""
        site = Site(
            ca_pem=self._authority.cert_pem.bytes().decode(),
            allow_cidrs=tuple(f"{host.address}/32" for host in self.hosts),
            resolve=tuple((host.name, (host.address,)) for host in self.hosts),
            plain_http=self.registry.certificate is Certificate.NONE,
        )
        return replace(site, **changes)

    def site_without(self, *hosts: Host, **changes: Any) -> Site:
        """Return a site that does not admit the addresses of `hosts`."""
        return self.site(
            allow_cidrs=tuple(f"{host.address}/32" for host in self.hosts if host not in hosts), **changes
        )

    def plan(self, reference: str = "team/app:1", *, site: Site | None = None, **fields: Any) -> Plan:
        """Return a plan for REPOSITORY:TAG at the registry; `fields` are those of `Plan`."""
        return Plan(reference=f"{self.registry.netloc}/{reference}", site=site or self.site(), **fields)

    # What was heard

    @property
    def open_connections(self) -> int:
        """How many connections to its hosts are open now."""
        return sum(host.open_connections for host in self.hosts)

    async def expect(self, *lines: Lines) -> None:
        await self.tape.expect(*lines)
