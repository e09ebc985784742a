"""The whole of Kairos as processes: what `manage.py up` runs, on a PostgreSQL and a Redis that a test may kill.

The programs are those of `kairos.up.programs` and the servers those of `kairos.up.services`; what is added is the
way of a test with them: kill, start again, wait for. Within it the models of the test's own process are those of
the pipeline's database, and its settings are the pipeline's.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psutil
import pytest
import redis
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import override_settings
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from kairos.child import Child
from kairos.embedded import free_port
from kairos.environment import Bind, RegionName, parse_database_url
from kairos.up import leftovers, programs, services
from kairos.up.state import StateDirectory
from probes.broker.address import FILE_VARIABLES
from tests.fakes.processes import TELLING, Processes
from tests.fakes.up import migrated_state, status_of, unready_parts
from tests.servers import wait_until

if TYPE_CHECKING:
    from probes.models import Registry, Resource

PROJECT: Final = Path(__file__).resolve().parents[2]
REGIONS: Final = ("ap-south", "eu-west", "us-east")
SERVERS: Final = ("postgres", "redis")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
INTERVAL_FLOOR_SECONDS: Final = 2
NO_CANARIES: Final = {"KAIROS_EDGE_CANARIES": ""}
NOT_SYNCED: Final = {"postgres": ("-c", "fsync=off"), "redis": ("--appendfsync", "no")}
"""What keeps servers from waiting for a disk that other tests keep busy, seconds at a time: whoever is killed has
written all the same, to the kernel."""


class Pipeline:
    """A context manager, entered when every region and the beat have been heard of. Leaves no process behind.

    `broker` are the variables that name a broker of the test's own; without them it gets a Redis.
    Programs go by the names of their children: `postgres`, `redis`, `control`, `beat`, `web`, `edge-eu-west`, ….
    """

    def __init__(
        self, state: Path, *, regions: Sequence[str] = REGIONS, broker: Mapping[str, str] | None = None
    ) -> None:
        self._state = state
        self._broker = broker or {}
        self._regions = tuple(RegionName(slug, slug) for slug in regions)
        self._bind = Bind("127.0.0.1", free_port())
        self._stack = ExitStack()
        self._token = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            try:
                self._start(stack)
            except Exception as error:
                error.add_note(str(self.logs))
                raise
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def deaths(self) -> list[str]:
        """The programs that died by themselves, and how."""
        return self.processes.deaths

    def kill(self, name: str) -> None:
        """SIGKILL a program and every process that it has started."""
        self.processes.kill(name)
        if name == "postgres":
            connection.close()  # it leads nowhere now

    def start(self, name: str) -> None:
        """Start a program that was killed; a server is waited for."""
        if name in self._servers:
            self._servers[name].prepare()
        self.processes.start_again(name)
        if name in self._servers:
            self.wait_for(self._servers[name].is_ready, 30, f"{name} to answer")

    def restart(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def renew(self, name: str) -> None:
        """Ask a program to end, as one who upgrades it does, and start it again."""
        stubborn = self.processes.stop([name], STOP_SECONDS)
        assert not stubborn, f"had to be killed: {stubborn}"
        self.processes.start_again(name)

    def wait_for(self, holds: Callable[[], object], seconds: float, what: str) -> float:
        """Wait for a condition, which may ask the database while it is away; return how many seconds it took."""
        began = time.monotonic()

        def holds_now() -> bool:
            self.processes.look_after()
            try:
                return bool(holds())
            except (OperationalError, InterfaceError, redis.ConnectionError):
                connection.close()
                return False

        wait_until(holds_now, seconds, what)
        return time.monotonic() - began

    def log(self, name: str) -> str:
        """Return all that a program has said, in all its lives."""
        return self.processes.log(name)

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.broker_url)

    def add_registry(self, host: str, **values: Any) -> "Registry":
        """Add a registry, on loopback unless `allow_cidrs` say otherwise."""
        from probes.models import Registry  # noqa: PLC0415 - pytest reads this file before Django is set up

        registry = Registry(host=host, **{"allow_cidrs": ["127.0.0.0/8"], **values})
        registry.full_clean()
        registry.save()
        return registry

    def add_image(self, reference: str, **values: Any) -> "Resource":
        """Add an image, which is due at once."""
        from probes.actions import resources  # noqa: PLC0415 - likewise
        from probes.models import Resource  # noqa: PLC0415 - likewise

        return resources.save(Resource(reference=reference, **values), now=timezone.now())

    def add_images(self, *references: str, **values: Any) -> "list[Resource]":
        """Add images that are due as soon as they are there, and claimed by one tick."""
        from probes.models import Resource  # noqa: PLC0415 - likewise
        from probes.policy.slots import whole_second  # noqa: PLC0415 - likewise

        with transaction.atomic():
            added = [self.add_image(reference, **values) for reference in references]
            # The next slot of a new image may be half an interval away. Adding many may take longer than that; then
            # the first of them would have missed one before anybody could see it.
            ids, at = [image.pk for image in added], whole_second(timezone.now())
            Resource.objects.filter(pk__in=ids).update(next_due_at=at, reference_since=at)
        return added

    def region_key_file(self, slug: str) -> Path:
        """Return where the worker of a region has its keys."""
        return self._state / "regions" / slug / "region-key.json"

    @property
    def address(self) -> str:
        """Where the web process listens."""
        return f"http://{self._bind}"

    def status(self, path: str) -> int:
        return status_of(f"http://{self._bind}{path}")

    def get(self, path: str) -> Any:
        """GET a document of the REST API as a user with a token."""
        request = urllib.request.Request(f"http://{self._bind}{path}")
        request.add_header("Authorization", f"Bearer {self._token or self._make_token()}")
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def _start(self, stack: ExitStack) -> None:
        state = StateDirectory(self._state)
        stack.enter_context(state.claimed("a test"))
        chosen = self._choose(state)
        self.broker_url = chosen.broker_url
        self.processes = Processes(self._state / "logs")
        self._servers = {server.child().name: server for server in chosen.servers}
        place = programs.Place(
            project=PROJECT,
            state=self._state,
            bind=self._bind,
            regions=self._regions,
            database_url=chosen.database_url,
            broker_url=chosen.broker_url,
            has_accounts=chosen.has_accounts,
        )
        stack.callback(self._leave_nothing_behind)
        for name, server in self._servers.items():
            child = server.child()
            marked = {**child.environment, **leftovers.mark(self._state)}
            self.processes.start(replace(child, environment=marked, argv=(*child.argv, *NOT_SYNCED[name])))
            self.wait_for(server.is_ready, 30, f"{name} to answer")
        self.processes.run(self._set_up(place.prepare()))
        stack.enter_context(_models_in(chosen.database_url))
        stack.enter_context(_settings_of(self._state))
        for child in (*programs.control_plane(place), *programs.edges(place)):
            self.processes.start(self._set_up(child))
        self._await_readiness()

    def _choose(self, state: StateDirectory) -> services.Services:
        return services.choose(self._broker, state)

    def _set_up(self, child: Child) -> Child:
        """Return the program with short intervals, and with what a broker from outside needs."""
        floor = {"KAIROS_INTERVAL_FLOOR_SECONDS": str(INTERVAL_FLOOR_SECONDS)}
        # A region's worker reads the broker's URL in a file: ours is none of its business.
        broker = {
            name: value
            for name, value in self._broker.items()
            if name in FILE_VARIABLES or "BROKER_URL_FILE" not in child.environment
        }
        # Everything is on loopback, whatever the machine reaches; tests of the way out name canaries of their own.
        return replace(child, environment={**NO_CANARIES, **TELLING, **broker, **child.environment, **floor})

    def _await_readiness(self) -> None:
        """Wait until images are checked from everywhere. Raises RuntimeError that says what there is not."""
        lacking: list[str] = []

        def is_ready() -> bool:
            lacking[:] = self._lacking()
            return not lacking

        try:
            self.wait_for(is_ready, START_SECONDS, "readiness")
        except RuntimeError as error:
            states = self.processes.states
            self.processes.tell_what_they_do(name for name in self.processes.names if name not in SERVERS)
            raise RuntimeError("; ".join([f"{error}: {', '.join(lacking)}", *states])) from error

    def _lacking(self) -> list[str]:
        """Return the parts that `/readyz` says are not there, or else the regions that nothing was heard of."""
        from probes.models import Region  # noqa: PLC0415 - likewise

        if unready := unready_parts(f"{self.address}/readyz"):
            return unready
        heard = set(Region.objects.exclude(last_seen_at=None).values_list("slug", flat=True))
        return [f"nothing heard of {region.slug}" for region in self._regions if region.slug not in heard]

    def _make_token(self) -> str:
        from django.contrib.auth import get_user_model  # noqa: PLC0415 - likewise

        from tests.fakes.access import grant, token_of  # noqa: PLC0415 - likewise

        user = get_user_model().objects.create_user("reader")
        grant(user)
        self._token = token_of(user)
        return self._token

    @property
    def logs(self) -> list[tuple[str, str]]:
        """The last lines of each program."""
        return [(f"log of {name}", lines) for name, lines in self.processes.last_lines.items()]

    def _leave_nothing_behind(self) -> None:
        """End everything, first as `up` does: whoever cannot be stopped, or stays, fails the test."""
        workers = [name for name in self.processes.names if name not in SERVERS]
        stubborn = [*self.processes.stop(workers, STOP_SECONDS), *self.processes.stop(SERVERS, STOP_SECONDS)]
        left = leftovers.find(self._state)
        leftovers.end(left)
        assert not stubborn, f"had to be killed: {stubborn}"
        assert not left, f"left behind: {[_described(process) for process in left]}"


@contextmanager
def running_pipeline(
    config: pytest.Config,
    blocker: DjangoDbBlocker,
    *,
    regions: Sequence[str] = REGIONS,
    broker: Mapping[str, str] | None = None,
) -> Iterator[Pipeline]:
    """Run a pipeline for a fixture. Tests that fail meanwhile are reported with its logs."""
    with blocker.unblock(), migrated_state() as state, Pipeline(state, regions=regions, broker=broker) as pipeline:
        reporter = _Reporter(pipeline)
        config.pluginmanager.register(reporter)
        try:
            yield pipeline
        finally:
            config.pluginmanager.unregister(reporter)


class _Reporter:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            report.sections += self._pipeline.logs
        return report


@contextmanager
def _models_in(database_url: str) -> Iterator[None]:
    """Have the models of this process live in another database."""
    before = connections["default"]
    place = {name: value for name, value in parse_database_url(database_url).items() if name != "OPTIONS"}
    connections["default"] = DatabaseWrapper({**before.settings_dict, **place}, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = before


def _settings_of(state: Path) -> Any:
    """Return a context with the keys of that state directory, and with its short intervals."""
    return override_settings(
        KAIROS_FERNET_KEYS_FILE=state / "fernet-keys",
        KAIROS_CONTROL_KEY_FILE=state / "control-key.json",
        KAIROS_REGION_KEYS_DIR=state / "regions",
        KAIROS_INTERVAL_FLOOR_SECONDS=INTERVAL_FLOOR_SECONDS,
    )


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:100]}"
    except psutil.Error:
        return str(process.pid)
