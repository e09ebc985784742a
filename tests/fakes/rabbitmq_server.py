"""A real RabbitMQ on loopback, apart from any other on this machine: its own directories, cookie, ports and epmd."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import amqp
import psutil
from amqp.exceptions import AMQPError

from kairos.child import common_environment
from kairos.embedded import free_port
from probes.broker.accounts.management import ManagementApi, ManagementError
from probes.broker.address import BrokerAddress
from tests.fakes.tls_files import ServerFiles
from tests.servers import wait_until

# Debian's own commands change to the user rabbitmq and its directories; what they run does not.
SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
USER: Final = "kairos"
PASSWORD: Final = "for-tests-only"
VIRTUAL_HOST: Final = "kairos"


def is_installed() -> bool:
    return SERVER.exists() and shutil.which("epmd") is not None


class RabbitServer:
    """One node with the management plugin, and its epmd. A context manager; leaves no process behind.

    With `tls` it also listens with that certificate, and asks its clients for one of `ca_file`. `start` after `stop`
    brings the same data back on the same ports; `wipe` between them leaves a broker without its data.
    """

    def __init__(self, directory: Path, *, tls: ServerFiles | None = None, ca_file: Path | None = None) -> None:
        self._directory = directory
        self._tls, self._ca_file = tls, ca_file
        self.port, self.tls_port, self.management_port = free_port(), free_port(), free_port()
        self._epmd_port, self._distribution_port = free_port(), free_port()
        self._processes: list[psutil.Popen] = []

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{quote(VIRTUAL_HOST, safe='')}"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress(self.url)

    def api(self) -> ManagementApi:
        return ManagementApi(self.address, self.management_url)

    def connection(self, username: str = USER, password: str = PASSWORD) -> amqp.Connection:
        """Return an open connection of py-amqp."""
        connection = amqp.Connection(
            f"127.0.0.1:{self.port}",
            userid=username,
            password=password,
            virtual_host=VIRTUAL_HOST,
            confirm_publish=True,
            connect_timeout=5,
            read_timeout=5,
        )
        try:
            connection.connect()
        except AMQPError:
            connection.collect()
            raise
        return connection

    def purge(self) -> None:
        """Empty every queue."""
        with self.api() as api:
            for queue in api.get("queues", VIRTUAL_HOST):
                api.delete("queues", VIRTUAL_HOST, queue["name"], "contents")

    def start(self) -> None:
        self._write_files()
        self._processes = [self._run("epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1")]
        node = self._run(str(SERVER))
        self._processes.insert(0, node)
        wait_until(self._answers, START_SECONDS, "RabbitMQ to answer", alive=node)

    def stop(self) -> None:
        """Ask the node to end, as an operator would, and see that nothing of it is left."""
        processes, self._processes = self._processes, []
        for process in processes:
            family = [process, *_children(process)]
            process.send_signal(signal.SIGTERM)
            with suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.kill()
            _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
            assert not alive, alive

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have the node do nothing during the block. The kernel still takes what it is sent, and new connections."""
        family = [self._processes[0], *_children(self._processes[0])]
        for member in family:
            member.suspend()
        try:
            yield
        finally:
            for member in family:
                member.resume()

    def wipe(self) -> None:
        """Take the data away from a stopped node."""
        shutil.rmtree(self._directory / "mnesia")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            with self.api() as api:
                api.get("whoami")
            self.connection().close()
        except (ManagementError, AMQPError, OSError):
            return False
        return True

    def _run(self, *command: str) -> psutil.Popen:
        with (self._directory / "log").open("ab") as log:
            return psutil.Popen(
                command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def _environment(self) -> dict[str, str]:
        place = self._directory
        return {
            **common_environment(),
            "HOME": str(place),  # where the cookie is
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": str(place / "nothing"),
            "RABBITMQ_NODENAME": f"kairos-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(place / "nothing.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(place / "mnesia"),
            "RABBITMQ_LOG_BASE": str(place / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(place / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
        }

    def _write_files(self) -> None:
        place = self._directory
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        cookie = place / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(os.urandom(16).hex(), encoding="ascii")
        (place / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="ascii")
        (place / "nothing").touch()
        (place / "nothing.config").write_text("[].\n", encoding="ascii")
        (place / "rabbitmq.conf").write_text("\n".join(self._configuration()) + "\n", encoding="ascii")

    def _configuration(self) -> Iterator[str]:
        yield f"listeners.tcp.1 = 127.0.0.1:{self.port}"
        yield "management.tcp.ip = 127.0.0.1"
        yield f"management.tcp.port = {self.management_port}"
        yield f"default_vhost = {VIRTUAL_HOST}"
        yield f"default_user = {USER}"
        yield f"default_pass = {PASSWORD}"
        yield "default_user_tags.administrator = true"
        for right in ("configure", "read", "write"):
            yield f"default_permissions.{right} = .*"
        yield "log.console.level = warning"
        if self._tls:
            yield f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}"
            yield f"ssl_options.cacertfile = {self._ca_file}"
            yield f"ssl_options.certfile = {self._tls.certificate}"
            yield f"ssl_options.keyfile = {self._tls.key}"
            yield "ssl_options.verify = verify_peer"
            yield "ssl_options.fail_if_no_peer_cert = true"


def _children(process: psutil.Popen) -> list[Any]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []
