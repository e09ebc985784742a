"""Who gets a check as deep as wanted, who a resolve, and who has to wait for his next slot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.policy.quota import Account
from probes.policy.quota_limits import Ceiling, Counting, Reading
from probes.policy.rationing import HEAD_OF_THE_LINE, Stand, Waiting, Wish, decide, hold

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HUB = Account(counting=Counting.MANIFESTS, ceiling=Ceiling(20, 3600))  # ten are ours; a resolve is free
COUNTED = Account(counting=Counting.REQUESTS, ceiling=Ceiling(40, 3600))  # twenty are ours; nothing is free


def deep(key: int, cost: int = 2, least: int | None = 0, *, is_ordered: bool = False, must_go: bool = False) -> Wish:
    return Wish(key=(key, 1), cost=cost, least=least, is_ordered=is_ordered, must_go=must_go)


def resolve(key: int, cost: int = 3) -> Wish:
    return Wish(key=(key, 1), cost=cost, least=cost)


def waits(
    key: int,
    *,
    minutes: int,
    cost: int = 2,
    least: int | None = 0,
    is_off: bool = False,
    holds: int | None = None,
    comes: int | None = None,
) -> Waiting:
    """Return one who waits for so long; who `holds` does so for so many minutes from now, or did until then.

    He `comes` in so many.
    """
    since = NOON - minutes * MINUTE
    return Waiting(
        key=(key, 1),
        cost=cost,
        least=least,
        deep_since=None if is_off else since,
        off_since=since if is_off else None,
        holds_until=None if holds is None else NOON + holds * MINUTE,
        comes_at=None if comes is None else NOON + comes * MINUTE,
    )


def fates(account: Account, *wishes: Wish, waiting: tuple[Waiting, ...] = ()) -> str:
    """Return a letter for each wish, in order: as asked, lowered, put off."""
    found = decide(account, wishes, waiting, now=NOON).fates
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

    def test_newcomers_get_what_those_who_are_seen_of_a_long_line_leave(self) -> None:
        line = tuple(waits(key, minutes=1) for key in range(100, 100 + HEAD_OF_THE_LINE))
        assert fates(HUB, deep(1), waiting=line) == "l"
        assert fates(HUB, deep(1), waiting=line[:4]) == "a"
        dear = tuple(waits(key, minutes=1, cost=9) for key in range(100, 100 + HEAD_OF_THE_LINE))
        assert fates(HUB.charged(NOON, spent=5), deep(1), waiting=dear) == "a"


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

    def test_half_is_of_what_people_leave(self) -> None:
        told = HUB.told(Reading(at=NOON - MINUTE, limit=20, remaining=10))
        waiting = tuple(waits(key, minutes=9) for key in range(10, 15))
        assert fates(told, deep(1, least=None), waiting=waiting) == "a"

    def test_it_leaves_what_is_kept_for_who_waits_longest(self) -> None:
        waiting = (waits(9, minutes=9, cost=7),)
        assert fates(HUB, deep(1, least=None), deep(2, least=None), waiting=waiting) == "ap"
        assert fates(HUB, deep(1, least=None), deep(2, least=None), waiting=(waits(9, minutes=9, cost=11),)) == "aa"
        assert fates(HUB, deep(1, least=None), waiting=(waits(9, minutes=9, cost=10, holds=1),)) == "p"

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


def stands(account: Account, *wishes: Wish, waiting: tuple[Waiting, ...] = ()) -> list[Stand | None]:
    found = decide(account, wishes, waiting, now=NOON)
    return [found.stands.get(wish.key) for wish in wishes]


class TestWhoIsAtTheHeadOfALine:
    """Ten are ours within an hour, of which six are taken: there is no room for seven."""

    TAKEN = HUB.charged(NOON, spent=6)

    def test_he_holds_what_he_does_not_find_room_for(self) -> None:
        assert fates(self.TAKEN, deep(1), deep(9, 7), waiting=(waits(9, minutes=1, cost=7),)) == "ll"

    def test_until_all_is_over_that_was_taken_before_and_a_slot_of_his_has_come(self) -> None:
        wish = replace(deep(1, 7), every=20 * MINUTE)
        assert stands(self.TAKEN, wish) == [Stand(NOON + (60 + 5 + 20) * MINUTE)]

    def test_for_some_hours_at_most(self) -> None:
        assert hold(replace(HUB, ceiling=Ceiling(20, 6 * 3600)), 30 * MINUTE) == 7 * 60 * MINUTE
        assert hold(replace(HUB, ceiling=Ceiling(20, 7 * 86_400)), MINUTE) == 8 * 60 * MINUTE

    def test_he_does_so_while_he_is_not_here(self) -> None:
        assert fates(self.TAKEN, deep(1), waiting=(waits(9, minutes=1, cost=7, holds=1),)) == "l"

    def test_but_begins_when_he_is(self) -> None:
        assert fates(self.TAKEN, deep(1), waiting=(waits(9, minutes=1, cost=7),)) == "a"

    def test_afterwards_he_lets_others_pass(self) -> None:
        line = (waits(9, minutes=99, cost=7, holds=0),)
        assert fates(self.TAKEN, deep(1), deep(9, 7), waiting=line) == "al"
        assert stands(self.TAKEN, deep(9, 7), waiting=line) == [Stand()]

    def test_nobody_else_holds_anything_meanwhile(self) -> None:
        line = (waits(9, minutes=99, cost=7, holds=0), waits(8, minutes=98, cost=5))
        assert fates(self.TAKEN, deep(1), deep(8, 5), waiting=line) == "al"
        assert stands(self.TAKEN, deep(8, 5), waiting=line) == [Stand()]

    def test_and_goes_to_the_end_of_the_line_after_as_long(self) -> None:
        assert stands(self.TAKEN, deep(9, 7), waiting=(waits(9, minutes=99, cost=7, holds=-64),)) == [Stand()]
        over = (waits(9, minutes=99, cost=7, holds=-65),)
        assert stands(self.TAKEN, deep(9, 7), waiting=over) == [Stand(is_last=True)]

    def test_who_is_not_at_the_head_holds_nothing(self) -> None:
        line = (waits(9, minutes=99, cost=3), waits(8, minutes=98, cost=5))
        assert fates(self.TAKEN, deep(1, 1), deep(8, 5), waiting=line) == "al"
        assert stands(self.TAKEN, deep(8, 5), waiting=line) == [Stand()]

    def test_nor_who_could_not_have_it_though_his_region_had_taken_nothing(self) -> None:
        """People, or other regions, have it."""
        told = HUB.told(Reading(at=NOON - MINUTE, limit=20, remaining=12))
        assert fates(told, deep(1), deep(9, 7), waiting=(waits(9, minutes=9, cost=7),)) == "al"
        assert stands(told, deep(9, 7)) == [None]
        assert stands(told, deep(9, 7), waiting=(waits(9, minutes=99, cost=7, holds=0),)) == [Stand()]

    def test_resolve_is_held_for_like_that(self) -> None:
        """An endpoint's check costs one request, and an image's resolve three."""
        short, line = COUNTED.charged(NOON, spent=18), (waits(3, minutes=1, least=3, is_off=True),)
        assert fates(short, resolve(1, 1), resolve(3), waiting=line) == "pp"
        assert stands(short, resolve(3), waiting=line) == [Stand(NOON + 65 * MINUTE)]
        over = (waits(3, minutes=99, least=3, is_off=True, holds=0),)
        assert fates(short, resolve(1, 1), resolve(3), waiting=over) == "ap"

    def test_who_is_lowered_begins_no_hold_at_the_head_of_those_who_were_put_off(self) -> None:
        line = (
            replace(waits(9, minutes=9, cost=6, least=3, is_off=True), deep_since=NOON),
            waits(8, minutes=9, cost=9),
        )
        taken = COUNTED.charged(NOON, spent=10, deep=10)
        assert stands(taken, deep(9, 6, 3), waiting=line) == [Stand()]

    def test_who_never_could_have_more_holds_for_a_resolve_only(self) -> None:
        line = (replace(waits(9, minutes=9, cost=100, least=3, is_off=True, holds=1), deep_since=NOON - MINUTE),)
        assert fates(COUNTED.charged(NOON, spent=10), deep(1, 5, 3), waiting=line) == "a"


class TestWhoComesSeldom:
    """What is taken now may be taken again in 65 minutes: then nobody has to leave it for who comes later."""

    TAKEN = HUB.charged(NOON, spent=6)

    def test_nothing_is_kept_for_him_until_shortly_before(self) -> None:
        assert fates(HUB, deep(1), waiting=(waits(9, minutes=9, cost=10, comes=65),)) == "a"
        assert fates(HUB, deep(1), waiting=(waits(9, minutes=9, cost=10, comes=64),)) == "l"
        assert fates(HUB, deep(1, least=None), waiting=(waits(9, minutes=9, cost=10, comes=65),)) == "a"

    def test_nor_held(self) -> None:
        assert fates(self.TAKEN, deep(1), waiting=(waits(9, minutes=9, cost=7, holds=99, comes=65),)) == "a"
        assert fates(self.TAKEN, deep(1), waiting=(waits(9, minutes=9, cost=7, holds=99, comes=64),)) == "l"

    def test_nor_is_a_resolve(self) -> None:
        short = COUNTED.charged(NOON, spent=15)
        assert fates(short, resolve(1), waiting=(waits(3, minutes=1, least=3, is_off=True, comes=65),)) == "a"
        assert fates(short, resolve(1), waiting=(waits(3, minutes=1, least=3, is_off=True, comes=64),)) == "p"

    def test_nor_is_his_resolve_from_who_costs_more_than_is_for_depth(self) -> None:
        put_off = waits(9, minutes=1, least=3, is_off=True, comes=65)
        assert fates(COUNTED, deep(1, 18, 3), waiting=(put_off,)) == "a"
        assert fates(COUNTED, deep(1, 18, 3), waiting=(replace(put_off, comes_at=NOON + 64 * MINUTE),)) == "l"
        assert fates(COUNTED, deep(1, 18, 3), resolve(9), waiting=(put_off,)) == "la"

    def test_he_holds_it_when_his_next_slot_comes(self) -> None:
        assert hold(HUB, 24 * 60 * MINUTE) == (25 * 60 + 5) * MINUTE
        assert hold(replace(HUB, ceiling=Ceiling(20, 7 * 86_400)), 24 * 60 * MINUTE) == 26 * 60 * MINUTE

    def test_of_a_long_window_eight_hours_are_kept_free_at_most(self) -> None:
        week = replace(HUB, ceiling=Ceiling(20, 7 * 86_400))
        assert fates(week, deep(1), waiting=(waits(9, minutes=9, cost=10, comes=8 * 60),)) == "a"
        assert fates(week, deep(1), waiting=(waits(9, minutes=9, cost=10, comes=8 * 60 - 1),)) == "l"


class TestWaiting:
    def test_whoever_got_what_he_wanted_leaves_the_line(self) -> None:
        assert stands(HUB, deep(1)) == [None]

    def test_whoever_did_not_stands_in_it(self) -> None:
        line = (waits(9, minutes=1, cost=10),)
        assert stands(HUB, deep(1), waiting=line) == [Stand()]
        resolves = (waits(9, minutes=1, least=3, is_off=True),)
        assert stands(COUNTED.charged(NOON, spent=17), resolve(1), waiting=resolves) == [Stand()]

    def test_there_is_no_use_in_waiting_for_what_can_never_be_had(self) -> None:
        assert stands(HUB, deep(1, 11), deep(2, 11, None)) == [None, None]
        assert stands(replace(HUB, ceiling=None), deep(1)) == [None]

    def test_nor_for_what_a_region_may_ask_with_that_was_told_nothing_yet(self) -> None:
        heard = replace(HUB, ceiling=Ceiling(1, 3600), is_hearsay=True).charged(NOON, spent=2)
        assert stands(heard, deep(1)) == [None]

    def test_nor_for_a_resolve_that_never_will_be(self) -> None:
        assert stands(replace(COUNTED, ceiling=Ceiling(4, 3600)), resolve(1)) == [None]

    def test_but_a_resolve_may_be_had(self) -> None:
        line = (waits(9, minutes=9, least=3, is_off=True),)
        assert stands(COUNTED.charged(NOON, spent=19), deep(1, 100, 3), waiting=line) == [Stand()]
