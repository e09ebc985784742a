"""The order of things: claim, clear away, check, start, watch, stop."""

import asyncio
import contextlib
import json
import math
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from kairos.child import Child
from kairos.environment import Bind, RegionName
from kairos.keys import write_private
from kairos.up import Refused, banner, leftovers, programs, services
from kairos.up.console import Console
from kairos.up.programs import Place
from kairos.up.services import Server, Services
from kairos.up.state import StateDirectory
from kairos.up.supervisor import Supervisor

SERVER_SECONDS: Final = 30.0
READY_SECONDS: Final = 60.0
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SAME_WISH_SECONDS: Final = 1.0
"""What is sent to a whole process group comes twice, for `make` passes it on: so soon, it is no second wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator asked for."""

    project: Path
    state: Path
    bind: Bind
    regions: tuple[RegionName, ...]
    with_samples: bool = True


@dataclass(frozen=True, slots=True)
class Company:
    """What runs besides, such as the demonstration registry.

    `children` start before the setup; `setup` are management commands, each run to its end once the database is
    ready and the children have started; `lines` are added to the banner. `binds` must be free, and each comes
    with the option that chooses another. `edge_variables` are set for the workers of regions.
    """

    children: tuple[Child, ...] = ()
    setup: tuple[tuple[str, ...], ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    binds: tuple[tuple[Bind, str], ...] = ()
    edge_variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run, from the first check to the last process."""

    options: Options
    company: Company
    console: Console
    place: Place
    services: Services
    supervisor: Supervisor = field(init=False)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    stopping_since: float = field(default=math.inf, init=False)

    async def to_its_end(self) -> None:
        """Start everything, wait to be told to stop, stop everything. Raises `Refused`."""
        under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self.supervisor = Supervisor((*self.servers, *self.others), self.console)
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        if under_nohup:  # the end of the terminal is not to be heard of
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        await self.supervisor.open()
        starting = asyncio.create_task(self._start())
        stopped = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await stopped
        finally:
            starting.cancel()
            stopped.cancel()
            self.console.say("stopping")
            # The servers last: what stops may still have something to write down.
            await self.supervisor.stop(_names(self.others), _names(self.servers))

    @property
    def servers(self) -> tuple[Child, ...]:
        """The embedded servers, marked like every other child."""
        mark = leftovers.mark(self.options.state)
        children = (server.child() for server in self.services.servers)
        return tuple(replace(child, environment={**child.environment, **mark}) for child in children)

    @property
    def others(self) -> tuple[Child, ...]:
        return (*self.company.children, *self.preparation, *self.workers)

    @property
    def preparation(self) -> tuple[Child, ...]:
        samples = ("--samples",) if self.options.with_samples else ()
        prepare = self.place.prepare("--report", str(self._report), *samples)
        return (prepare, *(self.place.manage(arguments[0], *arguments) for arguments in self.company.setup))

    @property
    def workers(self) -> tuple[Child, ...]:
        return (*programs.control_plane(self.place), *programs.edges(self.place))

    @property
    def _report(self) -> Path:
        return self.options.state / "prepared.json"

    def _on_signal(self) -> None:
        if time.monotonic() - self.stopping_since > SAME_WISH_SECONDS:
            self.console.say("killing what still runs")
            self.supervisor.kill()
        if not self.stopping.is_set():
            self.stopping_since = time.monotonic()
            self.stopping.set()

    async def _start(self) -> None:
        began = time.monotonic()
        for server, child in zip(self.services.servers, self.servers, strict=True):
            self.console.say(f"starting {child.name}")
            await self.supervisor.start(child.name)
            await _answers(server, child)
        for child in self.company.children:
            await self.supervisor.start(child.name)
        prepared = await self._prepare()
        regions = [region for region in self.options.regions if region.slug not in prepared["retired"]]
        resting = {programs.edge_name(region) for region in self.options.regions if region not in regions}
        for child in self.workers:
            if child.name not in resting:
                await self.supervisor.start(child.name)
        if await _is_ready(self.options.bind):
            self.console.say(f"ready after {time.monotonic() - began:.1f} s")
        else:
            self.console.say(f"not ready after {READY_SECONDS:.0f} s; {banner.url(self.options.bind)}readyz says why")
        self.console.block(banner.text(self.options.bind, regions, prepared, self.company.lines))

    async def _prepare(self) -> dict[str, Any]:
        self._report.unlink(missing_ok=True)
        for child in self.preparation:
            if await self.supervisor.finish(child.name) != 0:
                raise Refused(f"{child.name} failed: see its lines above")
        prepared: dict[str, Any] = json.loads(self._report.read_text(encoding="utf-8"))
        self._report.unlink()
        return prepared


def up(options: Options, company: Company = Company()) -> None:
    """Run everything until a signal. Raises `Refused` before or while starting; nothing is left running then."""
    state = StateDirectory(options.state)
    with state.claimed(f"process {os.getpid()}, {banner.url(options.bind)}"):
        names = map(programs.edge_name, options.regions)
        console = Console(["postgres", *names, *(child.name for child in company.children)])
        if left := leftovers.find(options.state):
            console.say(f"ending {len(left)} processes that an earlier run has left")
            leftovers.end(left)
        ensure_port_is_free(options.bind, f"--bind {options.bind.host}:{options.bind.port + 1}")
        for bind, option in company.binds:
            ensure_port_is_free(bind, option)
        chosen = services.choose(os.environ, state)
        for note in (*chosen.notes, *_notes_on(options.bind)):
            console.say(note)
        place = Place(
            project=options.project,
            state=options.state,
            bind=options.bind,
            regions=options.regions,
            edge_variables=company.edge_variables,
            database_url=chosen.database_url,
            broker_url=chosen.broker_url,
            has_accounts=chosen.has_accounts,
        )
        run = Run(options=options, company=company, console=console, place=place, services=chosen)
        with _urls_in_files(chosen, options.state):
            try:
                asyncio.run(run.to_its_end())
            finally:
                leftovers.end(leftovers.find(options.state))
        console.say("stopped")


def ensure_port_is_free(bind: Bind, option: str) -> None:
    """Raise `Refused` when a server could not listen, naming the port and the option that chooses another."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        # As the servers do: a connection of yesterday that lingers is no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((bind.host, bind.port))
            listener.listen(1)
        except OSError as error:
            hint = f"choose another with {option}"
            raise Refused(f"port {bind.port} on {bind.host} cannot be used ({error.strerror}); {hint}") from None


@contextlib.contextmanager
def _urls_in_files(chosen: Services, state: Path) -> Iterator[None]:
    """Let commands in another terminal find the embedded servers while they run: `kairos.settings` reads these."""
    files = {state / "database-url": chosen.database_url, state / "broker-url": chosen.broker_url}
    try:
        for path, url in files.items():
            write_private(path, url)
        yield
    finally:
        for path in files:
            path.unlink(missing_ok=True)


def _notes_on(bind: Bind) -> Iterator[str]:
    if bind.is_wildcard:
        yield "listening on every address: KAIROS_ALLOWED_HOSTS must name the hosts that others will ask for"


def _names(children: Iterable[Child]) -> list[str]:
    return [child.name for child in children]


async def _answers(server: Server, child: Child) -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    while not await asyncio.to_thread(server.is_ready):
        if time.monotonic() > deadline:
            where = child.log or "its lines above"
            raise Refused(f"{child.name} did not answer within {SERVER_SECONDS:.0f} s: see {where}")
        await asyncio.sleep(0.1)


async def _is_ready(bind: Bind) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while not await asyncio.to_thread(_readyz_is_ok, bind):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.2)
    return True


def _readyz_is_ok(bind: Bind) -> bool:
    try:
        with urllib.request.urlopen(f"{banner.url(bind)}readyz", timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:  # URLError is one
        return False
