"""Which resources are chosen, how they are counted, and in which order they come."""

import gc
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from typing import Final
from weakref import ref

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test.utils import CaptureQueriesContext

from probes.actions import partitions
from probes.models import (
    DayRollUp,
    MaintenanceOccurrence,
    RegionState,
    Resource,
    ResourceGroup,
    RollUpProgress,
    VerdictChange,
)
from probes.policy.access import EVERYTHING, Reach
from probes.policy.intervals import Interval
from probes.protocol.taxonomy import Reason
from probes.selectors.choice import FAILING, NO_GROUP, Choice, census, chosen, without
from probes.selectors.maintenance import extents
from probes.selectors.order import By, Firsts, Order, Stretch
from probes.selectors.places import Place, Places
from probes.selectors.prepared import Prepared
from probes.selectors.severity import Group
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding

pytestmark = pytest.mark.django_db


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


def month(plane: ControlPlane) -> Interval:
    return Interval(plane.now - timedelta(days=30), plane.now)


def names(rows: object) -> list[str]:
    return [row.name for row in rows]  # type: ignore[attr-defined]  # a queryset


def listed(plane: ControlPlane, order: Order, part: Firsts | Stretch, reach: Reach = EVERYTHING) -> list[str]:
    places = Places(choice=Choice(), order=order, part=part, reach=reach)
    return names(places.listed(month(plane), now=plane.now))


@pytest.fixture
def shop(plane: ControlPlane) -> dict[str, Resource]:
    """Two of a group, one of another registry and of no group; one of them cannot be pulled from one region."""
    team = ResourceGroup.objects.create(slug="shop", name="The shop")
    rows = {
        "cart": plane.image("ghcr.io/shop/cart:1", name="cart", group=team, labels={"team": "shop", "pci": ""}),
        "stock": plane.image("ghcr.io/shop/stock:2", name="stock", group=team, labels={"team": "shop"}),
        "base": plane.image("quay.io/base/os:2", name="base"),
    }
    rows["base"].regions.set([plane.region("eu-west")])
    plane.check(rows["stock"], rows["base"])
    plane.check(rows["cart"], finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    return rows


CHOSEN: Final = {
    Choice(): ["base", "cart", "stock"],
    Choice(find="SHOP"): ["cart", "stock"],
    Choice(find="ghcr.io/shop/ca"): ["cart"],
    Choice(find="!"): [],
    Choice(registry="quay.io"): ["base"],
    Choice(group="shop"): ["cart", "stock"],
    Choice(group=NO_GROUP): ["base"],
    Choice(group="nobody's"): [],
    Choice(label="team"): ["cart", "stock"],
    Choice(label="team:shop"): ["cart", "stock"],
    Choice(label="team:other"): [],
    Choice(label="pci:"): ["cart"],
    Choice(tag="2"): ["base", "stock"],
    Choice(kind="http"): [],
    Choice(region="us-east"): ["cart", "stock"],
    Choice(region="eu-west"): ["base", "cart", "stock"],
    Choice(seen=FAILING): ["cart"],
    Choice(seen="available", region="us-east"): ["stock"],
    Choice(seen="unavailable", region="eu-west"): [],
    Choice(state=Group.DEGRADED): ["cart"],
    Choice(state=Group.UNKNOWN): [],
    Choice(state=Group.AVAILABLE, tag="2", registry="ghcr.io"): ["stock"],
}


def test_each_part_of_a_choice_narrows_it_and_the_census_agrees(shop: dict[str, Resource]) -> None:
    for choice, expected in CHOSEN.items():
        assert sorted(names(chosen(choice))) == expected, choice
        with CaptureQueriesContext(connection) as captured:
            counted = census(choice)
        assert len(captured) == 1
        assert counted.total == 3
        assert counted.chosen(choice).total == len(expected), choice


def test_a_census_tells_what_another_choice_would_give(shop: dict[str, Resource]) -> None:
    choice = Choice(tag="2", registry="ghcr.io", state=Group.AVAILABLE)
    counted = census(choice)
    registries = counted.chosen(without(choice, "registry")).registries
    assert {owner.slug: count for owner, count in registries.items()} == {"ghcr.io": 1, "quay.io": 1}
    assert {owner.name: count for owner, count in counted.groups.items()} == {"The shop": 2, "": 1}
    assert counted.states[Group.DEGRADED] == 1
    assert counted.states[Group.PAUSED] == 0
    assert counted.kinds == {"image": 3}


def test_nothing_beyond_reach_is_chosen_or_counted(plane: ControlPlane, shop: dict[str, Resource]) -> None:
    team = ResourceGroup.objects.get()
    mine = Reach(groups=frozenset({team.pk}), regions=frozenset({plane.region("eu-west").pk}))
    assert sorted(names(chosen(Choice(), reach=mine))) == ["cart", "stock"]
    assert [owner.slug for owner in census(Choice(), reach=mine).registries] == ["ghcr.io"]
    # It fails from a region that is not theirs to see.
    assert names(chosen(Choice(seen=FAILING), reach=mine)) == []
    assert names(chosen(Choice(seen=FAILING, region="us-east"), reach=mine)) == []
    shop["cart"].regions.set([plane.region("us-east")])
    assert names(chosen(Choice(region="us-east"), reach=mine)) == ["stock"]


def test_what_is_worked_on_counts_as_that(plane: ControlPlane, shop: dict[str, Resource]) -> None:
    work = MaintenanceOccurrence(resource_ids=[shop["cart"].pk], group_ids=[], registry_ids=[], region_ids=[])
    assert names(chosen(Choice(state=Group.MAINTENANCE), work=extents([work]))) == ["cart"]
    assert names(chosen(Choice(state=Group.DEGRADED), work=extents([work]))) == []
    assert census(Choice(), work=[work]).states[Group.MAINTENANCE] == 1


def test_the_order_is_what_was_asked_for_and_then_what_is_worse(
    plane: ControlPlane, shop: dict[str, Resource]
) -> None:
    day = plane.now.replace(hour=0, minute=0, second=0) - timedelta(days=3)
    for table in partitions.ROLL_UPS:
        partitions.ensure(table, [day.date()])
    RollUpProgress.objects.create(unit="hour", starts_at=day + timedelta(hours=23), finished_at=plane.now)
    RollUpProgress.objects.create(unit="day", starts_at=day, finished_at=plane.now)
    for name, down in (("stock", 90), ("base", 1)):
        DayRollUp.objects.create(resource_id=shop[name].pk, region_id=0, starts_at=day, seconds_unavailable=down)
    RegionState.objects.update(duration_ms=None)
    for name, slug, took in (
        ("stock", "us-east", 700),
        ("base", "eu-west", 900),
        ("stock", "ap-south", 5),
        ("cart", "eu-west", 80),
    ):
        RegionState.objects.filter(resource=shop[name], region__slug=slug).update(duration_ms=took)
    orders = {order: listed(plane, order, Stretch(0, 9)) for order in Order}
    assert orders == {
        Order.WORST: ["cart", "base", "stock"],
        Order.NAME: ["base", "cart", "stock"],
        Order.REGISTRY: ["cart", "stock", "base"],
        Order.UPTIME: ["stock", "base", "cart"],
        Order.LATENCY: ["base", "stock", "cart"],
        Order.SINCE: ["cart", "base", "stock"],
    }
    assert listed(plane, Order.WORST, Stretch(1, 1)) == ["base"]
    # What a region beyond reach saw does not count.
    near = Reach(regions=frozenset({plane.region("eu-west").pk}))
    assert listed(plane, Order.LATENCY, Stretch(0, 9), near) == ["base", "cart", "stock"]


def test_of_each_owner_the_first_are_read_in_one_query(plane: ControlPlane, shop: dict[str, Resource]) -> None:
    team = ResourceGroup.objects.get().pk
    with CaptureQueriesContext(connection) as captured:
        assert listed(plane, Order.WORST, Firsts(By.GROUP, ((team, 1), (None, 1)))) == ["cart", "base"]
    assert len(captured) == 1
    quay = shop["base"].registry_id
    assert listed(plane, Order.NAME, Firsts(By.REGISTRY, ((quay, 5),))) == ["base"]


def test_a_question_that_was_prepared_is_answered_as_of_now(plane: ControlPlane, shop: dict[str, Resource]) -> None:
    places = Places(choice=Choice(registry="ghcr.io"), order=Order.UPTIME, part=Stretch(0, 1))
    both = [Place(shop[name].pk, shop[name].group_id, shop[name].registry_id) for name in ("cart", "stock")]
    assert places.read(month(plane), now=plane.now) == both[:1]
    VerdictChange.objects.create(
        resource=shop["stock"], at=plane.now - timedelta(hours=3), before="available", state="unavailable"
    )
    VerdictChange.objects.create(
        resource=shop["stock"], at=plane.now - timedelta(hours=1), before="unavailable", state="available"
    )
    Resource.objects.filter(pk=shop["stock"].pk).update(name="renamed")
    with CaptureQueriesContext(connection) as captured:
        assert places.read(month(plane), now=plane.now) == both[1:]
        assert names(places.listed(month(plane), now=plane.now)) == ["renamed"]
    assert len(captured) == 4
    # The one that was down is not enough of a longer page.
    assert replace(places, part=Stretch(0, 2)).read(month(plane), now=plane.now) == both[::-1]
    # It is no thread's own, and holds nobody's connection.
    kept: list[Prepared[Resource, Resource]] = []
    lent: list[ref[object]] = []

    def prepare() -> None:
        kept.append(Prepared(Resource.objects.filter(name="renamed")))
        lent.append(ref(connections[DEFAULT_DB_ALIAS]))

    other = Thread(target=prepare)
    other.start()
    other.join()
    gc.collect()
    assert lent[0]() is None
    assert names(kept[0].read()) == ["renamed"]
    nothing = Places(choice=Choice(find="!"), order=Order.WORST, part=Stretch(0, 9))
    assert nothing.listed(month(plane), now=plane.now) == []
