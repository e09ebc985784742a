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
from probes.broker.accounts import AccountsUnavailable, open_accounts
from probes.broker.address import FILE_VARIABLES, BrokerAddress
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
    has_accounts: bool = False  # one for each region, on the broker
    notes: tuple[str, ...] = ()


def choose(environ: Mapping[str, str], state: StateDirectory) -> Services:
    """Take what the environment names, and prepare embedded servers for the rest. Raises `Refused`."""
    database_url = environ.get("DATABASE_URL", "").strip()
    broker = BrokerAddress(
        environ.get("BROKER_URL", "").strip(), *(environ.get(name, "").strip() for name in FILE_VARIABLES)
    )
    if database_url:
        check_database(database_url)
    servers: list[Server] = []
    notes: list[str] = []
    try:
        if not database_url:
            postgres = _embedded_postgres(state)
            servers.append(postgres)
            database_url = postgres.url
            if postgres.account is not None:
                notes.append(
                    f"PostgreSQL refuses to run as root: it runs as {postgres.account.name} in {postgres.data}"
                )
        if broker.url:
            check_broker(broker)
            shortcoming = _without_accounts(broker, environ.get("KAIROS_BROKER_MANAGEMENT_URL", "").strip())
        else:
            redis = _embedded_redis(state)
            servers.append(redis)
            broker = BrokerAddress(redis.url)
            shortcoming = "" if redis.has_accounts else "this Redis is older than 7"
        for server in servers:
            server.prepare()
    except Unavailable as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"the embedded servers cannot be prepared: {error}") from None
    if shortcoming:
        notes.append(f"regions get no broker accounts of their own and share its password: {shortcoming}")
    return Services(database_url, broker.url, tuple(servers), has_accounts=not shortcoming, notes=tuple(notes))


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


def check_broker(address: BrokerAddress) -> None:
    """Connect once. Raises `Refused` without repeating the password."""
    try:
        ping(address)
    except BrokerAway as error:
        raise Refused(f"BROKER_URL: {error}") from None


def _embedded_postgres(state: StateDirectory) -> PostgresServer:
    server = PostgresServer.at(state.path, port=free_port(), password=state.password("postgres"))
    if (running := server.leftover()) is not None:
        leftovers.end([running])
    return server


def _embedded_redis(state: StateDirectory) -> RedisServer:
    password = state.password("redis")
    return RedisServer(binary=find_binary(), directory=state.path / "redis", port=free_port(), password=password)


def _without_accounts(address: BrokerAddress, management_url: str) -> str:
    """Return why the broker cannot hold the regions' accounts, or nothing."""
    try:
        with open_accounts(address, management_url) as accounts:
            accounts.check()
    except AccountsUnavailable as error:
        return str(error)
    return ""


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
