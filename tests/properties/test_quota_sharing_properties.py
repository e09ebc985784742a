"""Whatever one region says of a shared account, the others have their part, and take no more than is ours."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.hearsay import Readings, believed, noted
from probes.policy.quota import Account, Bucket
from probes.policy.quota_limits import Counting, Reading, ceiling
from probes.policy.rationing import Fate, Wish, decide

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WINDOW_SECONDS = 3600
WINDOW = WINDOW_SECONDS * SECOND
LIAR = 9


@dataclass
class Shared:
    """An account that regions share, as the control plane keeps it; `limit` is what the registry truly grants."""

    limit: int
    counting: Counting = Counting.MANIFESTS
    tells_what_is_left: bool = True
    readings: Readings = field(default_factory=dict)
    buckets: tuple[Bucket, ...] = ()
    taken: list[tuple[datetime, int, int]] = field(default_factory=list)

    @property
    def ours(self) -> int:
        return self.limit // 2

    def seen_from(self, region: int, regions: Sequence[int]) -> Account:
        reading = believed(self.readings, region)
        is_hearsay = region not in self.readings and bool(self.readings)
        return Account(
            counting=self.counting,
            ceiling=ceiling(own=None, reading=reading, host="docker.io", has_login=True, is_hearsay=is_hearsay),
            reading=reading,
            buckets=self.buckets,
            region=region,
            sharers=frozenset({*self.readings, *(bucket.region for bucket in self.buckets), *regions}),
            others=tuple(told for other, told in self.readings.items() if other != region),
            is_hearsay=is_hearsay,
        )

    def hand_out(self, costs: Sequence[int], region: int, regions: Sequence[int], now: datetime) -> list[Fate]:
        account = self.seen_from(region, regions)
        least = 0 if self.counting is Counting.MANIFESTS else 1
        wishes = [Wish(key=(number, region), cost=cost + least, least=least) for number, cost in enumerate(costs)]
        found = decide(account, wishes, [], now=now).fates
        spent = sum(
            {Fate.AS_ASKED: wish.cost, Fate.LOWERED: least, Fate.PUT_OFF: 0}[found[wish.key]] for wish in wishes
        )
        deep = sum(wish.cost for wish in wishes if found[wish.key] is Fate.AS_ASKED)
        if account.ceiling:
            self.buckets = account.charged(now, spent=spent, deep=deep).buckets
        self.taken.append((now, region, spent))
        return [found[wish.key] for wish in wishes]

    def told(self, region: int, reading: Reading) -> None:
        self.readings = noted(self.readings, region, reading)

    def told_truly(self, region: int, now: datetime, *, left: int) -> None:
        remaining = left if self.tells_what_is_left else None
        self.told(region, Reading(at=now, limit=self.limit, remaining=remaining, window_seconds=WINDOW_SECONDS))

    def lied(self, spent: int, now: datetime) -> None:
        """Let the liar say that a check of his did cost so much."""
        self.buckets = self.seen_from(LIAR, ()).corrected(now, spent).buckets

    def within(self, end: datetime, regions: Sequence[int]) -> int:
        return sum(spent for at, region, spent in self.taken if end - WINDOW < at <= end and region in regions)


lies = st.builds(
    Reading,
    at=st.just(NOON),
    limit=st.one_of(st.none(), st.integers(0, 10**9)),
    remaining=st.one_of(st.none(), st.integers(0, 10**9)),
    window_seconds=st.sampled_from([None, 60, WINDOW_SECONDS, 7 * 86_400]),
)
costs = st.lists(st.integers(1, 9), min_size=1, max_size=8)
rounds = st.lists(st.tuples(st.integers(1, 2400), lies, st.integers(-20, 1000), costs), min_size=1, max_size=10)
shared_accounts = st.builds(Shared, st.integers(20, 400), st.sampled_from(Counting), st.booleans())
honest_ones = st.integers(1, 4).map(lambda count: list(range(1, count + 1)))


def play(shared: Shared, honest: Sequence[int], rounds: Sequence[tuple[int, Reading, int, list[int]]]) -> None:
    """Let honest regions and a liar take what they are given, and the liar say what he likes."""
    now, regions = NOON, [*honest, LIAR]
    for region in honest:
        shared.told_truly(region, now, left=shared.limit)
    for seconds, lie, extra, wanted in rounds:
        now += seconds * SECOND
        for region in (LIAR, *honest):
            shared.hand_out(wanted, region, regions, now)
        used = sum(spent for at, _, spent in shared.taken if now - WINDOW < at <= now)
        for region in honest:
            shared.told_truly(region, now, left=max(shared.limit - used, 0))
        shared.told(LIAR, replace(lie, at=now + SECOND))
        shared.lied(extra, now + SECOND)


@given(shared_accounts, honest_ones, rounds)
def test_whatever_one_says_the_others_take_no_more_than_is_ours(
    shared: Shared, honest: list[int], rounds: list[tuple[int, Reading, int, list[int]]]
) -> None:
    play(shared, honest, rounds)
    for end, _, _ in shared.taken:
        assert shared.within(end, honest) <= shared.ours


@given(shared_accounts, st.integers(2, 4), rounds)
def test_and_where_two_know_better_nor_does_he(
    shared: Shared, count: int, rounds: list[tuple[int, Reading, int, list[int]]]
) -> None:
    play(shared, list(range(1, count + 1)), rounds)
    assert all(spent <= shared.ours for _, region, spent in shared.taken if region == LIAR)


@given(shared_accounts, honest_ones, rounds)
def test_whatever_one_says_each_of_the_others_gets_its_part(
    shared: Shared, honest: list[int], rounds: list[tuple[int, Reading, int, list[int]]]
) -> None:
    """Who took nothing for a window, and was told that there is plenty, may take its part: no lie counts."""
    play(shared, honest, rounds)
    now, regions = max(at for at, _, _ in shared.taken) + 2 * WINDOW, [*honest, LIAR]
    shared.hand_out([6] * 12, LIAR, regions, now)
    for region in honest:
        shared.told_truly(region, now, left=shared.limit)
    now += SECOND
    shared.told(LIAR, replace(rounds[-1][1], at=now))
    shared.lied(10**6, now)
    for region in honest:
        part = shared.ours // (2 * len(regions))
        assert (shared.seen_from(region, regions).allowance(now) or 0) >= part


@given(shared_accounts, lies)
def test_who_was_told_nothing_yet_may_ask(shared: Shared, lie: Reading) -> None:
    """A resolve is free, or there is room for one: so nobody goes by a lie for long."""
    shared.told(LIAR, replace(lie, limit=lie.limit or 0))
    shared.lied(10**6, NOON)
    asks = Wish(key=(1, 1), cost=20, least=0 if shared.counting is Counting.MANIFESTS else 3)
    found = decide(shared.seen_from(1, [1, LIAR]), [asks], [], now=NOON).fates
    assert found[1, 1] is not Fate.PUT_OFF


@given(lies, honest_ones, rounds)
def test_whatever_one_says_the_first_look_of_the_others_takes_no_more_than_is_known(
    lie: Reading, honest: list[int], rounds: list[tuple[int, Reading, int, list[int]]]
) -> None:
    """He is the first to be told anything, or says so, and they hand out all that is due."""
    shared = Shared(limit=200)
    shared.told(LIAR, lie)
    for seconds, _, _, wanted in rounds:
        for region in honest:
            shared.hand_out(wanted * 20, region, [*honest, LIAR], NOON + min(seconds, 60) * SECOND)
    assert shared.within(NOON + WINDOW, honest) <= shared.ours
