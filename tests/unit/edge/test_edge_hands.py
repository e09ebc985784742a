"""Batches in hand: who waits for them, and for how long."""

import threading
from collections.abc import Callable, Iterator

import pytest

from probes.edge import hands
from probes.edge.hands import Hands


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(hands, "MOST_ASIDE", 2)


class Held:
    """Batches that go on until they are let go; those whose id is in `held_up` wait for slow registries."""

    def __init__(self) -> None:
        self.held_up: set[str] = set()
        self.go = threading.Event()
        self.done: list[str] = []
        self.hands = Hands(1, is_held_up=self.held_up.__contains__)

    def work(self, name: str) -> Callable[[], None]:
        def work() -> None:
            assert self.go.wait(5)
            self.done.append(name)

        return work

    def begin(self, name: str) -> threading.Thread:
        caller = threading.Thread(target=self.hands.carry_out, args=(name, self.work(name)))
        caller.start()
        return caller


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held()
    yield made
    made.go.set()
    made.hands.close()


def test_caller_waits_for_its_batch(held: Held) -> None:
    caller = held.begin("a")
    caller.join(0.1)
    assert (caller.is_alive(), held.hands.aside) == (True, 0)
    held.go.set()
    caller.join(5)
    assert held.done == ["a"]


def test_batch_that_waits_for_slow_registries_is_put_aside_and_goes_on(held: Held) -> None:
    held.held_up.add("a")
    held.hands.carry_out("a", held.work("a"))
    assert (held.hands.aside, held.done) == (1, [])
    held.go.set()
    held.hands.close()
    assert (held.hands.aside, held.done) == (0, ["a"])


def test_only_so_many_are_put_aside(held: Held) -> None:
    """More of them wait in the queue, so that the region is seen to be late."""
    held.held_up.update("abc")
    for name in "ab":
        held.hands.carry_out(name, held.work(name))
    caller = held.begin("c")
    caller.join(0.1)
    assert (caller.is_alive(), held.hands.aside) == (True, 2)
    held.go.set()
    caller.join(5)


@pytest.mark.parametrize("error", [RuntimeError("broken"), TimeoutError("broken")])
def test_fault_of_ours_reaches_who_waits(held: Held, error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error), match="broken"):
        held.hands.carry_out("a", work)


def test_fault_of_ours_is_logged_where_nobody_waits(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    def work() -> None:
        assert held.go.wait(5)
        raise RuntimeError("broken")

    held.held_up.add("a")
    held.hands.carry_out("a", work)
    held.go.set()
    held.hands.close()
    assert "a batch failed" in caplog.text
    assert "RuntimeError: broken" in caplog.text
