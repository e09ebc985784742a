"""A real Redis that a test may kill and bring back, with what it had acknowledged."""

import subprocess
from pathlib import Path
from typing import Final, Self

import redis

from kairos.embedded import free_port
from kairos.embedded.redis import RedisServer, find_binary
from probes.broker.accounts import open_accounts
from probes.broker.address import BrokerAddress
from probes.trust.accounts import Account
from tests.servers import wait_until

START_SECONDS: Final = 10.0
PASSWORD: Final = "for-tests-only"


class MortalRedis:
    """One server on a loopback port of its own, with an append-only file in `directory`. A context manager.

    `start` after `kill` or `stop` brings the same data back on the same port.
    """

    def __init__(self, directory: Path) -> None:
        self._server = RedisServer(binary=find_binary(), directory=directory, port=free_port(), password=PASSWORD)
        self._process: subprocess.Popen[bytes] | None = None
        self._accounts: list[Account] = []

    @property
    def has_accounts(self) -> bool:
        return self._server.has_accounts

    def admit(self, account: Account) -> None:
        """Make an account, now and after each start: Redis forgets them, and the control plane makes them again."""
        self._accounts.append(account)
        self._make_accounts()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        self._server.prepare()
        child = self._server.child()
        self._process = subprocess.Popen(
            child.argv,
            cwd=child.directory,
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._server.is_ready, START_SECONDS, "Redis to answer", alive=self._process)
        with self.client() as client:
            # As it is configured, it puts off writing while a slow disk still syncs what came before, for up to two
            # seconds: a killed one would take along what it has acknowledged meanwhile.
            client.config_set("appendfsync", "always")
        self._make_accounts()

    def _make_accounts(self) -> None:
        with open_accounts(BrokerAddress(self.url)) as accounts:
            for account in self._accounts:
                accounts.ensure(account)

    def stop(self) -> None:
        """Ask it to end, as an operator would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_SECONDS)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_SECONDS)
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
