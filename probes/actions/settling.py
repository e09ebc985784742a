"""Setting the quota ledger right by a report: what checks did cost, and what the registry said is left.

Accounts are locked last, in the order of their keys, and only where something changes: until then reports on one
account do not wait for each other. What waits for them afterwards holds no lock that a report would wait for.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from probes.actions.reports import Key
from probes.models import Batch, QuotaAccount, Region
from probes.policy import hearsay, quota, quota_costs, quota_limits
from probes.policy.clock import by_our_clock
from probes.policy.quota_limits import Reading
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Depth
from probes.selectors.quota import account_of_region, reading_of, with_settings

_MOST_REQUESTS: Final = 1000
"""Of one check, whatever its region says. None makes so many."""

_TOLD: Final = ("limit", "remaining", "window_seconds", "source", "read_at", "readings", "buckets")

_COUNT: Final = """
WITH of_accounts AS (
    INSERT INTO probes_accountcosts AS costs (account_id, day, checks, requests, counted)
    SELECT id, %(day)s, checks, requests, counted
    FROM unnest(%(accounts)s::bigint[], %(account_checks)s::integer[], %(account_requests)s::integer[],
        %(account_counted)s::integer[]) AS given (id, checks, requests, counted) ORDER BY id
    ON CONFLICT (account_id, day) DO UPDATE SET checks = costs.checks + excluded.checks,
        requests = costs.requests + excluded.requests, counted = costs.counted + excluded.counted
)
INSERT INTO probes_resourcecosts AS costs (resource_id, day, checks, requests, counted)
SELECT id, %(day)s, checks, requests, counted
FROM unnest(%(resources)s::bigint[], %(resource_checks)s::integer[], %(resource_requests)s::integer[],
    %(resource_counted)s::integer[]) AS given (id, checks, requests, counted) ORDER BY id
ON CONFLICT (resource_id, day) DO UPDATE SET checks = costs.checks + excluded.checks,
    requests = costs.requests + excluded.requests, counted = costs.counted + excluded.counted
"""


class _Sums:
    """Checks, requests and what counts, by account or by resource."""

    def __init__(self) -> None:
        self._of: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, key: int, requests: int, counted: int) -> None:
        sums = self._of[key]
        sums[0] += 1
        sums[1] += requests
        sums[2] += counted

    def columns(self, name: str) -> dict[str, list[int]]:
        rows = sorted(self._of.items())
        named = {f"{name}s": [key for key, _ in rows]}
        for place, what in enumerate(("checks", "requests", "counted")):
            named[f"{name}_{what}"] = [sums[place] for _, sums in rows]
        return named


def settle(
    batch: Batch,
    outcomes: Mapping[Key, Outcome],
    *,
    unmade: Collection[Key],
    resources: Collection[int],
    clock_offset_seconds: float | None,
    now: datetime,
) -> None:
    """Count what the checks of a batch did cost, correct what was taken for them in advance, and read what was told.

    `unmade` are checks that were never begun, and that nobody will make up for. `resources` are those that still are
    there. A batch of an earlier version names no accounts, and is not counted. A constant number of queries: two
    where nothing is limited.
    """
    if not batch.accounts:
        return
    rows = {row.pk: row for row in _rows(batch.accounts)}
    accounts = {pk: account_of_region(row, batch.region_id) for pk, row in rows.items()}
    of_accounts, of_resources = _Sums(), _Sums()
    differences: Counter[int] = Counter()
    deep: Counter[int] = Counter()
    heard: dict[int, list[Outcome]] = defaultdict(list)
    charges = batch.charges or [0] * len(batch.accounts)
    keys = zip(batch.resource_ids, batch.slots, strict=True)
    for key, account, charge in zip(keys, batch.accounts, charges, strict=True):
        if account not in rows:
            continue
        is_deep = charge > quota_costs.price(Depth.RESOLVE, (), accounts[account].counting)
        if outcome := outcomes.get(key):
            counted = min(quota_costs.cost(outcome, accounts[account].counting, expected=charge), _MOST_REQUESTS)
            requests = min(outcome.requests, _MOST_REQUESTS)
            of_accounts.add(account, requests, counted)
            if key[0] in resources:
                of_resources.add(key[0], requests, counted)
            differences[account] += counted - charge
            deep[account] += (counted - charge) * is_deep
            heard[account].append(outcome)
        elif key in unmade:
            differences[account] -= charge
            deep[account] -= charge * is_deep
    if heard:
        with connection.cursor() as cursor:
            columns = of_accounts.columns("account") | of_resources.columns("resource")
            cursor.execute(_COUNT, {"day": now.date(), **columns})
    readings = {pk: _reading(found, clock_offset_seconds, now) for pk, found in heard.items()}
    changed = {
        pk
        for pk, row in rows.items()
        if (accounts[pk].ceiling and (differences[pk] or deep[pk]))
        or _is_news(row, batch.region_id, readings.get(pk))
    }
    if changed:
        _correct(batch, changed, readings, differences, deep)


def _rows(accounts: Collection[int]) -> QuerySet[QuotaAccount]:
    return with_settings().filter(pk__in=set(accounts))


def _correct(
    batch: Batch,
    changed: Collection[int],
    readings: Mapping[int, Reading | None],
    differences: Mapping[int, int],
    deep: Mapping[int, int],
) -> None:
    """Set accounts right, locked. A region that was retired meanwhile is to share none again (`quota_book.leave`)."""
    rows = list(_rows(changed).order_by("pk").select_for_update(no_key=True, of=("self",)))
    is_strange = any(batch.region_id not in account_of_region(row, batch.region_id).sharers for row in rows)
    is_retired = is_strange and Region.objects.filter(pk=batch.region_id, retired_at__isnull=False).exists()
    region = quota.NOBODY if is_retired else batch.region_id
    for row in rows:
        reading = readings.get(row.pk)
        if not is_retired and reading and _is_news(row, region, reading):
            _note(row, region, reading)
        account = account_of_region(row, region)
        if account.ceiling and (differences[row.pk] or deep[row.pk]):
            account = account.corrected(batch.issued_at, differences[row.pk], deep=deep[row.pk])
            row.buckets = quota.buckets_to_json(account.buckets)
    QuotaAccount.objects.bulk_update(rows, _TOLD)


def _note(row: QuotaAccount, region: int, reading: Reading) -> None:
    """Write down what a region was told, and that as what was last told at all unless a newer reading holds."""
    readings = hearsay.noted(hearsay.readings_from_json(row.readings), region, reading)
    row.readings = hearsay.readings_to_json(readings)
    row.source = hearsay.source(readings)
    if quota_limits.later(reading_of(row), reading) == reading:
        row.limit, row.remaining, row.window_seconds = reading.limit, reading.remaining, reading.window_seconds
        row.read_at = reading.at


def _is_news(row: QuotaAccount, region: int, reading: Reading | None) -> bool:
    """Tell whether a reading says anything to a region: that there still is no limit does not."""
    before = hearsay.readings_from_json(row.readings).get(region)
    if reading is None or (before and before.limit is None and reading.limit is None):
        return False
    return quota_limits.later(before, reading) != before


def _reading(outcomes: Iterable[Outcome], clock_offset_seconds: float | None, now: datetime) -> Reading | None:
    """Return what the registry said in the checks of one batch: the least that was left, when it was last asked.

    They run at the same time, so which of them was the last to be counted is not known.
    """
    met = [
        Reading.of(outcome.conclusion.rate_limit, min(by_our_clock(outcome.started_at, clock_offset_seconds), now))
        for outcome in outcomes
        if outcome.conclusion.rate_limit or quota_costs.has_met(outcome)
    ]
    if not met:
        return None
    newest = max(met, key=lambda reading: (reading.limit is not None, reading.at))
    left = [reading.remaining for reading in met if reading.remaining is not None]
    return replace(newest, remaining=min(left)) if left and newest.limit is not None else newest
