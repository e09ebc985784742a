"""What the database tells of changes, as it is told: one connection for each process that listens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from django.db import connections
from psycopg import AsyncConnection, sql

from probes.policy.changes import CHANNEL

_QUIET_SECONDS: Final = 10.0
"""After so long without a word the connection is asked whether it is still one."""

_ANSWER_SECONDS: Final = 5.0
_DJANGOS_OWN: Final = ("cursor_factory", "context")


async def payloads(*, listening: Callable[[], None]) -> AsyncIterator[str]:
    """Yield what is told from now on; calls `listening` once nothing is missed any more.

    Raises `psycopg.Error`, `OSError` or `TimeoutError` where the connection cannot be made or is lost.
    """
    async with await AsyncConnection.connect(**_parameters(), autocommit=True) as connection:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        listening()
        while True:
            async for told in connection.notifies(timeout=_QUIET_SECONDS):
                yield told.payload
            async with asyncio.timeout(_ANSWER_SECONDS):
                await connection.execute("SELECT 1")


def _parameters() -> dict[str, Any]:
    """Return what Django connects with, under a name by which the connection is known in `pg_stat_activity`."""
    given: dict[str, Any] = connections["default"].get_connection_params()
    return {
        **{name: value for name, value in given.items() if name not in _DJANGOS_OWN},
        "application_name": "kairos live",
    }
