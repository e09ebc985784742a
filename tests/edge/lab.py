"""The pipeline with its parts on hosts of their own: the control plane, each region, and two registries.

PostgreSQL, Redis and the programs of the control plane run on the host `control`, and so does the process that runs
the lab. Workers find the broker by the name `broker`, registries are at two other hosts and are the canaries as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import redis

from kairos.child import Child
from kairos.embedded import LOOPBACK
from kairos.embedded.redis import RedisServer
from kairos.up import services
from kairos.up.state import StateDirectory
from tests.edge.clocks import Clock
from tests.edge.network import Host, Network
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline
from tests.fakes.up import state_directory

BROKER: Final = "broker"
CONTROL: Final = "control"
REGISTRIES: Final = ("registry-1", "registry-2")
CANARY_SECONDS: Final = 30


class Lab(Pipeline):
    """A pipeline that has a network. Enter it on the host `control`. `clocks` are of those regions that have one."""

    def __init__(
        self,
        state: Path,
        network: Network,
        registries: Sequence[HeldRegistry],
        regions: Sequence[str],
        clocks: Mapping[str, Clock],
    ) -> None:
        super().__init__(state, regions=regions)
        self.network = network
        self.registries = registries
        self.regions = tuple(regions)
        self.clocks = clocks
        self.broker_address = network.hosts[CONTROL].address

    def host(self, region: str) -> Host:
        return self.network.hosts[region]

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.broker_url.replace(f"@{BROKER}:", f"@{LOOPBACK}:"), socket_timeout=2)

    def forget_broker_data(self) -> None:
        """Remove what the broker, which must not run, has kept on disk."""
        self._redis.forget()

    def move_broker(self) -> None:
        """Give the broker, which must not run, its host's other address, and have everybody find it there."""
        control = self.network.hosts[CONTROL]
        before = self.broker_address
        self.broker_address = control.other_address if before == control.address else control.address
        control.move_to(self.broker_address, leave=before)
        self._redis.address = self.broker_address
        self._tell_where_the_broker_is()

    def _choose(self, state: StateDirectory) -> services.Services:
        chosen = super()._choose(state)
        self._tell_where_the_broker_is()
        servers: list[services.Server] = []
        for server in chosen.servers:
            if isinstance(server, RedisServer):
                self._redis = _OpenRedis(server, self.broker_address)
                self._redis.prepare()
                servers.append(self._redis)
            else:
                servers.append(server)
        url = chosen.broker_url.replace(f"@{LOOPBACK}:", f"@{BROKER}:")
        return replace(chosen, servers=tuple(servers), broker_url=url)

    def _set_up(self, child: Child) -> Child:
        """Put a program on its host; a region's worker gets canaries and a clock that can be set as well."""
        child = super()._set_up(child)
        # One that dies of a signal says in its log what its threads were at.
        child = replace(child, environment={**child.environment, "PYTHONFAULTHANDLER": "1"})
        region = child.name.removeprefix("edge-")
        if region == child.name:
            return replace(child, argv=self.network.hosts[CONTROL].command(*child.argv))
        canaries = ",".join(f"http://{registry.authority}/" for registry in self.registries)
        told = {
            "KAIROS_EDGE_CANARIES": canaries,
            "KAIROS_EDGE_CANARY_SECONDS": str(CANARY_SECONDS),
        }
        clock = self.clocks.get(region)
        argv = clock.command(*child.argv) if clock else child.argv
        return replace(child, argv=self.host(region).command(*argv), environment={**child.environment, **told})

    def _tell_where_the_broker_is(self) -> None:
        self.network.know({BROKER: self.broker_address})


@contextmanager
def running_lab(regions: Sequence[str], with_clocks: Sequence[str] = ()) -> Iterator[Lab]:
    """Run a lab with these regions, of which some have clocks. Until its end this thread is on the host `control`."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        for name in (CONTROL, *REGISTRIES, *regions):
            network.add(name)
        registries = []
        for name in REGISTRIES:
            with network.hosts[name].entered():
                registries.append(stack.enter_context(HeldRegistry(network.hosts[name].address)))
        stack.enter_context(network.hosts[CONTROL].entered())
        state = stack.enter_context(state_directory())
        clocks = {region: Clock(state.parent / f"clock-{region}") for region in with_clocks}
        lab = stack.enter_context(Lab(state, network, registries, regions, clocks))
        for registry in registries:
            lab.add_registry(registry.authority, plain_http=True, allow_cidrs=["10.77.0.0/16"])
        try:
            yield lab
        except Exception as error:
            error.add_note("\n".join(f"--- {name}\n{lines}" for name, lines in lab.logs))
            raise


class _OpenRedis:
    """The embedded Redis, which answers at an address that others reach as well."""

    def __init__(self, server: RedisServer, address: str) -> None:
        self._server = server
        self.address = address

    @property
    def url(self) -> str:
        return self._server.url

    def prepare(self) -> None:
        self._server.prepare()
        with (self._server.directory / "redis.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(f"bind {LOOPBACK} {self.address}\n")

    def child(self) -> Child:
        return self._server.child()

    def is_ready(self) -> bool:
        return self._server.is_ready()

    def forget(self) -> None:
        for path in sorted(self._server.directory.rglob("*.aof*")):
            if path.is_file():
                path.unlink()
