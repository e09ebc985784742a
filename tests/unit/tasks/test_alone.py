"""Being alone with what takes long, on connections that end."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import pytest
from django.db import InterfaceError

from probes.tasks import alone


class Connection:
    """One of which the lock is had, and that ends before it is given back where `ends`."""

    def __init__(self, *, ends: bool = False, is_free: bool = True) -> None:
        self.said: list[str] = []
        self.is_closed = False
        self._ends, self._is_free = ends, is_free

    def cursor(self) -> "Connection":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, statement: str, _parameters: Sequence[Any]) -> None:
        self.said.append(statement.partition("(")[0].removeprefix("SELECT "))
        if self._ends and "unlock" in statement:
            raise InterfaceError("the connection is closed")

    def fetchone(self) -> tuple[bool]:
        return (self._is_free,)

    def close(self) -> None:
        self.is_closed = True


Connect = Callable[..., Connection]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    def connect(**how: bool) -> Connection:
        made = Connection(**how)
        monkeypatch.setattr(alone, "connection", made)
        return made

    return connect


def test_lock_is_given_back(connect: Connect) -> None:
    connection = connect()
    with alone.alone() as is_ours:
        assert is_ours
    assert connection.said == ["pg_try_advisory_lock", "pg_advisory_unlock"]


def test_lock_of_another_is_left_to_it(connect: Connect) -> None:
    connection = connect(is_free=False)
    with alone.alone() as is_ours:
        assert not is_ours
    assert connection.said == ["pg_try_advisory_lock"]


@pytest.mark.parametrize("ends", [False, True])
def test_error_of_the_work_is_what_is_told_though_the_connection_is_gone(connect: Connect, *, ends: bool) -> None:
    """A lock that cannot be given back ends with its session."""
    connection = connect(ends=ends)
    with pytest.raises(ZeroDivisionError), alone.alone():
        raise ZeroDivisionError
    assert connection.said[-1] == "pg_advisory_unlock"
    assert connection.is_closed is ends


def test_connection_that_is_gone_is_told_where_nothing_else_was_wrong(connect: Connect) -> None:
    connect(ends=True)
    with pytest.raises(InterfaceError), alone.alone():
        pass
