"""The census that the soak goes by: it sees what grows."""

import functools

from probes.protocol.plan import Plan
from probes.wire.driver import Engine
from probes.wire.memory import LoginMemory
from tests.integration.registry.leftovers import Leftovers, open_descriptors


async def test_what_an_engine_remembers_is_counted(engine: Engine) -> None:
    before = Leftovers.of(engine)
    engine._logins._entries["a", "b", "c", "d"] = None  # type: ignore[assignment]  # noqa: SLF001 - any will do
    after = Leftovers.of(engine)

    grown = {name for name, length in after.holdings.items() if length != before.holdings[name]}
    assert grown == {"engine._logins._entries"}


async def test_the_caches_of_functions_are_counted(engine: Engine) -> None:
    @functools.lru_cache
    def remembering(number: int) -> int:
        return number

    remembering.__module__ = "probes.for_a_test"
    before = Leftovers.of(engine)
    remembering(1)
    after = Leftovers.of(engine)

    assert sum(after.holdings.values()) == sum(before.holdings.values()) + 1


async def test_objects_are_counted_by_type(engine: Engine) -> None:
    Leftovers.of(engine)
    before = Leftovers.of(engine)
    kept = [LoginMemory() for _ in range(100)], [Plan(reference=str(number)) for number in range(100)]
    after = Leftovers.of(engine)

    growth = after.growth(before, beyond=30)
    assert growth["probes.wire.memory.LoginMemory"] == growth["probes.protocol.plan.Plan"] == len(kept[0])
    assert after.blocks > before.blocks


async def test_descriptors_are_counted() -> None:
    before = open_descriptors()
    with open("/dev/null", "rb"):  # noqa: ASYNC230, PTH123 - a descriptor is all that is wanted
        assert open_descriptors() == before + 1
