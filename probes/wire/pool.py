"""Connections at rest, to be used again by routes of the same profile to the same origin."""

import asyncio
from typing import Final

from probes.protocol.urls import Origin
from probes.wire.connection import Connection
from probes.wire.limits import Limits

Key = tuple[Origin, str, str]
"""Where a connection leads, the profile of the route (`Route.profile`) under which it was dialled, and the client
certificate that its peer was shown."""


class Pool:
    """Idle connections: the last one put is the first one taken. None of them is dead, busy or past its time.

    A connection that ends at rest leaves by itself; above `Limits.pool_connections` the one that has rested
    longest goes.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits: Final = limits
        self._at_rest: dict[Connection, Key] = {}  # longest at rest first
        self._by_key: dict[Key, list[Connection]] = {}

    def take(self, key: Key) -> Connection | None:
        """Return a connection for `key` that is no longer in the pool, if there is one."""
        connections = self._by_key.get(key)
        if not connections:
            return None
        connection = connections[-1]
        self._forget(connection)
        return connection

    def put(self, key: Key, connection: Connection) -> None:
        """Keep `connection`, which is ready for another exchange."""
        now = asyncio.get_running_loop().time()
        if now >= connection.retires_at:
            connection.abort()
            return
        if len(self._at_rest) >= self._limits.pool_connections:
            next(iter(self._at_rest)).abort()
        self._at_rest[connection] = key
        self._by_key.setdefault(key, []).append(connection)
        connection.rest(min(now + self._limits.pool_idle_seconds, connection.retires_at), self._forget)

    def _forget(self, connection: Connection) -> None:
        key = self._at_rest.pop(connection)
        connections = self._by_key[key]
        connections.remove(connection)
        if not connections:
            del self._by_key[key]
