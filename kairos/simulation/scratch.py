"""A place that is thrown away: a database of its own on the server of ours, and keys of its own.

Nothing of the operator's is read or written but the right to make a database. A world refuses to begin anywhere else.
"""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.core.management import call_command
from django.db import Error, connection
from django.test.utils import override_settings
from psycopg import sql

from kairos import keys

PREFIX: Final = "kairos_simulation_"

# The audit log is only added to, here as well; no scenario reads it.
_KEPT: Final = ("django_migrations", "django_content_type", "auth_permission", "probes_auditentry")
_TABLES: Final = """
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = current_schema() AND relkind IN ('r', 'p') AND NOT relispartition AND NOT relname = ANY(%s)
"""


class NoScratch(Exception):
    """There is no database to simulate in. The message says what can be done."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database of that name with all tables and no rows, and files with keys that were made for it."""

    name: str
    control_key: Path
    fernet_keys: Path


@contextmanager
def scratch() -> Iterator[str]:
    """Make a place and be there until the block ends; the value is the name of its database. Raises `NoScratch`.

    Whoever is in one already stays there.
    """
    if (here := str(connection.settings_dict["NAME"])).startswith(PREFIX):
        yield here
        return
    with made() as place, within(place):
        yield place.name


@contextmanager
def made(*, template: str = "") -> Iterator[Place]:
    """Make a place; it is dropped at the end, whatever happened. Raises `NoScratch`.

    `template` names a database that has all tables and no rows, and that nobody is in: to copy it takes a hundredth
    of what it takes to migrate from nothing.
    """
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with tempfile.TemporaryDirectory(prefix="kairos-simulation-") as directory:
        place = Place(name, Path(directory) / "control-key.json", Path(directory) / "fernet-keys")
        keys.make_missing(
            secret_key=Path(directory) / "secret-key", fernet_keys=place.fernet_keys, control_key=place.control_key
        )
        try:
            names = (sql.Identifier(name), sql.Identifier(template or "template0"))
            _on_server(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
            # Nobody will miss it after a crash of the server.
            _on_server(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
        except Error as error:
            raise NoScratch(
                f"no database can be made to simulate in: {str(error).splitlines()[0]}; "
                "DATABASE_URL has to name a role that may (ALTER ROLE … CREATEDB), perhaps on a server for tests"
            ) from None
        try:
            if not template:
                with within(place):
                    call_command("migrate", interactive=False, verbosity=0)
            yield place
        finally:
            _on_server(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def within(place: Place) -> Iterator[None]:
    """Have this thread's connection lead to the place until the block ends, and the settings to its keys."""
    own = connection.settings_dict["NAME"]
    _connect_to(place.name)
    try:
        with override_settings(KAIROS_CONTROL_KEY_FILE=place.control_key, KAIROS_FERNET_KEYS_FILE=place.fernet_keys):
            yield
    finally:
        _connect_to(own)


def is_scratch() -> bool:
    """Tell whether the connection leads to a database that `scratch` made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return bool(cursor.fetchone()[0].startswith(PREFIX))


def clear() -> None:
    """Empty all tables, and let every id begin at 1 again: schedules and their order follow from ids."""
    if not is_scratch():
        raise NoScratch("this is not a database to simulate in; nothing was emptied")
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, [list(_KEPT)])
        tables = sql.SQL(", ").join(sql.Identifier(table) for (table,) in cursor.fetchall())
        cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))


def analyse() -> None:
    """Tell the planner what there is: hours pass here in less time than the server takes to look by itself."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _connect_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _on_server(statement: sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
