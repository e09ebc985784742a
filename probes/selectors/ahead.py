"""Questions that are sent before their answers are needed: the database works while Python does.

A page has long questions, and much to make of what it knows already. One after the other each waits for the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection


@dataclass(slots=True)
class Answer:
    """The rows of a statement; they are there once the block is over in which it was sent."""

    rows: Sequence[tuple[Any, ...]] = field(default=())


@contextmanager
def sent(statement: str, asked: Mapping[str, Any]) -> Iterator[Answer]:
    """Send a statement, let the block run meanwhile, and then wait for the rows.

    The block asks nothing of the database. What the statement fails with is raised at its end; where the block fails,
    the rows are waited for and thrown away. It is one query, within whatever transaction there is, as any other; but
    what measures queries sees how long the sending took.
    """
    answer = Answer()
    with connection.cursor() as cursor, connection.wrap_database_errors, connection.connection.pipeline():
        cursor.execute(statement, asked)
        yield answer
        answer.rows = cursor.fetchall()
