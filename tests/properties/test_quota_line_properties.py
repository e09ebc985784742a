"""What whoever waits for a quota is promised, whatever checks cost and however many regions share it.

Nobody waits for ever for what his region is sure to have, and nobody is held up by one who waits for more. What costs
more is looked at when there is room. Resolves go on, and what fails comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.policy.quota import Account, Ceiling, Counting, Reading
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
    def sure(self) -> int:
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


@settings(max_examples=60, deadline=None)
@given(worlds(), st.lists(st.tuples(st.integers(1, 200), intervals), min_size=1, max_size=8), st.data())
def test_check_that_costs_too_much_holds_up_nobody(
    world: World, dear: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever else waits: who wants what the region is sure to have gets it, time and again."""
    affordable = world.sure - world.least
    if affordable < 1:
        return
    cheap = data.draw(st.lists(st.tuples(st.integers(1, affordable), intervals), min_size=1, max_size=6))
    images = {number: Image(cost, every) for number, (cost, every) in enumerate([*dear, *cheap])}
    resolves = sum(-(-WINDOW_MINUTES // image.every) + 1 for image in images.values()) * world.least
    if resolves > world.sure:
        return
    fates = world.play(images, minutes_for(world, [cost for cost, _ in [*dear, *cheap]]))
    for number in range(len(dear), len(images)):
        half = len(fates[number]) // 2
        assert seen(fates[number][:half]), (number, images)
        assert seen(fates[number][half:]), (number, images)


@settings(max_examples=50, deadline=None)
@given(worlds(is_common_half_gone=False), intervals, st.data())
def test_check_that_costs_more_than_is_sure_is_made_while_nobody_else_wants_as_much(
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
    """Where each request counts, and images want no more resolves than half of what is sure."""
    images = {number: Image(cost, every, is_failing=failing) for number, (cost, every, failing) in enumerate(deep)}
    ordinary = {len(deep) + number: Image(0, WINDOW_MINUTES) for number in range(count)}
    wanted = sum(-(-WINDOW_MINUTES // image.every) + 1 for image in images.values() if not image.is_failing)
    if wanted + 2 * count > world.sure:
        return
    fates = world.play(images | ordinary, 8 * WINDOW_MINUTES)
    for number in ordinary:
        assert seen(fates[number]) >= len(fates[number]) // 3


@settings(max_examples=50, deadline=None)
@given(worlds(), st.integers(1, 200), intervals, st.integers(1, 6), st.data())
def test_image_that_fails_for_ever_comes_first_and_holds_up_nobody_for_ever(
    world: World, failing_cost: int, every: int, count: int, data: st.DataObject
) -> None:
    if world.sure - world.least < 1:
        return
    costs = data.draw(st.lists(st.integers(1, world.sure - world.least), min_size=count, max_size=count))
    images = {0: Image(failing_cost, every, is_failing=True)}
    images |= {number: Image(cost, 1 + number % 3) for number, cost in enumerate(costs, 1)}
    if world.least * sum(WINDOW_MINUTES // image.every + 2 for image in images.values()) > world.sure:
        return
    fates = world.play(images, minutes_for(world, costs))
    for number in range(1, len(images)):
        assert seen(fates[number])
    if failing_cost + world.least <= world.sure // 2:
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
