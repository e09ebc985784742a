"""What an account of a registry still has for us, what checks cost, and what limits whom."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.quota import NOBODY, PARTS, Account, Bucket, buckets_from_json, buckets_to_json
from probes.policy.quota_costs import cost, has_met, manifests_read, price
from probes.policy.quota_limits import (
    HUB,
    LARGEST_LIMIT,
    LONGEST_SOURCE,
    Ceiling,
    Counting,
    Reading,
    ceiling,
    counting,
    place,
)
from probes.protocol.outcome import Conclusion, Outcome, RateLimit, Step
from probes.protocol.taxonomy import Depth, Reason, Stage
from tests.fakes.steps import step

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HUNDRED = Account(counting=Counting.MANIFESTS, ceiling=Ceiling(100, 6 * 3600))


def outcome(*steps: Step, requests: int = 3) -> Outcome:
    return Outcome(
        reference="alpine",
        conclusion=Conclusion(reason=Reason.OK, canonical="docker.io/library/alpine:latest"),
        started_at=NOON,
        duration_ms=1.0,
        requests=requests,
        bytes_read=0,
        connection="new",
        steps=steps,
    )


class TestAllowance:
    def test_half_of_a_limit_is_ours(self) -> None:
        """E.3."""
        assert (HUNDRED.budget, HUNDRED.allowance(NOON)) == (50, 50)

    def test_share_is_the_operators_to_set(self) -> None:
        assert replace(HUNDRED, share_percent=10).allowance(NOON) == 10

    def test_nothing_limits_an_account_without_a_ceiling(self) -> None:
        assert Account().budget is None
        assert Account().allowance(NOON) is None

    def test_what_was_taken_is_no_longer_there(self) -> None:
        taken = HUNDRED.charged(NOON, spent=20).charged(NOON + MINUTE, spent=5).charged(NOON + HOUR, spent=1)
        assert (taken.spent(NOON + HOUR), taken.allowance(NOON + HOUR)) == (26, 24)

    def test_it_comes_back_when_its_part_of_the_window_is_over(self) -> None:
        part = 6 * HOUR / PARTS
        taken = HUNDRED.charged(NOON + part - MINUTE, spent=50)
        assert taken.allowance(NOON + 6 * HOUR + part - MINUTE) == 0
        assert taken.allowance(NOON + 6 * HOUR + part) == 50

    def test_what_no_longer_counts_is_forgotten(self) -> None:
        account = HUNDRED
        for hour in range(100):
            account = account.charged(NOON + hour * HOUR, spent=1)
        assert len(account.buckets) <= PARTS + 1

    def test_it_is_never_less_than_nothing(self) -> None:
        assert HUNDRED.charged(NOON, spent=70).allowance(NOON) == 0

    def test_it_is_our_share_of_what_others_leave(self) -> None:
        """E.3: planned GETs are less than half of what remains."""
        told = HUNDRED.told(Reading(at=NOON, limit=100, remaining=30))
        assert told.allowance(NOON) == 15
        assert told.charged(NOON + MINUTE, spent=10).allowance(NOON + MINUTE) == 5

    def test_what_was_taken_before_is_in_what_is_left(self) -> None:
        taken = HUNDRED.charged(NOON, spent=10).told(Reading(at=NOON + HOUR, limit=100, remaining=60))
        assert taken.allowance(NOON + HOUR) == 30

    def test_nothing_is_ours_of_what_is_used_up(self) -> None:
        assert HUNDRED.told(Reading(at=NOON, limit=100, remaining=0)).allowance(NOON + HOUR) == 0

    def test_what_was_left_a_window_ago_says_nothing(self) -> None:
        told = HUNDRED.told(Reading(at=NOON, limit=100, remaining=0))
        assert told.allowance(NOON + 6 * HOUR) == 50


class TestRegionsThatShare:
    """Of 100 two regions may take 50: a part of 12 each, and 26 for whoever comes first."""

    SHARED = replace(HUNDRED, region=1, sharers=frozenset({1, 2}))

    def by_other(self, *, spent: int, at: datetime = NOON) -> Account:
        """Return the account after region 2 took so much, as region 1 sees it."""
        return replace(replace(self.SHARED, region=2).charged(at, spent=spent), region=1)

    def test_a_region_may_take_its_part_and_what_is_for_whoever_comes_first(self) -> None:
        assert self.SHARED.allowance(NOON) == 12 + 26

    @pytest.mark.parametrize(("spent", "left"), [(12, 38), (20, 30), (38, 12), (50, 12), (10**6, 12)])
    def test_what_another_says_that_it_took_leaves_a_region_its_part(self, spent: int, left: int) -> None:
        """A lie of 10**6 takes no more than the common half."""
        assert self.by_other(spent=spent).allowance(NOON) == left

    def test_all_of_them_take_no_more_than_is_ours(self) -> None:
        first = self.SHARED.charged(NOON, spent=38)
        second = replace(first, region=2)
        assert second.allowance(NOON) == 12
        assert second.charged(NOON, spent=12).allowance(NOON) == 0

    @pytest.mark.parametrize(("remaining", "left"), [(0, 12), (20, 12 + 6), (100, 38)])
    def test_what_another_was_told_bounds_what_is_for_whoever_comes_first(self, remaining: int, left: int) -> None:
        told = Reading(at=NOON, limit=100, remaining=remaining)
        assert replace(self.SHARED, others=(told,)).allowance(NOON) == left

    def test_it_does_so_for_a_window(self) -> None:
        told = Reading(at=NOON, limit=100, remaining=0)
        assert replace(self.SHARED, others=(told,)).allowance(NOON + 6 * HOUR) == 38

    def test_what_a_region_was_told_itself_bounds_its_part_too(self) -> None:
        assert self.SHARED.told(Reading(at=NOON, limit=100, remaining=8)).allowance(NOON) == 1 + 2
        assert self.SHARED.told(Reading(at=NOON, limit=100, remaining=0)).allowance(NOON) == 0

    def test_who_goes_by_hearsay_may_ask_once_in_an_hour(self) -> None:
        """A resolve that costs three requests: then it was told itself."""
        heard = replace(self.SHARED, ceiling=Ceiling(1, 3600), is_hearsay=True)
        assert heard.allowance(NOON) == 3
        asked = heard.charged(NOON, spent=3)
        assert asked.allowance(NOON + MINUTE) == 0
        assert asked.allowance(NOON + 2 * HOUR) == 3

    def test_one_that_knows_of_a_short_window_forgets_nothing_of_what_others_took(self) -> None:
        taken = self.by_other(spent=30, at=NOON - HOUR)
        hasty = replace(taken, ceiling=Ceiling(100, 60)).charged(NOON, spent=1)
        assert replace(hasty, ceiling=HUNDRED.ceiling).spent(NOON) == 31

    def test_what_somebody_took_who_has_no_part_any_more_is_of_the_common_half(self) -> None:
        taken = replace(self.by_other(spent=20).buckets[0], region=NOBODY)
        assert replace(self.SHARED, buckets=(taken,)).allowance(NOON) == 12 + 6

    def test_what_others_were_told_counts_what_was_taken_since(self) -> None:
        """Each reading of its own: of what was left an hour ago less than of what is left now."""
        taken = self.by_other(spent=20).buckets
        before, after = (Reading(at=at, limit=100, remaining=100) for at in (NOON - HOUR, NOON + HOUR))
        ample = replace(self.SHARED, ceiling=Ceiling(1000, 6 * 3600), buckets=taken)
        commons = [replace(ample, others=others).allowance(NOON + HOUR) for others in ((after,), (before, after))]
        assert commons == [125 + 26, 125 + 26 - (20 - 12)]

    def test_many_who_were_told_something_look_at_each_bucket_once(self) -> None:
        """Whoever hands out checks holds the account meanwhile, and asks for each region."""
        account = replace(self.SHARED, others=(Reading(at=NOON, limit=100, remaining=9),))
        for minute in range(60):
            account = account.charged(NOON + minute * MINUTE, spent=1)
        looked = [_looked_at(account, others=count) for count in (1, 50)]
        assert looked[0] == looked[1]

    def test_what_a_region_took_is_set_right_for_itself(self) -> None:
        both = self.SHARED.charged(NOON, spent=5)
        both = replace(both, region=2).charged(NOON, spent=7).corrected(NOON, -7)
        assert (both.own_spent(NOON), replace(both, region=1).own_spent(NOON)) == (0, 5)

    def test_half_of_a_part_is_for_more_than_resolves_though_the_common_half_is_gone(self) -> None:
        """Of a hundred 25 may go to that: a part of six each, and 13 for whoever comes first."""
        shared = replace(self.SHARED, counting=Counting.REQUESTS)
        assert shared.for_depth(NOON) == 6 + 13
        taken = replace(self.by_other(spent=50), counting=Counting.REQUESTS)
        assert (taken.allowance(NOON), taken.for_depth(NOON)) == (12, 6)


class TestDepth:
    COUNTED = replace(HUNDRED, counting=Counting.REQUESTS, region=1, sharers=frozenset({1}))

    def test_it_may_have_half_of_what_is_ours_where_each_request_counts(self) -> None:
        assert self.COUNTED.for_depth(NOON) == 25
        assert self.COUNTED.charged(NOON, spent=15, deep=15).for_depth(NOON) == 10
        assert HUNDRED.for_depth(NOON) == 50

    @pytest.mark.parametrize(("resolves", "left"), [(20, 25), (30, 20), (45, 5), (50, 0)])
    def test_resolves_take_of_it_what_the_other_half_has_no_room_for(self, resolves: int, left: int) -> None:
        assert self.COUNTED.charged(NOON, spent=resolves).for_depth(NOON) == left

    def test_it_is_half_of_what_people_leave(self) -> None:
        told = self.COUNTED.told(Reading(at=NOON, limit=100, remaining=16))
        assert (told.allowance(NOON + HOUR), told.for_depth(NOON + HOUR)) == (8, 4)

    def test_what_a_region_took_itself_is_not_missing_at_best(self) -> None:
        """What it took is in what was said to be left, to it and to others; so is what people took."""
        shared = replace(HUNDRED, region=1, sharers=frozenset({1, 2}))
        taken = replace(shared, region=2).charged(NOON, spent=20)
        taken = replace(taken, region=1).charged(NOON, spent=9)
        told = Reading(at=NOON + HOUR, limit=100, remaining=51)
        for known in (taken.told(told), replace(taken, others=(told,))):
            assert known.at_best().reading == (known.reading and replace(told, remaining=60))
            assert known.at_best().others == tuple(replace(told, remaining=60) for _ in known.others)
        assert taken.told(told).at_best().allowance(NOON + HOUR) == 7 + 16
        assert taken.charged(NOON + 2 * HOUR, spent=8).told(told).at_best().own_spent(NOON + 2 * HOUR) == 0

    @pytest.mark.parametrize(
        "told", [Reading(at=NOON, limit=100), Reading(at=NOON, limit=20, remaining=15), Reading(at=NOON - 9 * HOUR)]
    )
    def test_nor_is_more_left_at_best_than_there_is(self, told: Reading) -> None:
        best = HUNDRED.charged(NOON, spent=9).told(told).at_best().reading
        assert best == (replace(told, remaining=20) if told.remaining else told)

    def test_resolves_are_missing_at_best_for_more_than_those(self) -> None:
        taken = self.COUNTED.charged(NOON, spent=40, deep=15)
        assert (taken.for_depth(NOON), taken.at_best(for_depth=True).for_depth(NOON)) == (10, 25)
        told = taken.told(Reading(at=NOON + HOUR, limit=100, remaining=60))
        assert told.at_best(for_depth=True).for_depth(NOON + HOUR) == 75 // 2 // 2
        assert told.at_best().allowance(NOON + HOUR) == 50

    @pytest.mark.parametrize(("count", "most"), [(1, 50), (2, 38), (10, 32)])
    def test_more_than_nobody_took_will_never_be_had(self, count: int, most: int) -> None:
        assert replace(HUNDRED, region=1, sharers=frozenset(range(1, count + 1))).most() == most


def _looked_at(account: Account, *, others: int) -> int:
    """Return how often the buckets are gone through where so many others were told something, each at its time."""
    looks = 0

    class Looked(tuple[Bucket, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[Bucket]:
            nonlocal looks
            looks += 1
            return super().__iter__()

    told = tuple(Reading(at=NOON + number * MINUTE, limit=100, remaining=9) for number in range(others))
    replace(account, buckets=Looked(account.buckets), others=told).allowance(NOON + HOUR)
    return looks


class TestCorrecting:
    def test_a_check_that_cost_less_gives_the_rest_back(self) -> None:
        taken = HUNDRED.charged(NOON, spent=20)
        assert taken.corrected(NOON, -15).spent(NOON) == 5
        assert taken.corrected(NOON, -30).spent(NOON) == 0

    def test_only_the_time_at_which_it_was_taken_is_corrected(self) -> None:
        taken = HUNDRED.charged(NOON, spent=20).charged(NOON + HOUR, spent=3)
        assert [bucket.spent for bucket in taken.corrected(NOON + HOUR, 2).buckets] == [20, 5]

    def test_it_is_corrected_once_though_the_window_became_another(self) -> None:
        """Parts of the old window and of the new one overlap."""
        taken = replace(HUNDRED.charged(NOON, spent=20), ceiling=Ceiling(100, 12 * 3600))
        taken = taken.charged(NOON + 31 * MINUTE, spent=3)
        assert [bucket.spent for bucket in taken.corrected(NOON, -15).buckets] == [5, 3]

    def test_what_was_not_taken_in_advance_is_taken_afterwards(self) -> None:
        assert HUNDRED.corrected(NOON, 4).spent(NOON) == 4
        assert HUNDRED.corrected(NOON, -4) == HUNDRED

    @pytest.mark.parametrize(("difference", "deep", "left"), [(-15, -15, 5), (-15, 0, 15), (-30, -30, 0), (3, 3, 23)])
    def test_what_more_than_resolves_took_is_set_right_too(self, difference: int, deep: int, left: int) -> None:
        taken = HUNDRED.charged(NOON, spent=30, deep=20).corrected(NOON, difference, deep=deep)
        assert [bucket.deep for bucket in taken.buckets] == [left]
        assert [bucket.deep for bucket in HUNDRED.corrected(NOON, 4, deep=3).buckets] == [3]


class TestReading:
    def test_numbers_of_a_registry_are_bounded(self) -> None:
        told = Reading.of(RateLimit(limit=10**30, remaining=10**30, window_seconds=10**30, source="::1"), NOON)
        assert told == Reading(
            at=NOON, limit=LARGEST_LIMIT, remaining=LARGEST_LIMIT, window_seconds=7 * 86_400, source="::/64"
        )

    def test_source_fits_its_column_whoever_names_it(self) -> None:
        told = Reading.of(RateLimit(limit=10, remaining=5, window_seconds=60, source="x\n" * 5000), NOON)
        assert len(told.source) == LONGEST_SOURCE
        assert told.source.isprintable()

    @pytest.mark.parametrize(
        "told", [None, RateLimit(limit=None, remaining=5, window_seconds=None, source="192.0.2.7")]
    )
    def test_without_a_limit_it_says_that_there_is_none(self, told: RateLimit | None) -> None:
        assert Reading.of(told, NOON) == Reading(at=NOON)

    def test_a_limit_may_come_alone(self) -> None:
        told = Reading.of(RateLimit(limit=10, remaining=None, window_seconds=None, source=None), NOON)
        assert told == Reading(at=NOON, limit=10)

    def test_older_one_is_passed_over(self) -> None:
        told = HUNDRED.told(Reading(at=NOON, limit=100, remaining=7))
        assert told.told(Reading(at=NOON - MINUTE, limit=100, remaining=90)) == told

    def test_silence_is_believed_once_the_limit_has_lapsed(self) -> None:
        told = HUNDRED.told(Reading(at=NOON, limit=100, remaining=7, window_seconds=3600))
        assert told.told(Reading(at=NOON + MINUTE)) == told
        assert told.told(Reading(at=NOON + HOUR)).reading == Reading(at=NOON + HOUR)

    def test_limit_is_believed_after_silence(self) -> None:
        silent = Account().told(Reading(at=NOON))
        assert silent.told(Reading(at=NOON + MINUTE, limit=5)).reading == Reading(at=NOON + MINUTE, limit=5)


class TestCeiling:
    @pytest.mark.parametrize(("has_login", "limit"), [(False, 100), (True, 200)])
    def test_docker_hubs_is_known_before_it_tells(self, *, has_login: bool, limit: int) -> None:
        found = ceiling(own=None, reading=None, host=HUB, has_login=has_login)
        assert found == Ceiling(limit, 6 * 3600)

    @pytest.mark.parametrize(
        ("told", "host", "held"),
        [
            (Reading(at=NOON), HUB, Ceiling(200, 6 * 3600)),
            (Reading(at=NOON, limit=10**9, window_seconds=60), HUB, Ceiling(200, 6 * 3600)),
            (Reading(at=NOON, limit=30, window_seconds=3600), HUB, Ceiling(30, 3600)),
            (Reading(at=NOON, limit=5000, window_seconds=7 * 86_400), HUB, Ceiling(200, 7 * 86_400)),
            (Reading(at=NOON, limit=100, window_seconds=60), HUB, Ceiling(100, 6 * 3600)),
            (Reading(at=NOON, limit=10**9, window_seconds=60), "ghcr.io", Ceiling(10**9, 60)),
            (Reading(at=NOON), "ghcr.io", None),
        ],
    )
    def test_more_than_is_known_of_docker_hub_is_not_believed_of_others(
        self, told: Reading, host: str, held: Ceiling | None
    ) -> None:
        """Who was told nothing yet would spend what all have on the word of one."""
        assert ceiling(own=None, reading=told, host=host, has_login=True, is_hearsay=True) == held

    def test_a_mirror_of_docker_hub_has_none_of_its_own(self) -> None:
        assert ceiling(own=None, reading=None, host=HUB, has_login=False, is_mirrored=True) is None

    def test_no_other_registrys_is(self) -> None:
        assert ceiling(own=None, reading=None, host="ghcr.io", has_login=False) is None

    def test_docker_hub_may_say_that_there_is_none(self) -> None:
        """A paid account: no headers are no limit."""
        assert ceiling(own=None, reading=Reading(at=NOON), host=HUB, has_login=True) is None

    def test_what_it_tells_counts(self) -> None:
        told = Reading(at=NOON, limit=10, remaining=9, window_seconds=600)
        assert ceiling(own=None, reading=told, host=HUB, has_login=False) == Ceiling(10, 600)

    @pytest.mark.parametrize(("told", "held"), [(None, 3600), (1, 60), (10**9, 7 * 86_400)])
    def test_window_is_bounded_and_an_hour_where_none_is_told(self, told: int | None, held: int) -> None:
        reading = Reading(at=NOON, limit=10, window_seconds=told)
        assert ceiling(own=None, reading=reading, host="ghcr.io", has_login=False) == Ceiling(10, held)

    def test_operators_goes_before_it(self) -> None:
        told = Reading(at=NOON, limit=10, window_seconds=600)
        assert ceiling(own=Ceiling(7, 60), reading=told, host=HUB, has_login=False) == Ceiling(7, 60)


class TestWhoIsCounted:
    @pytest.mark.parametrize(
        ("address", "counted"),
        [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
            ("eu-west", "eu-west"),
            ("2001:db8::/64", "2001:db8::/64"),
        ],
    )
    def test_an_address_or_a_network_of_ipv6(self, address: str, counted: str) -> None:
        """Docker Hub: per IPv4 address or IPv6 /64."""
        assert place(address) == counted


class TestCosts:
    @pytest.mark.parametrize(
        ("depth", "manifests", "requests"),
        [(Depth.RESOLVE, 0, 3), (Depth.MANIFEST, 1, 4), (Depth.PLATFORM, 3, 6), (Depth.BLOBS, 3, 28), (None, 0, 1)],
    )
    def test_price_is_rather_too_high(self, depth: Depth | None, manifests: int, requests: int) -> None:
        """E.3: a GET of a manifest counts, for each platform; HEAD does not."""
        platforms = ["linux/amd64", "linux/arm64"]
        assert price(depth, platforms, Counting.MANIFESTS) == manifests
        assert price(depth, platforms, Counting.REQUESTS) == requests

    def test_price_of_all_platforms_is_a_guess(self) -> None:
        assert price(Depth.PLATFORM, ["all"], Counting.MANIFESTS) == 11

    def test_manifests_that_were_served_are_counted(self) -> None:
        found = outcome(
            step(method="HEAD"),
            step(),
            step(stage=Stage.CHILD),
            step(stage=Stage.CHILD, http_status=429),
            step(stage=Stage.CONFIG),
        )
        assert manifests_read(found) == 2
        assert cost(found, Counting.MANIFESTS, expected=9) == 2

    def test_what_has_lost_its_steps_counts_as_expected(self) -> None:
        assert cost(outcome(), Counting.MANIFESTS, expected=3) == 3

    def test_elsewhere_each_request_counts(self) -> None:
        assert cost(outcome(step(), requests=5), Counting.REQUESTS, expected=3) == 5

    @pytest.mark.parametrize(
        ("chosen", "host", "source", "counts"),
        [
            ("", HUB, "", Counting.MANIFESTS),
            ("", "ghcr.io", "", Counting.REQUESTS),
            ("", "mirror.example", "192.0.2.7", Counting.MANIFESTS),
            ("requests", HUB, "", Counting.REQUESTS),
            ("manifests", "ghcr.io", "", Counting.MANIFESTS),
        ],
    )
    def test_what_counts(self, chosen: str, host: str, source: str, counts: Counting) -> None:
        assert counting(chosen, host=host, source=source) is counts

    def test_registry_that_served_a_manifest_was_met(self) -> None:
        assert has_met(outcome(step(method="HEAD")))
        assert not has_met(outcome(step(http_status=401), step(stage=Stage.TOKEN)))


def test_buckets_are_kept_as_whole_numbers() -> None:
    buckets = HUNDRED.charged(NOON, spent=4, deep=3, lowered=2, put_off=1).charged(NOON + HOUR, spent=5).buckets
    assert buckets_from_json(buckets_to_json(buckets)) == buckets
    of_before = [row[:-1] for row in buckets_to_json(buckets)]
    assert buckets_from_json(of_before) == tuple(replace(bucket, deep=0) for bucket in buckets)
