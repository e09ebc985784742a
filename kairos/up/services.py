"""The database and the broker of a run: the operator's, proven to answer, or embedded ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlsplit

import psycopg

from kairos.child import Child
from kairos.embedded import Unavailable, free_port
from kairos.embedded.postgres import PostgresServer
from kairos.embedded.redis import RedisServer, find_binary
from kairos.up import Refused, leftovers
from kairos.up.state import StateDirectory
from probes.broker.ping import BrokerAway, ping

CONNECT_SECONDS: Final = 5
OLDEST_POSTGRES: Final = 14


class Server(Protocol):
    """An embedded server, as `kairos.embedded` describes one."""

    @property
    def url(self) -> str: ...
    def prepare(self) -> None: ...
    def child(self) -> Child: ...
    def is_ready(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Services:
    """Where the database and the broker are, and which embedded servers must run for that."""

    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    servers: tuple[Server, ...]
    notes: tuple[str, ...] = ()


def choose(environ: Mapping[str, str], state: StateDirectory) -> Services:
    """Take what the environment names, and prepare embedded servers for the rest. Raises `Refused`."""
    database_url = environ.get("DATABASE_URL", "").strip()
    broker_url = environ.get("BROKER_URL", "").strip()
    if database_url:
        check_database(database_url)
    if broker_url:
        check_broker(broker_url)
    servers: list[Server] = []
    notes: list[str] = []
    try:
        if not database_url:
            postgres = PostgresServer.at(state.path, port=free_port(), password=state.password("postgres"))
            if (running := postgres.leftover()) is not None:
                leftovers.end([running])
            servers.append(postgres)
            database_url = postgres.url
            if postgres.account is not None:
                notes.append(
                    f"PostgreSQL refuses to run as root: it runs as {postgres.account.name} in {postgres.data}"
                )
        if not broker_url:
            redis = RedisServer(
                binary=find_binary(),
                directory=state.path / "redis",
                port=free_port(),
                password=state.password("redis"),
            )
            servers.append(redis)
            broker_url = redis.url
        for server in servers:
            server.prepare()
    except Unavailable as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"the embedded servers cannot be prepared: {error}") from None
    return Services(database_url, broker_url, tuple(servers), tuple(notes))


def check_database(url: str) -> None:
    """Connect once. Raises `Refused` without repeating the password."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise Refused(f"DATABASE_URL: PostgreSQL does not answer at {_place(url)}: {reason}") from None
    if version < OLDEST_POSTGRES:
        raise Refused(f"DATABASE_URL: PostgreSQL {version} at {_place(url)} is too old; {OLDEST_POSTGRES} is needed")


def check_broker(url: str) -> None:
    """Connect once. Raises `Refused` without repeating the password."""
    try:
        ping(url)
    except BrokerAway as error:
        raise Refused(f"BROKER_URL: {error}") from None


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
