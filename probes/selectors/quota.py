"""Accounts of the quota ledger as values, and what monitoring costs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Final

from django.db.models import F, QuerySet, Sum

from probes.models import AccountCosts, QuotaAccount, ResourceCosts
from probes.policy import hearsay, quota, quota_limits
from probes.policy.quota import Account, Bucket
from probes.policy.quota_limits import Counting, Reading
from probes.selectors.prepared import Blank, Prepared, number
from probes.selectors.registries import UNREAD

_UNREAD: Final = (*(f"registry__{name}" for name in UNREAD), "credential__secret_encrypted")

_REGISTRY: Final = Blank("registry")
_MOST_OF_A_REGISTRY: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What checks came to: how many there were, their requests, and what counts against a quota."""

    checks: int = 0
    requests: int = 0
    counted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """An account as people read it. None of `limit`, `budget` and `allowance` where nothing limits us.

    `spent`, `lowered` and `put_off` are of the window that ends now; `costs` of the days that were asked for.
    """

    row: QuotaAccount
    counting: Counting
    limit: int | None
    window_seconds: int | None
    budget: int | None
    allowance: int | None
    spent: int
    lowered: int
    put_off: int
    costs: Costs

    @property
    def name(self) -> str:
        return str(self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDay:
    """What a day's checks of a resource cost, from all regions."""

    resource: int
    day: date
    costs: Costs


@dataclass(frozen=True, slots=True)
class Bill:
    """What monitoring costs since a day, by account and by resource and day."""

    accounts: Sequence[AccountLine]
    resources: Sequence[ResourceDay]


def with_settings() -> QuerySet[QuotaAccount]:
    """Return accounts with what `account` reads of their registries and credentials."""
    return QuotaAccount.objects.select_related("registry", "credential").defer(*_UNREAD)


def account(row: QuotaAccount) -> Account:
    """Return an account over all regions, as people read it; `row` with its registry."""
    buckets = tuple(replace(bucket, region=quota.NOBODY) for bucket in quota.buckets_from_json(row.buckets))
    return _with_settings(row, reading_of(row), source=row.source, buckets=buckets)


class CountedAsOne:
    """Accounts that a registry counts as one, for the pure rules: each region sees them otherwise.

    `rows` with their registry. What they hold is read once, however many regions look at it.
    """

    def __init__(self, rows: Sequence[QuotaAccount]) -> None:
        self.rows = rows
        self._changed: set[int] = set()

    @cached_property
    def _readings(self) -> hearsay.Readings:
        return hearsay.merged(map(_readings, self.rows))

    @cached_property
    def _source(self) -> str:
        return hearsay.source(self._readings)

    @cached_property
    def _buckets(self) -> dict[int, tuple[Bucket, ...]]:
        return {row.pk: quota.buckets_from_json(row.buckets) for row in self.rows}

    def seen_from(self, region: int, sharers: Collection[int] = ()) -> Account:
        """Return their sum as a region sees it.

        Besides who was told of them, or took of them, `sharers` count for them too: they are about to take of them.
        """
        buckets = tuple(bucket for of_row in self._buckets.values() for bucket in of_row)
        own = self._readings.get(region)
        is_hearsay = own is None and bool(self._readings)
        return replace(
            _with_settings(
                self.rows[0],
                hearsay.believed(self._readings, region),
                source=own.source if own else self._source,
                buckets=buckets,
                is_hearsay=is_hearsay,
            ),
            region=region,
            sharers=frozenset({*self._readings, *(bucket.region for bucket in buckets), *sharers} - {quota.NOBODY}),
            others=tuple(told for other, told in self._readings.items() if other != region),
            is_hearsay=is_hearsay,
        )

    def longest_window(self, sharers: Collection[int] = ()) -> timedelta:
        """Return the longest window that any region goes by: one alone may say that it is a minute."""
        return max(self.seen_from(region).window for region in {*self._readings, *sharers})

    def buckets_of(self, row: QuotaAccount) -> tuple[Bucket, ...]:
        return self._buckets[row.pk]

    def put(self, row: QuotaAccount, buckets: tuple[Bucket, ...]) -> None:
        """Have a row hold these; `write` gives them to it."""
        self._buckets[row.pk] = buckets
        self._changed.add(row.pk)

    def write(self) -> list[QuotaAccount]:
        """Give rows what they hold by now; return those that hold something else than before."""
        changed = [row for row in self.rows if row.pk in self._changed]
        for row in changed:
            row.buckets = quota.buckets_to_json(self._buckets[row.pk])
        return changed


def _readings(row: QuotaAccount) -> hearsay.Readings:
    """Return what each region was told of an account; the version before noted only what was last told at all."""
    told = None if row.readings else reading_of(row)
    return {quota.NOBODY: told} if told else hearsay.readings_from_json(row.readings)


def account_of_region(row: QuotaAccount, region: int) -> Account:
    """Return an account, with its registry, as a region sees it."""
    return CountedAsOne([row]).seen_from(region)


def _with_settings(
    row: QuotaAccount, reading: Reading | None, *, source: str, buckets: tuple[Bucket, ...], is_hearsay: bool = False
) -> Account:
    registry = row.registry
    return Account(
        counting=quota_limits.counting(registry.quota_counts, host=registry.host, source=source),
        ceiling=quota_limits.ceiling(
            own=registry.own_ceiling,
            reading=reading,
            host=registry.host,
            has_login=row.credential_id is not None,
            is_mirrored=bool(registry.api_host),
            is_hearsay=is_hearsay,
        ),
        share_percent=registry.quota_share_percent,
        reading=reading,
        buckets=buckets,
    )


def reading_of(row: QuotaAccount) -> Reading | None:
    """Return what the registry last said of an account."""
    if row.read_at is None:
        return None
    return Reading(
        at=row.read_at,
        limit=row.limit,
        remaining=row.remaining,
        window_seconds=row.window_seconds,
        source=row.source,
    )


def line(row: QuotaAccount, costs: Costs, *, now: datetime) -> AccountLine:
    """Return an account as people read it; `row` with its registry."""
    found = account(row)
    recent = found.recent(now) if found.ceiling else []
    return AccountLine(
        row=row,
        counting=found.counting,
        limit=found.ceiling.limit if found.ceiling else None,
        window_seconds=found.ceiling.window_seconds if found.ceiling else None,
        budget=found.budget,
        allowance=found.allowance(now),
        spent=sum(bucket.spent for bucket in recent),
        lowered=sum(bucket.lowered for bucket in recent),
        put_off=sum(bucket.put_off for bucket in recent),
        costs=costs,
    )


def accounts(since: date, *, now: datetime) -> list[AccountLine]:
    """Return all accounts, with what their checks cost since that day. Two queries."""
    sums = {
        item["account"]: Costs(checks=item["all_checks"], requests=item["all_requests"], counted=item["all_counted"])
        for item in AccountCosts.objects.filter(day__gte=since)
        .values("account")
        .order_by()
        .annotate(all_checks=Sum("checks"), all_requests=Sum("requests"), all_counted=Sum("counted"))
    }
    found = QuotaAccount.objects.select_related("registry", "credential__registry", "credential__region").order_by(
        "registry__host", F("credential").asc(nulls_first=True), "egress"
    )
    return [line(row, sums.get(row.pk, Costs()), now=now) for row in found]


def accounts_of(registry_id: int, *, now: datetime) -> list[AccountLine]:
    """Return the accounts of a registry without what their checks cost, a login's first. One query."""
    return [line(row, Costs(), now=now) for row in _of_registry().read({_REGISTRY: str(registry_id)})]


@lru_cache
def _of_registry() -> Prepared[QuotaAccount, QuotaAccount]:
    rows = with_settings().filter(registry=number(_REGISTRY))
    return Prepared(rows.order_by(F("credential").asc(nulls_last=True), "egress")[:_MOST_OF_A_REGISTRY])


def costs(since: date, *, now: datetime) -> Bill:
    """Return what monitoring costs since that day, by account, and by resource and day. Three queries."""
    days = ResourceCosts.objects.filter(day__gte=since).order_by("day", "resource")
    return Bill(
        accounts(since, now=now),
        [
            ResourceDay(
                resource=item.resource_id,
                day=item.day,
                costs=Costs(checks=item.checks, requests=item.requests, counted=item.counted),
            )
            for item in days
        ],
    )
