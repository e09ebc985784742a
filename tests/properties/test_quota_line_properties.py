"""What whoever waits for a quota is promised, whatever checks cost and however many regions share it.

Nobody waits for ever for what his region always may have, and nobody is held up for long by one who waits for more.
What costs more is looked at when there is room. Resolves go on, and what fails comes first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from probes.policy.quota import Account
from probes.policy.quota_limits import Ceiling, Counting, Reading
from probes.policy.rationing import Fate, Waiting, Wish, decide
from tests.properties.test_quota_properties import Dispatcher

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW_MINUTES = 12
OTHERS = 100
"""The first of the other regions."""


@dataclass(frozen=True)
class Image:
    """An image that is always to be looked at in depth, and is due in each so many minutes."""

    cost: int
    every: int
    is_failing: bool = False


@dataclass
class World:
    """A region that hands out checks of images, of an account that `regions` share."""

    counting: Counting
    budget: int
    regions: int
    is_common_half_gone: bool

    @property
    def least(self) -> int:
        return 0 if self.counting is Counting.MANIFESTS else 1

    @property
    def account(self) -> Account:
        alone = Account(counting=self.counting, ceiling=Ceiling(self.budget * 2, WINDOW_MINUTES * 60), region=1)
        others = range(OTHERS, OTHERS + self.regions - 1)
        return replace(alone, sharers=frozenset({1, *others}))

    @property
    def least_for_depth(self) -> int:
        """What the region has for depth whatever others do, while resolves take no more than the other half."""
        part = self.budget if self.regions == 1 else self.budget // (2 * self.regions)
        return part if self.counting is Counting.MANIFESTS else part // 2

    def lied(self, account: Account, now: datetime) -> Account:
        """Return the account after another region said that nothing is left, and that it took all of it."""
        if self.regions == 1 or not self.is_common_half_gone:
            return account
        lie = Reading(at=now, limit=self.budget * 2, remaining=0)
        taken = replace(account, region=OTHERS).charged(now, spent=10**6, deep=10**6)
        return replace(taken, region=1, others=(lie,))

    def play(self, images: Mapping[int, Image], minutes: int) -> dict[int, list[Fate]]:
        """Return what became of each image's slots."""
        dispatcher = Dispatcher(self.account)
        fates: dict[int, list[Fate]] = {number: [] for number in images}
        for minute in range(minutes):
            now = NOON + minute * MINUTE
            dispatcher.account = self.lied(dispatcher.account, now)
            due = [
                Wish(
                    key=(number, 1),
                    cost=image.cost + self.least,
                    least=None if image.is_failing else self.least,
                )
                for number, image in images.items()
                if (minute + number) % image.every == 0
            ]
            for (number, _), fate in dispatcher.hand_out(due, now).items():
                fates[number].append(fate)
        return fates


def worlds(
    *countings: Counting, smallest: int = 8, is_common_half_gone: bool | None = None
) -> st.SearchStrategy[World]:
    gone = st.booleans() if is_common_half_gone is None else st.just(is_common_half_gone)
    counting = st.sampled_from(countings or tuple(Counting))
    return st.builds(World, counting, st.integers(smallest, 150), st.sampled_from([1, 1, 2, 3, 10]), gone)


intervals = st.integers(1, 9)


def seen(fates: Sequence[Fate]) -> int:
    return sum(fate is Fate.AS_ASKED for fate in fates)


def minutes_for(world: World, costs: Sequence[int]) -> int:
    """Return how long it takes at most to serve all of these, one a window if need be, and as long again."""
    return 2 * (WINDOW_MINUTES + 2) * (len(costs) + 2) + 20


@settings(max_examples=30, deadline=None)
@given(worlds(), st.lists(st.tuples(st.integers(1, 200), intervals), min_size=1, max_size=8), st.data())
def test_check_that_costs_too_much_holds_up_nobody(
    world: World, dear: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever else waits: who wants what the region always may have gets it, time and again."""
    affordable = world.least_for_depth - world.least
    if affordable < 1:
        return
    cheap = data.draw(st.lists(st.tuples(st.integers(1, affordable), intervals), min_size=1, max_size=6))
    images = {number: Image(cost, every) for number, (cost, every) in enumerate([*dear, *cheap])}
    resolves = sum(-(-WINDOW_MINUTES // image.every) + 1 for image in images.values()) * world.least
    if resolves > world.least_for_depth:
        return
    fates = world.play(images, minutes_for(world, [cost for cost, _ in [*dear, *cheap]]))
    for number in range(len(dear), len(images)):
        half = len(fates[number]) // 2
        assert seen(fates[number][:half]), (number, images)
        assert seen(fates[number][half:]), (number, images)


@settings(max_examples=50, deadline=None)
@given(worlds(is_common_half_gone=False), intervals, st.data())
def test_check_that_costs_more_than_always_is_there_is_made_while_nobody_else_wants_as_much(
    world: World, every: int, data: st.DataObject
) -> None:
    """All that a region may have if the others want nothing suffices: so it is looked at again and again."""
    most = world.account.allowance(NOON) or 0
    cost = data.draw(st.integers(1, most - world.least))
    fates = world.play({0: Image(cost, every)}, 6 * WINDOW_MINUTES)
    resolves = world.least * (WINDOW_MINUTES // every + 1)
    if cost + resolves <= most:
        assert seen(fates[0]) >= 2


@settings(max_examples=50, deadline=None)
@given(
    worlds(Counting.REQUESTS, smallest=16),
    st.lists(st.tuples(st.integers(1, 200), intervals, st.booleans()), max_size=8),
    st.integers(1, 4),
)
def test_resolves_go_on_whatever_wants_more(world: World, deep: list[tuple[int, int, bool]], count: int) -> None:
    """Where each request counts, and images want no more resolves than half of what always is there."""
    images = {number: Image(cost, every, is_failing=failing) for number, (cost, every, failing) in enumerate(deep)}
    ordinary = {len(deep) + number: Image(0, WINDOW_MINUTES) for number in range(count)}
    wanted = sum(-(-WINDOW_MINUTES // image.every) + 1 for image in images.values() if not image.is_failing)
    if wanted + 2 * count > world.least_for_depth:
        return
    fates = world.play(images | ordinary, 8 * WINDOW_MINUTES)
    for number in ordinary:
        assert seen(fates[number]) >= len(fates[number]) // 3


@settings(max_examples=50, deadline=None)
@given(worlds(), st.integers(1, 200), intervals, st.integers(1, 6), st.data())
def test_image_that_fails_for_ever_comes_first_and_holds_up_nobody_for_ever(
    world: World, failing_cost: int, every: int, count: int, data: st.DataObject
) -> None:
    if world.least_for_depth - world.least < 1:
        return
    costs = data.draw(st.lists(st.integers(1, world.least_for_depth - world.least), min_size=count, max_size=count))
    images = {0: Image(failing_cost, every, is_failing=True)}
    images |= {number: Image(cost, 1 + number % 3) for number, cost in enumerate(costs, 1)}
    if world.least * sum(WINDOW_MINUTES // image.every + 2 for image in images.values()) > world.least_for_depth:
        return
    fates = world.play(images, minutes_for(world, costs))
    for number in range(1, len(images)):
        assert seen(fates[number])
    if failing_cost + world.least <= world.least_for_depth // 2:
        assert seen(fates[0])


@given(worlds(smallest=40), st.integers(0, 100), st.integers(1, 4))
def test_what_fails_comes_before_all_who_wait_while_half_of_what_its_region_may_have_is_left(
    world: World, percent: int, cost: int
) -> None:
    """However many share the account, and though one of them leaves nothing of the common half."""
    account = world.lied(world.account, NOON)
    may_have = account.for_depth(NOON)
    taken = may_have * percent // 100
    account = account.charged(NOON, spent=taken, deep=taken)
    line = [
        Waiting(key=(number, 1), cost=2, least=world.least, deep_since=NOON - number * MINUTE)
        for number in range(2, 300)
    ]
    fate = decide(account, [Wish(key=(1, 1), cost=cost, least=None)], line, now=NOON).fates[1, 1]
    left = may_have - taken
    if left * 2 > may_have and left >= cost + 2:
        assert fate is Fate.AS_ASKED


@dataclass
class Registry:
    """A registry that says to a region what is left, while people, another region and one that lies take of it."""

    limit: int
    counting: Counting
    window_minutes: int
    regions: int
    tells: bool
    people: Sequence[int]
    """How much people have of the limit, in each half window in turn."""

    taken: list[tuple[int, int]] = field(default_factory=list)
    made: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    slots: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def least(self) -> int:
        return 0 if self.counting is Counting.MANIFESTS else 3

    @property
    def window(self) -> timedelta:
        return self.window_minutes * MINUTE

    def within(self, minute: int) -> int:
        return sum(cost for at, cost in self.taken if minute - self.window_minutes < at <= minute)

    def left(self, minute: int) -> int:
        people = self.people[2 * minute // self.window_minutes % len(self.people)]
        return max(self.limit - people - self.within(minute), 0)

    def least_for_depth(self, resolves: int) -> int:
        """Return what the region may have for depth at its least, with so many requests of resolves in a window."""
        people = max(self.people) if self.tells else 0
        ours = max(self.limit - people - resolves, 0) // 2
        part = ours if self.regions == 1 else ours // (2 * self.regions)
        return part if self.counting is Counting.MANIFESTS else min(part // 2, part - resolves)

    def play(self, images: Mapping[int, Image], windows: int) -> None:
        """Hand out checks for so long; the others take what they may, and one says what is worst."""
        others = range(OTHERS, OTHERS + self.regions - 1)
        dispatcher = Dispatcher(
            Account(
                counting=self.counting,
                ceiling=Ceiling(self.limit, self.window_minutes * 60),
                region=1,
                sharers=frozenset({1, *others}),
            )
        )
        for minute in range(windows * self.window_minutes):
            now = NOON + minute * MINUTE
            due = [
                Wish(
                    key=(number, 1),
                    cost=image.cost + self.least,
                    least=None if image.is_failing else self.least,
                    every=image.every * MINUTE,
                )
                for number, image in images.items()
                if (minute + number) % image.every == 0
            ]
            if not due:
                continue
            for (number, _), fate in dispatcher.hand_out(due, now).items():
                self.slots[number].append(minute)
                if fate is Fate.AS_ASKED:
                    self.made[number].append(minute)
            self.taken.append((minute, dispatcher.taken[-1][1]))
            dispatcher.account = self.told(dispatcher.account, minute, others)

    def told(self, account: Account, minute: int, others: Sequence[int]) -> Account:
        now = NOON + minute * MINUTE + timedelta(seconds=2)
        if self.tells:
            reading = Reading(
                at=now, limit=self.limit, remaining=self.left(minute), window_seconds=account.window.seconds
            )
            account = account.told(reading)
        if others and minute // self.window_minutes % 3:
            lie = Reading(at=now, limit=self.limit, remaining=0 if minute % 2 else self.limit)
            taken = replace(account, region=OTHERS).charged(now, spent=minute * 7 % self.limit)
            account = replace(taken, region=1, others=(lie,))
        return account

    def longest_without(self, number: int) -> int:
        """Return the most minutes that an image was not looked at in depth."""
        ends = [0, *self.made[number], self.slots[number][-1]]
        return max(after - before for before, after in pairwise(ends))


def registries(
    *countings: Counting, regions: Sequence[int] = (1, 1, 2, 3), most_people: int = 50
) -> st.SearchStrategy[Registry]:
    limits = st.integers(100, 600)
    return limits.flatmap(
        lambda limit: st.builds(
            Registry,
            st.just(limit),
            st.sampled_from(countings or tuple(Counting)),
            st.sampled_from([30, 60]),
            st.sampled_from(regions),
            st.booleans(),
            st.lists(st.integers(0, limit * most_people // 100), min_size=1, max_size=5),
        )
    )


def resolves_within(registry: Registry, images: Mapping[int, Image]) -> int:
    return registry.least * sum(registry.window_minutes // image.every + 2 for image in images.values())


def holds(registry: Registry, images: Mapping[int, Image]) -> int:
    """Return for how many minutes a head may hold, lets others pass, and does not come, at most."""
    every = max(image.every for image in images.values())
    return 2 * (registry.window_minutes * 13 // 12 + 1 + every) + every


slots_every = st.sampled_from([5, 10, 30])


@settings(max_examples=20, deadline=None)
@given(registries(), st.lists(st.tuples(st.integers(20, 300), slots_every), max_size=3), st.data())
def test_small_check_is_made_time_and_again_whatever_dear_ones_there_are(
    registry: Registry, dear: list[tuple[int, int]], data: st.DataObject
) -> None:
    """A quarter of what depth may have at its least: each dear one holds it up once at most before its turn."""
    count = data.draw(st.integers(1, 6))
    images = {number: Image(cost, every) for number, (cost, every) in enumerate(dear)}
    images |= {100 + number: Image(1, data.draw(slots_every)) for number in range(count)}
    least = registry.least_for_depth(resolves_within(registry, images))
    assume(least // 4 > registry.least)
    costs = data.draw(st.lists(st.integers(1, least // 4 - registry.least), min_size=count, max_size=count))
    images |= {100 + number: replace(images[100 + number], cost=cost) for number, cost in enumerate(costs)}
    registry.play(images, windows=12 * (len(dear) + 1))
    bound = (len(dear) + 1) * holds(registry, images) + count * registry.window_minutes
    for number in range(100, 100 + count):
        assert registry.longest_without(number) <= bound


@settings(max_examples=30, deadline=None)
@given(registries(regions=(1,), most_people=0), slots_every, st.integers(50, 100), st.integers(1, 6), st.data())
def test_dear_check_that_fits_at_best_is_made_among_small_ones(
    registry: Registry, every: int, percent: int, count: int, data: st.DataObject
) -> None:
    """Nobody else takes anything: then a hold is long enough."""
    images = {0: Image(1, every)} | {1 + number: Image(2, data.draw(slots_every)) for number in range(count)}
    cost = registry.least_for_depth(resolves_within(registry, images)) * percent // 100 - registry.least
    assume(cost > 2)
    registry.play(images | {0: Image(cost, every)}, windows=24)
    assert registry.longest_without(0) <= 2 * holds(registry, images) + count * registry.window_minutes


@settings(max_examples=20, deadline=None)
@given(registries(Counting.MANIFESTS, regions=(1,), most_people=0), st.integers(10, 24), st.integers(1, 2), st.data())
def test_check_that_comes_seldom_is_made_and_leaves_the_others_what_they_had(
    registry: Registry, hours: int, count: int, data: st.DataObject
) -> None:
    """Every third of its slots finds room at least; and others wait for some windows, not for its slot."""
    ours = registry.limit // 2
    small = {number: Image(ours // 4, 30) for number in range(120, 360, 30)}
    costs = data.draw(st.lists(st.integers(ours * 3 // 4 + 1, ours), min_size=count, max_size=count))
    registry.play(small | {number: Image(cost, 60 * hours) for number, cost in enumerate(costs)}, windows=240)
    made = sorted(minute for number in small for minute in registry.made[number])
    assert max(after - before for before, after in pairwise(made)) <= (2 + 2 * count) * registry.window_minutes
    for number in range(count):
        assert len(registry.made[number]) * 3 >= len(registry.slots[number]) - 3


@settings(max_examples=30, deadline=None)
@given(registries(), st.lists(st.tuples(st.integers(1, 300), slots_every, st.booleans()), min_size=1, max_size=8))
def test_share_is_kept_whoever_holds(registry: Registry, images: list[tuple[int, int, bool]]) -> None:
    registry.play({number: Image(*image) for number, image in enumerate(images)}, windows=8)
    for minute, _ in registry.taken:
        assert registry.within(minute) <= registry.limit // 2


@pytest.mark.parametrize("tells", [False, True], ids=["untold", "told"])
@pytest.mark.parametrize(
    ("limit", "dear", "people"),
    [(500, [121], 0), (500, [121] * 3, 0), (1000, [227], 0), (500, [107, 112, 115, 117], 0), (500, [107, 60], 250)],
)
def test_small_checks_get_half_of_the_time_while_dear_ones_hold_in_vain(
    limit: int, dear: list[int], people: int, *, tells: bool
) -> None:
    """Each of ten is made in half of its slots, or in as many as are left between dear ones that were made."""
    registry = Registry(limit, Counting.REQUESTS, 60, regions=1, tells=tells, people=[people])
    images = {number: Image(cost, 30) for number, cost in enumerate(dear)}
    images |= {number: Image(1, 30) for number in range(100, 110)} | {
        number: Image(0, 30) for number in range(200, 212)
    }
    registry.play(images, windows=24)
    made = sum(len(registry.made[number]) for number in range(len(dear)))
    for number in range(100, 110):
        assert len(registry.made[number]) * 2 >= len(registry.slots[number]) - made * 4 - 4
