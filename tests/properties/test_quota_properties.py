"""Whatever is wanted and whenever, no more is taken of a registry's quota than is ours, and nobody starves."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.policy.quota import Account
from probes.policy.quota_limits import Ceiling, Counting, Reading
from probes.policy.rationing import Fate, Key, Waiting, Wish, decide

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

ceilings = st.builds(Ceiling, st.integers(1, 200), st.sampled_from([60, 600, 3600, 6 * 3600]))
accounts = st.builds(Account, counting=st.sampled_from(Counting), ceiling=ceilings, share_percent=st.integers(1, 100))


@dataclass
class Dispatcher:
    """Hands out checks as the control plane does, with a line in memory, and notes what it took when."""

    account: Account
    line: dict[Key, Waiting] = field(default_factory=dict)
    taken: list[tuple[datetime, int]] = field(default_factory=list)

    def hand_out(self, wishes: Sequence[Wish], now: datetime) -> dict[Key, Fate]:
        waiting = sorted(self.line.values(), key=lambda wait: (wait.off_since or NOON + 99 * MINUTE, wait.key))
        found = decide(self.account, wishes, waiting, now=now)
        fates = dict(found.fates)
        spent = deep = 0
        for wish in wishes:
            fate = fates[wish.key]
            spent += {Fate.AS_ASKED: wish.cost, Fate.LOWERED: wish.least or 0, Fate.PUT_OFF: 0}[fate]
            deep += wish.cost if fate is Fate.AS_ASKED and wish.is_deep else 0
            before = self.line.pop(wish.key, None)
            if stand := found.stands.get(wish.key):
                before = None if stand.is_last else before
                self.line[wish.key] = Waiting(
                    key=wish.key,
                    cost=wish.cost,
                    least=wish.least,
                    deep_since=((before and before.deep_since) or now) if wish.is_deep else None,
                    off_since=((before and before.off_since) or now) if fate is Fate.PUT_OFF else None,
                    holds_until=(before and before.holds_until) or stand.holds_until,
                    comes_at=now + wish.every,
                )
        self.account = self.account.charged(now, spent=spent, deep=deep)
        self.taken.append((now, spent))
        return fates


wishes = st.builds(
    lambda key, cost, least: Wish(key=(key, 1), cost=cost, least=None if least is None else min(least, cost)),
    st.integers(1, 30),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(0, 5)),
)
rounds = st.lists(
    st.tuples(st.integers(0, 3000), st.lists(wishes, max_size=20, unique_by=lambda wish: wish.key)), max_size=25
)


@given(accounts, rounds)
def test_within_any_window_no_more_is_taken_than_is_ours(
    account: Account, rounds: list[tuple[int, list[Wish]]]
) -> None:
    dispatcher, now = Dispatcher(account), NOON
    for seconds, asked in rounds:
        now += seconds * SECOND
        dispatcher.hand_out(asked, now)
    for end, _ in dispatcher.taken:
        within = sum(spent for at, spent in dispatcher.taken if end - account.window < at <= end)
        assert within <= (account.budget or 0)


@given(accounts, rounds, st.lists(st.integers(0, 200), min_size=25, max_size=25))
def test_and_no_more_than_our_share_of_what_is_said_to_be_left(
    account: Account, rounds: list[tuple[int, list[Wish]]], remaining: list[int]
) -> None:
    dispatcher, now = Dispatcher(account), NOON
    for (seconds, asked), left in zip(rounds, remaining, strict=False):
        now += (seconds + 1) * SECOND
        dispatcher.account = dispatcher.account.told(Reading(at=now, limit=200, remaining=left))
        dispatcher.hand_out(asked, now)
        assert dispatcher.taken[-1][1] <= left * account.share_percent // 100


@given(accounts, rounds)
def test_who_can_be_lowered_to_what_is_free_is_never_put_off(
    account: Account, rounds: list[tuple[int, list[Wish]]]
) -> None:
    dispatcher, now = Dispatcher(account), NOON
    for seconds, asked in rounds:
        now += seconds * SECOND
        fates = dispatcher.hand_out(asked, now)
        assert all(fates[wish.key] is not Fate.PUT_OFF for wish in asked if wish.least == 0)


@given(accounts, rounds, st.randoms(use_true_random=False))
def test_order_of_wishes_and_of_the_line_does_not_matter(
    account: Account, rounds: list[tuple[int, list[Wish]]], chance: Random
) -> None:
    dispatcher, now = Dispatcher(account), NOON
    for seconds, asked in rounds:
        now += seconds * SECOND
        line = list(dispatcher.line.values())
        mixed, mixed_line = list(asked), list(line)
        chance.shuffle(mixed)
        chance.shuffle(mixed_line)
        found = decide(dispatcher.account, asked, line, now=now)
        assert decide(dispatcher.account, mixed, mixed_line, now=now) == found
        dispatcher.hand_out(asked, now)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 60),
    st.lists(st.integers(1, 5), min_size=1, max_size=40),
    st.sampled_from(Counting),
    st.lists(st.integers(1, 9), min_size=40, max_size=40),
)
def test_nobody_starves(limit: int, costs: list[int], counting: Counting, intervals: list[int]) -> None:
    """Each resource is looked at in depth, or at least at all where resolves are not free, time and again."""
    account = Account(counting=counting, ceiling=Ceiling(limit * 2, 600))
    least = 0 if counting is Counting.MANIFESTS else 1
    dispatcher, served = Dispatcher(account), defaultdict[int, int](int)
    minutes = 20 * (sum(costs) // limit + 2) * 4
    for minute in range(minutes):
        asked = [
            Wish(key=(key, 1), cost=min(cost + least, limit), least=min(least, limit))
            for key, cost in enumerate(costs)
            if minute % intervals[key] == 0
        ]
        for (key, _), fate in dispatcher.hand_out(asked, NOON + minute * MINUTE).items():
            is_served = fate is Fate.AS_ASKED or (counting is Counting.REQUESTS and fate is Fate.LOWERED)
            served[key] += is_served
    assert set(served) == set(range(len(costs)))
    assert min(served.values()) >= 1


@given(accounts, st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 30), st.integers(-40, 40)), max_size=30))
def test_what_is_set_right_is_never_less_than_nothing(account: Account, charges: list[tuple[int, int, int]]) -> None:
    now = NOON
    for seconds, spent, difference in charges:
        now += seconds * SECOND
        account = account.charged(now, spent=spent).corrected(now, difference)
        assert all(bucket.spent >= 0 for bucket in account.buckets)
        assert replace(account, buckets=account.buckets[:1]).spent(now) <= account.spent(now)
