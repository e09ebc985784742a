"""The census that the soak goes by: it sees what grows."""

import functools
from pathlib import Path

from probes.protocol.plan import Plan, Site
from tests.integration.registry.leftovers import Leftovers, open_descriptors


class Keeper:
    """Stands for an engine, and keeps things."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}


def test_what_an_engine_keeps_is_counted() -> None:
    keeper = Keeper()
    before = Leftovers.of(keeper, tasks=0)
    keeper.names["a"] = 1
    after = Leftovers.of(keeper, tasks=0)

    assert (before.holdings["engine.names"], after.holdings["engine.names"]) == (0, 1)


def test_the_caches_of_functions_are_counted() -> None:
    @functools.lru_cache
    def remembering(number: int) -> int:
        return number

    remembering.__module__ = "probes.for_a_test"
    before = Leftovers.of(Keeper(), tasks=0)
    remembering(1)
    after = Leftovers.of(Keeper(), tasks=0)

    assert sum(after.holdings.values()) == sum(before.holdings.values()) + 1


def test_objects_are_counted_by_type() -> None:
    before = Leftovers.of(Keeper(), tasks=0)
    kept = [Plan(reference=str(number), site=Site(api_host=str(number))) for number in range(100)]
    after = Leftovers.of(Keeper(), tasks=0)

    growth = after.growth(before, beyond=30)
    assert growth["probes.protocol.plan.Plan"] == growth["probes.protocol.plan.Site"] == len(kept)
    assert after.blocks > before.blocks


def test_descriptors_are_told_by_what_they_lead_to() -> None:
    before = open_descriptors()
    with Path("/dev/null").open("rb") as opened:
        assert open_descriptors().items() - before.items() == {(opened.fileno(), "/dev/null")}
