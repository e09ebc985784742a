"""The whole of docker-compose.yml, service by service, with its own commands, users, mounts and passwords.

PostgreSQL and Redis are this machine's instead of the images of the same names; ours are cells of the Dockerfile.
"""

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
import redis

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from kairos.embedded.postgres import DATABASE
from probes.broker.address import BrokerAddress
from tests.deploy import compose
from tests.deploy.cell import Cell, Images
from tests.deploy.dockerfile import ROOT
from tests.servers import running, wait_until

VARIABLES = {name: f"for-{name.lower()}" for name in compose.NEEDED}
START_SECONDS = 60


class Host:
    """The host of a compose file: its services run or have run, and their logs are here."""

    def __init__(self, images: Images, directory: Path, postgres_url: str) -> None:
        self.ports = {"redis": free_port(), "web": free_port()}
        self.directory = directory
        self.services = compose.services(VARIABLES)
        self._images = images
        self._database_url = postgres_url
        self._cells: dict[str, Cell] = {}
        self._processes: dict[str, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(running(self._redis(), is_ready=self._redis_answers))
        self.first_words = self.run("prepare")
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def run(self, name: str, *command: str) -> str:
        """Run a service to its end, which must be a good one, perhaps with another command; return what it said."""
        ended = self._cell(name).run(command or self._command(name), self._environment(name))
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    def region(self, *words: str) -> str:
        """Run `manage.py region` as the how-to says, by `docker compose run --rm prepare`."""
        return self.run("prepare", "python", "manage.py", "region", *words)

    def login(self, region: str) -> tuple[str, str]:
        """Return the login that the region's worker reads."""
        return BrokerAddress((self.directory / f"edge-{region}" / "broker-url").read_text().strip()).login

    def logs_in(self, login: tuple[str, str]) -> bool:
        with self.broker(*login) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return False

    def start(self, name: str) -> None:
        cell = self._cell(name)
        self._processes[name] = cell.start(
            self._command(name), self._environment(name), self.directory / f"{name}.log"
        )

    def is_healthy(self, name: str) -> bool:
        cell = self._cells[name]
        health = tuple(map(self._at_our_ports, cell.stage.health))
        return cell.run_inside(self._processes[name], health, self._environment(name)).returncode == 0

    def stop(self, name: str) -> int:
        return self._cells[name].stop(self._processes[name], self.services[name].grace_seconds)

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['web']}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def broker(self, user: str, password: str) -> redis.Redis:
        return redis.Redis(port=self.ports["redis"], username=user, password=password)

    def _cell(self, name: str) -> Cell:
        service = self.services[name]
        if name not in self._cells:
            volumes = {
                place: (self._volume(source, service.target, place), mode)
                for place, (source, mode) in service.volumes.items()
            }
            self._cells[name] = self._stack.enter_context(self._images.cell(service.target, volumes))
        return self._cells[name]

    def _volume(self, name: str, target: str, place: str) -> Path:
        """Return a named volume. Docker makes one as the image's directory there is, and without one, of root."""
        volume = self.directory / name
        if not volume.exists():
            volume.mkdir()
            if (original := self._images.root(target) / place.lstrip("/")).exists():
                shutil.copystat(original, volume)
                shutil.chown(volume, original.stat().st_uid, original.stat().st_gid)
        return volume

    def _command(self, name: str) -> tuple[str, ...]:
        service = self.services[name]
        return tuple(map(self._at_our_ports, service.command or self._images.stages[service.target].command))

    def _environment(self, name: str) -> dict[str, str]:
        given = {key: self._at_our_ports(value) for key, value in self.services[name].environment.items()}
        return given | ({"DATABASE_URL": self._database_url} if "DATABASE_URL" in given else {})

    def _at_our_ports(self, text: str) -> str:
        """Only ports are others than in containers, for this machine's may be taken."""
        text = text.replace("@redis:6379", f"@redis:{self.ports['redis']}")
        return re.sub(r"(0\.0\.0\.0|127\.0\.0\.1):8000", rf"\1:{self.ports['web']}", text)

    def _redis(self) -> Child:
        service = self.services["redis"]
        (shell, script, *arguments) = service.command
        mounted = {place: source for place, (source, _) in service.volumes.items()}
        data = self.directory / "redis"
        data.mkdir()
        replaced = [str(data) if word == "/data" else word for word in arguments]
        return Child(
            name="redis",
            argv=(
                shell,
                str(ROOT / mounted[script]),
                *replaced,
                "--bind",
                "127.0.0.1",
                "--port",
                str(self.ports["redis"]),
            ),
            environment={**common_environment(), **service.environment},
            directory=data,
        )

    def _redis_answers(self) -> bool:
        try:
            with self.broker("control", VARIABLES["REDIS_PASSWORD"]) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture(scope="module")
def host(images: Images, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    if (binary := shutil.which("redis-server")) is None:
        pytest.skip(f"no redis-server on PATH: accounts need Redis 7 or newer ({binary})")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # With all migrations in it: to migrate from nothing takes ten seconds of a core, and on a busy machine longer
        # than the minute that a command has.
        connection.execute(f"CREATE DATABASE composed TEMPLATE {DATABASE}")
    try:
        with Host(images, tmp_path_factory.mktemp("host"), re.sub(r"/[^/]*$", "/composed", postgres_url)) as host:
            yield host
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE composed WITH (FORCE)")


@pytest.mark.slow
@pytest.mark.timeout(600)  # it may be the first to need both images, whose packages are installed then
def test_whole_system_starts_checks_is_healthy_and_stops_in_time(host: Host) -> None:
    assert "Admin user: admin, password: " in host.first_words
    edges = ("edge-eu-west", "edge-us-east")
    for name in ("web", "beat", "control", *edges):
        host.start(name)
    wait_until(lambda: host.get("/readyz")[0] == 200, START_SECONDS, f"readiness: {host.get('/readyz')}")
    for name in ("web", *edges):
        wait_until(lambda name=name: host.is_healthy(name), 20, f"the health of {name}")  # type: ignore[misc]
    assert host.get("/")[0] == 200  # the login: not everybody may read what listens everywhere

    for name in ("web", "beat", "control", *edges):
        assert host.stop(name) == 0, host.log(name)
    for name in ("web", "beat", "control", *edges):
        assert "NOPERM" not in host.log(name)
        assert "Read-only file system" not in host.log(name)


def test_account_of_a_region_is_good_for_its_queue_results_and_heartbeats_alone(host: Host) -> None:
    with host.broker(*host.login("eu-west")) as region:
        assert region.llen("probe.eu-west") is not None
        for queue in ("results", "heartbeats"):
            assert region.lpush(queue, "x") == region.llen(queue)
        for command in (
            ("LPUSH", "control", "x"),
            ("LPUSH", "probe.us-east", "x"),
            ("BRPOP", "probe.us-east", "1"),
            ("BRPOP", "results", "1"),
            ("BRPOP", "heartbeats", "1"),
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
            ("FLUSHALL",),
            ("ACL", "LIST"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                region.execute_command(*command)


def test_change_of_keys_changes_the_login_and_the_end_of_a_region_ends_it(host: Host) -> None:
    before = host.login("eu-west")
    host.region("rotate", "eu-west", "--here")
    after = host.login("eu-west")
    assert (host.logs_in(before), host.logs_in(after), before[0] == after[0]) == (True, True, False)
    host.start("edge-eu-west")
    wait_until(lambda: host.is_healthy("edge-eu-west"), 20, "the worker's health")
    assert host.stop("edge-eu-west") == 0

    host.region("retire", "eu-west")
    assert not host.logs_in(before)
    assert not host.logs_in(after)
    again = host.run("prepare")
    assert "region eu-west was retired, and stays so" in again
    assert "Admin user" not in again, "made once"
    assert not host.logs_in(host.login("eu-west"))
    host.region("enroll", "eu-west", "--here")
    assert host.logs_in(host.login("eu-west"))


def test_what_a_region_is_given_its_worker_alone_can_read(host: Host) -> None:
    for path in (host.directory / "edge-eu-west").iterdir():
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (10001, 0o600)


def test_nobody_gets_in_without_a_name(host: Host) -> None:
    with pytest.raises(redis.exceptions.AuthenticationError), host.broker("default", "") as client:
        client.ping()


def test_passwords_of_the_broker_are_in_no_command_line(host: Host) -> None:
    listed = Path("/proc").glob("[0-9]*/cmdline")
    lines = [path.read_bytes() for path in listed if path.exists()]
    assert not [line for line in lines if b"redis-server" in line and VARIABLES["REDIS_PASSWORD"].encode() in line]
