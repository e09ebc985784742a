"""Accounts that a registry counts as one, as regions see them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.models import QuotaAccount, Registry
from probes.policy import quota
from probes.policy.hearsay import readings_to_json
from probes.policy.quota import NOBODY, Bucket, buckets_from_json, buckets_to_json
from probes.policy.quota_limits import Reading
from probes.selectors.quota import CountedAsOne

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HUB = Registry(host="docker.io")
TOLD = Reading(at=NOON, limit=100, remaining=60, window_seconds=6 * 3600)
HASTY = replace(TOLD, limit=1, remaining=1, window_seconds=60)


def account(readings: dict[int, Reading], *buckets: Bucket, pk: int = 1) -> QuotaAccount:
    return QuotaAccount(
        pk=pk,
        registry=HUB,
        egress=f"192.0.2.{pk}",
        readings=readings_to_json(readings),
        buckets=buckets_to_json(buckets),
    )


def took(region: int, spent: int = 5) -> Bucket:
    return Bucket(NOON, NOON + HOUR, spent, region=region)


def test_who_was_told_or_took_or_wants_something_shares_them_and_nobody_is_no_region() -> None:
    one = CountedAsOne([account({1: TOLD}, took(2)), account({}, took(NOBODY), pk=2)])
    seen = one.seen_from(3, {3, 4})
    assert seen.sharers == {1, 2, 3, 4}
    assert seen.spent(NOON) == 10


def test_longest_window_is_not_that_of_one_who_speaks_of_a_minute() -> None:
    one = CountedAsOne([account({1: TOLD, 9: HASTY})])
    assert one.seen_from(9).window == timedelta(minutes=1)
    assert one.longest_window([9]) == 6 * HOUR


def test_own_limit_of_an_operator_goes_before_whatever_is_told_of_a_window() -> None:
    row = account({1: TOLD})
    row.registry = Registry(host="docker.io", quota_limit=5, quota_window_seconds=60)
    assert CountedAsOne([row]).longest_window([2]) == timedelta(minutes=1)


def test_rows_are_read_once_however_many_look_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands out checks holds them meanwhile."""
    read: list[Any] = []

    def counted(rows: Any) -> tuple[Bucket, ...]:
        read.append(rows)
        return buckets_from_json(rows)

    monkeypatch.setattr(quota, "buckets_from_json", counted)
    one = CountedAsOne([account({1: TOLD}, took(1)), account({2: TOLD}, took(2), pk=2)])
    for region in range(1, 50):
        one.seen_from(region)
    assert len(read) == 2


def test_what_is_put_is_seen_at_once_and_written_at_the_end() -> None:
    rows = [account({}, took(1)), account({}, took(1), pk=2)]
    one = CountedAsOne(rows)
    one.put(rows[1], (took(1, spent=7),))
    assert one.seen_from(1).own_spent(NOON) == 12
    assert rows[1].buckets == buckets_to_json([took(1)])
    assert one.write() == [rows[1]]
    assert rows[1].buckets == buckets_to_json([took(1, spent=7)])


def test_what_the_version_before_was_told_is_hearsay_until_a_region_is_told_itself() -> None:
    """It noted only what was last told at all. No limit would be none, and everything spent at once."""
    row = account({})
    row.registry = Registry(host="ghcr.io")
    row.read_at, row.limit, row.remaining, row.window_seconds = NOON, 5000, 40, 3600
    seen = CountedAsOne([row]).seen_from(1)
    assert (seen.budget, seen.is_hearsay, seen.sharers) == (2500, True, frozenset())
    assert seen.allowance(NOON) == 20
    row.readings = readings_to_json({1: TOLD})
    told = CountedAsOne([row]).seen_from(1)
    assert (told.budget, told.is_hearsay) == (50, False)
