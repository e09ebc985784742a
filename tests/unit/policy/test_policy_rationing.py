"""Who gets a check as deep as wanted, who a resolve, and who has to wait for his next slot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.policy.quota import Account, Ceiling, Counting
from probes.policy.rationing import HEAD_OF_THE_LINE, Fate, Waiting, Wish, decide, may_wait

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HUB = Account(counting=Counting.MANIFESTS, ceiling=Ceiling(20, 3600))  # ten are ours; a resolve is free
COUNTED = Account(counting=Counting.REQUESTS, ceiling=Ceiling(40, 3600))  # twenty are ours; nothing is free


def deep(key: int, cost: int = 2, least: int | None = 0, *, is_ordered: bool = False, must_go: bool = False) -> Wish:
    return Wish(key=(key, 1), cost=cost, least=least, is_ordered=is_ordered, must_go=must_go)


def resolve(key: int, cost: int = 3) -> Wish:
    return Wish(key=(key, 1), cost=cost, least=cost)


def waits(key: int, *, minutes: int, cost: int = 2, least: int | None = 0, is_off: bool = False) -> Waiting:
    since = NOON - minutes * MINUTE
    return Waiting(
        key=(key, 1),
        cost=cost,
        least=least,
        deep_since=None if is_off else since,
        off_since=since if is_off else None,
    )


def fates(account: Account, *wishes: Wish, waiting: tuple[Waiting, ...] = ()) -> str:
    """Return a letter for each wish, in order: as asked, lowered, put off."""
    found = decide(account, wishes, waiting, now=NOON)
    return "".join(found[wish.key].value[0] for wish in wishes)


class TestWhereAResolveIsFree:
    def test_all_is_as_asked_while_there_is_enough(self) -> None:
        assert fates(HUB, *map(deep, range(5))) == "aaaaa"

    def test_more_than_that_is_lowered_and_nothing_put_off(self) -> None:
        """E.3."""
        assert fates(HUB, *map(deep, range(8)), resolve(9, 0)) == "aaaaallla"

    def test_nothing_limits_an_account_without_a_limit(self) -> None:
        assert fates(Account(), *(deep(key, 10**6) for key in range(3))) == "aaa"

    def test_whoever_waits_longest_comes_first(self) -> None:
        waiting = (waits(3, minutes=5), waits(2, minutes=9))
        assert fates(HUB.charged(NOON, spent=8), deep(1), deep(2), deep(3), waiting=waiting) == "lal"

    def test_what_somebody_waits_for_is_kept_for_him(self) -> None:
        elsewhere = tuple(waits(key, minutes=1) for key in range(10, 14))
        assert fates(HUB, deep(1), deep(2), waiting=elsewhere) == "al"

    def test_nobody_small_slips_in_before_somebody_large(self) -> None:
        assert fates(HUB, deep(1, 1), waiting=(waits(9, minutes=1, cost=10),)) == "l"

    def test_what_can_never_be_had_holds_nobody_up(self) -> None:
        waiting = (waits(9, minutes=1, cost=11),)
        assert fates(HUB, deep(9, 11), deep(1), waiting=waiting) == "la"

    def test_what_a_region_is_not_sure_to_have_holds_up_nobody_who_wants_less(self) -> None:
        """Of ten that are ours two regions have a part of two each; the rest is for whoever comes first."""
        shared = replace(HUB, region=1, sharers=frozenset({1, 2}))
        others = replace(replace(shared, region=2).charged(NOON, spent=6), region=1)
        line = (waits(9, minutes=9, cost=5),)
        assert fates(others, deep(1), deep(9, 5), waiting=line) == "al"
        assert fates(shared, deep(1), deep(9, 5), waiting=line) == "aa"

    def test_it_is_kept_from_those_who_want_as_much_when_it_is_all_there(self) -> None:
        shared = replace(HUB, region=1, sharers=frozenset({1, 2}))
        assert fates(shared, deep(1, 5), waiting=(waits(9, minutes=9, cost=5),)) == "l"
        assert fates(shared, deep(1, 3), waiting=(waits(9, minutes=9, cost=5),)) == "a"

    def test_newcomers_go_behind_a_line_whose_end_is_not_seen(self) -> None:
        line = tuple(waits(key, minutes=1, cost=0) for key in range(100, 100 + HEAD_OF_THE_LINE))
        assert fates(HUB, deep(1), waiting=line) == "l"
        assert fates(HUB, deep(1), waiting=line[1:]) == "a"


class TestWhatFailsDeepDown:
    def test_it_is_put_off_rather_than_called_well(self) -> None:
        assert fates(HUB.charged(NOON, spent=9), deep(1, least=None), deep(2)) == "pl"

    def test_it_comes_first_while_half_is_left(self) -> None:
        waiting = tuple(waits(key, minutes=9) for key in range(10, 15))
        assert fates(HUB.charged(NOON, spent=4), deep(1, least=None), waiting=waiting) == "a"
        assert fates(HUB.charged(NOON, spent=5), deep(1, least=None), waiting=waiting) == "p"

    def test_it_comes_first_whoever_stands_in_a_line_without_end(self) -> None:
        line = tuple(waits(key, minutes=1) for key in range(100, 100 + HEAD_OF_THE_LINE))
        assert fates(HUB, deep(1, least=None), waiting=line) == "a"

    def test_half_is_of_what_its_region_may_have(self) -> None:
        """Of a hundred that are ours ten regions have a part of five each, and one of them may take 55."""
        shared = replace(HUB, ceiling=Ceiling(200, 3600), region=1, sharers=frozenset(range(1, 11)))
        waiting = tuple(waits(key, minutes=9) for key in range(10, 50))
        assert fates(shared.charged(NOON, spent=27), deep(1, least=None), waiting=waiting) == "a"
        assert fates(shared.charged(NOON, spent=28), deep(1, least=None), waiting=waiting) == "p"

    def test_it_leaves_what_whoever_waits_longest_is_sure_to_have(self) -> None:
        waiting = (waits(9, minutes=9, cost=7),)
        assert fates(HUB, deep(1, least=None), deep(2, least=None), waiting=waiting) == "ap"
        assert fates(HUB, deep(1, least=None), deep(2, least=None), waiting=(waits(9, minutes=9, cost=11),)) == "aa"

    def test_it_waits_like_all_others_after_that(self) -> None:
        waiting = (waits(1, minutes=9, least=None),)
        assert fates(HUB.charged(NOON, spent=8), deep(2), deep(1, least=None), waiting=waiting) == "la"


class TestWhereEachRequestCounts:
    def test_resolves_go_while_there_is_enough(self) -> None:
        assert fates(COUNTED, *map(resolve, range(8))) == "aaaaaapp"

    def test_half_of_it_is_for_resolves_alone(self) -> None:
        assert fates(COUNTED, deep(1, 6, 3), deep(2, 6, 3), resolve(3), resolve(4)) == "alaa"

    def test_and_stays_theirs_though_an_image_fails(self) -> None:
        failing = [deep(key, 5, None) for key in range(5)]
        assert fates(COUNTED, *failing, *map(resolve, range(5, 9))) == "aapppaaap"

    def test_what_they_took_is_not_of_the_other_half(self) -> None:
        assert fates(COUNTED.charged(NOON, spent=10), deep(1, 10, 3)) == "a"
        assert fates(COUNTED.charged(NOON, spent=10, deep=10), deep(1, 10, 3)) == "l"

    def test_what_costs_more_than_the_other_half_goes_when_none_of_that_is_taken(self) -> None:
        assert fates(COUNTED, deep(1, 15, 3), resolve(2), resolve(3)) == "aap"
        assert fates(COUNTED.charged(NOON, spent=5), deep(1, 15, 3)) == "a"
        assert fates(COUNTED.charged(NOON, spent=6), deep(1, 15, 3)) == "l"
        assert fates(COUNTED.charged(NOON, spent=4, deep=4), deep(1, 15, 3)) == "l"
        assert fates(COUNTED, deep(1, 21, 3)) == "l"

    def test_but_not_what_a_resolve_waits_for_that_was_put_off(self) -> None:
        line = (waits(9, minutes=1, least=3, is_off=True),)
        assert fates(COUNTED, deep(1, 18, 3), waiting=line) == "l"
        assert fates(COUNTED, deep(1, 17, 3), waiting=line) == "a"
        assert fates(COUNTED.charged(NOON, spent=8), deep(1, 10, 3), waiting=line) == "a"

    def test_resolve_that_can_never_be_had_holds_nobody_up(self) -> None:
        """An image's costs three requests, and an endpoint's check one."""
        tiny = replace(COUNTED, ceiling=Ceiling(4, 3600))
        assert fates(tiny, resolve(1), resolve(2, 1), waiting=(waits(1, minutes=9, least=3, is_off=True),)) == "pa"

    def test_whoever_was_put_off_comes_first(self) -> None:
        waiting = (waits(3, minutes=1, least=3, is_off=True),)
        assert fates(COUNTED.charged(NOON, spent=17), resolve(1), resolve(3), waiting=waiting) == "pa"

    def test_what_he_waits_for_is_kept_for_him(self) -> None:
        waiting = (waits(3, minutes=1, least=3, is_off=True),)
        assert fates(COUNTED.charged(NOON, spent=15), resolve(1), waiting=waiting) == "p"
        assert fates(COUNTED.charged(NOON, spent=14), resolve(1), waiting=waiting) == "a"

    def test_who_waits_for_more_than_a_resolve_does_not_hold_up_resolves(self) -> None:
        waiting = (waits(3, minutes=1, cost=10, least=3),)
        assert fates(COUNTED.charged(NOON, spent=17), resolve(1), waiting=waiting) == "a"

    def test_newcomers_go_behind_a_line_whose_end_is_not_seen(self) -> None:
        line = tuple(waits(key, minutes=1, least=0, is_off=True) for key in range(100, 100 + HEAD_OF_THE_LINE))
        assert fates(COUNTED, resolve(1), waiting=line) == "p"
        assert fates(COUNTED, resolve(100), waiting=line) == "a"


class TestByHand:
    def test_depth_that_is_insisted_on_is_had(self) -> None:
        assert fates(HUB.charged(NOON, spent=10), deep(1, is_ordered=True)) == "a"

    def test_it_is_taken_from_what_others_get(self) -> None:
        assert fates(HUB.charged(NOON, spent=6), deep(1, is_ordered=True), deep(2), deep(3)) == "aal"

    def test_check_that_must_go_goes_at_least_as_a_resolve(self) -> None:
        used_up = COUNTED.charged(NOON, spent=20)
        assert fates(used_up, deep(1, 6, 3, must_go=True), replace(resolve(2), must_go=True)) == "la"

    def test_and_as_it_is_where_a_resolve_would_not_do(self) -> None:
        assert fates(HUB.charged(NOON, spent=10), deep(1, least=None, must_go=True)) == "a"


class TestWaiting:
    def test_whoever_got_what_he_wanted_leaves_the_line(self) -> None:
        assert not may_wait(deep(1), Fate.AS_ASKED, HUB, is_cut=False, now=NOON)

    def test_whoever_did_not_stands_in_it(self) -> None:
        assert may_wait(deep(1), Fate.LOWERED, HUB, is_cut=False, now=NOON)
        assert may_wait(resolve(1), Fate.PUT_OFF, COUNTED, is_cut=False, now=NOON)

    def test_there_is_no_use_in_waiting_for_what_can_never_be_had(self) -> None:
        assert not may_wait(deep(1, 11), Fate.LOWERED, HUB, is_cut=False, now=NOON)
        assert not may_wait(deep(1, 11, None), Fate.PUT_OFF, HUB, is_cut=False, now=NOON)
        assert not may_wait(deep(1), Fate.LOWERED, replace(HUB, ceiling=None), is_cut=False, now=NOON)

    def test_nor_for_a_resolve_that_never_will_be(self) -> None:
        tiny = replace(COUNTED, ceiling=Ceiling(4, 3600))
        assert not may_wait(resolve(1), Fate.PUT_OFF, tiny, is_cut=False, now=NOON)

    def test_line_whose_end_is_not_seen_is_for_those_who_are_sure_to_be_served(self) -> None:
        shared = replace(HUB, region=1, sharers=frozenset({1, 2}))
        assert may_wait(deep(1, 3), Fate.LOWERED, shared, is_cut=False, now=NOON)
        assert not may_wait(deep(1, 3), Fate.LOWERED, shared, is_cut=True, now=NOON)
        assert may_wait(deep(1, 2), Fate.LOWERED, shared, is_cut=True, now=NOON)

    def test_but_a_resolve_may_be_had(self) -> None:
        assert may_wait(deep(1, 100, 3), Fate.PUT_OFF, COUNTED, is_cut=False, now=NOON)
