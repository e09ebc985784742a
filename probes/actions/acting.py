"""Who acts: told to the database with each statement that changes the configuration (ADR 42).

The triggers that write the audit log read the setting `kairos.actor`. It is set by the very statement that changes
something, and for its transaction only: reading costs nothing, and no connection carries anybody's name to the next
one who uses it. What is no request, command or task has no actor, and is told as SQL by hand.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql as composing

from probes.policy.audit import ActorKind, Via

_LONGEST_PATH: Final = 300
# What Django writes, and what our own statements begin with. All of a statement that begins otherwise is looked at.
_CHANGES: Final = re.compile(
    r"\s*(?:(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+(?:ONLY\s+)?\"?(?P<table>\w+)|(?P<other>WITH)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, by which way and from where, as an audit entry has it."""

    kind: ActorKind
    name: str
    via: Via
    user_id: int | None = None
    token_id: int | None = None
    token_name: str = ""
    address: str = ""
    request_id: str = ""
    path: str = ""

    @property
    def setting(self) -> str:
        """The value of `kairos.actor`."""
        parts = {
            "kind": self.kind.value,
            "name": self.name,
            "via": self.via.value,
            "user": self.user_id,
            "token": self.token_id,
            "token_name": self.token_name,
            "address": self.address,
            "request": self.request_id,
            "path": self.path[:_LONGEST_PATH],
        }
        return json.dumps({name: value for name, value in parts.items() if value not in {None, ""}})


_acting: ContextVar[Callable[[], Actor] | None] = ContextVar("acting", default=None)


@contextmanager
def acting(who: Callable[[], Actor]) -> Iterator[None]:
    """Let whatever is changed in here be by `who`; it is asked at each change, as a request's user is known late."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


@contextmanager
def coming_by(via: Via) -> Iterator[None]:
    """Let whatever is changed in here come by another way than its actor's own, as by a file that is applied."""
    who = _acting.get()
    with acting(lambda: replace(who() if who else _NOBODY, via=via)):
        yield


@contextmanager
def by_way_of(words: str) -> Iterator[None]:
    """Let whatever is changed in here be told with these words behind its path: a file's commit, say."""
    who = _acting.get() or (lambda: _NOBODY)

    def told() -> Actor:
        actor = who()
        return replace(actor, path=f"{actor.path} {words}".strip())

    with acting(told):
        yield


def begin(who: Callable[[], Actor]) -> None:
    """Let whatever this thread changes from now on be by `who`: of a process that does one thing."""
    _acting.set(who)


def end() -> None:
    """Let nobody act from now on."""
    _acting.set(None)


_NOBODY: Final = Actor(kind=ActorKind.SYSTEM, name="kairos", via=Via.SQL)


def watch_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have each statement of a connection tell who acts; a receiver of `connection_created`."""
    if connection.vendor == "postgresql" and tell_actor not in connection.execute_wrappers:
        # The first: whoever adds another for a while takes away the last again.
        connection.execute_wrappers.insert(0, tell_actor)


def tell_actor(
    execute: Callable[..., Any],
    statement: Any,
    params: Any,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, Any],
) -> Any:
    """Run a statement; where it changes what is audited, one that tells who acts goes before it, in one message."""
    who, connection = _acting.get(), context["connection"]
    was_told = getattr(connection, "kairos_actor_is_told", False)
    if (who is None and not was_told) or not _changes_configuration(statement):
        return execute(statement, params, many, context)
    setting = who().setting if who else ""
    connection.kairos_actor_is_told = bool(setting)
    telling = (
        composing.SQL("SELECT set_config('kairos.actor', {}, true)").format(setting).as_string(connection.connection)
    )
    if many:
        # Of many there is no one message: they are told beforehand, which holds within a transaction alone.
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(telling)
            return execute(statement, params, many, context)
    if params is not None:
        telling = telling.replace("%", "%%")
    result = execute(f"{telling}; {statement}", params, many, context)
    context["cursor"].nextset()  # past the answer to the first
    return result


def _changes_configuration(statement: Any) -> bool:
    if not isinstance(statement, str):
        return False
    found = _CHANGES.match(statement)
    if found is None:
        return False
    tables = _tables()
    return found["table"] in tables if found["table"] else any(table in statement for table in tables)


@lru_cache(maxsize=1)
def _tables() -> frozenset[str]:
    from probes.models.audited import audits  # noqa: PLC0415 - who acts is said before models exist

    return frozenset(model._meta.db_table for model in audits())  # noqa: SLF001 - Django's documented API
