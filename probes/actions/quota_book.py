"""The accounts of the quota ledger: who counts for which, which of them are one, and their locks."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from probes.models import Credential, QuotaAccount, Region
from probes.policy import hearsay, quota, quota_limits
from probes.selectors.quota import CountedAsOne, with_settings

MOST_ADDRESSES: Final = 256
"""Of a registry. A region says itself where it comes from, and whoever hands out checks reads all accounts there."""

_TOLD: Final = ("limit", "remaining", "window_seconds", "source", "read_at", "readings", "buckets")

_Name = tuple[int, int | None, str]
"""A registry, a credential, and an address where there is none."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks a registry: a region with a credential, or from an address as far as that is known."""

    registry: int
    credential: Credential | None
    region: Region
    address: str | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Accounts that a registry counts as one. `is_whole` tells that all of them are locked."""

    counted: CountedAsOne
    is_whole: bool

    @property
    def rows(self) -> Sequence[QuotaAccount]:
        return self.counted.rows


class Book:
    """The accounts of the registries concerned. Those that are missing are made if wanted; one query where none is.

    To make one is to wait for whoever else is just making it, with all that he holds.
    """

    def __init__(self, parties: Iterable[Party], *, makes: bool, now: datetime) -> None:
        parties = list(parties)
        self._registries = {party.registry for party in parties}
        self._read()
        missing = {name for name in map(self._name, parties) if name not in self._by_name}
        if missing and makes:
            QuotaAccount.objects.bulk_create(
                [
                    QuotaAccount(registry_id=registry, credential_id=credential, egress=egress, created_at=now)
                    for registry, credential, egress in sorted(missing, key=_in_order)
                ],
                ignore_conflicts=True,
            )
            self._read()

    def row_of(self, party: Party) -> QuotaAccount | None:
        """Return the account that somebody counts for; None where it is missing."""
        return self._by_name.get(self._name(party))

    def place_regions(self, parties: Iterable[Party]) -> None:
        """Note which address each region comes from. Seldom anything, then two queries.

        Where somebody holds one of these accounts, that is left for the next time: whoever has accounts of his own by
        now may wait for no other.
        """
        changed: dict[int, QuotaAccount] = {}
        for party in parties:
            row, slug = self.row_of(party), party.region.slug
            if row is None or party.credential is not None or slug in row.regions:
                continue
            for other in self._rows:
                if other.registry_id == row.registry_id and slug in other.regions:
                    other.regions = [name for name in other.regions if name != slug]
                    changed[other.pk] = other
            row.regions = sorted([*row.regions, slug])
            changed[row.pk] = row
        if not changed:
            return
        rows = QuotaAccount.objects.filter(pk__in=changed).order_by("pk")
        free = rows.select_for_update(skip_locked=True, no_key=True).values_list("pk")
        if len(free) == len(changed):
            QuotaAccount.objects.bulk_update([changed[pk] for pk in sorted(changed)], ["regions"])

    def locked(self, registries: Collection[int], *, skip_locked: bool) -> list[Pool]:
        """Return the accounts of registries, locked, each in one pool.

        With `skip_locked` those that somebody else holds are left out.
        """
        rows = _rows(registries).order_by("pk").select_for_update(no_key=True, skip_locked=skip_locked, of=("self",))
        locked = {row.pk: row for row in rows}
        groups = _counted_together(row for row in self._rows if row.registry_id in registries)
        pools = [(members, [locked[row.pk] for row in members if row.pk in locked]) for members in groups]
        return [Pool(CountedAsOne(held), is_whole=len(held) == len(members)) for members, held in pools if held]

    def _read(self) -> None:
        self._rows = list(_rows(self._registries).order_by("pk"))
        self._by_name = {(row.registry_id, row.credential_id, row.egress): row for row in self._rows}
        self._addresses = Counter(row.registry_id for row in self._rows if row.credential_id is None)

    def _name(self, party: Party) -> _Name:
        """Return which account somebody counts for.

        Who does not tell an address now comes from the last one, and so does who tells a new one where there are as
        many as are kept.
        """
        if party.credential is not None:
            return party.registry, party.credential.pk, ""
        if party.address:
            name = party.registry, None, quota_limits.place(party.address)
            if name in self._by_name or self._addresses[party.registry] < MOST_ADDRESSES:
                return name
        slug = party.region.slug
        known = (row.egress for row in self._rows if row.registry_id == party.registry and slug in row.regions)
        return party.registry, None, next(known, slug)


def leave(regions: Collection[int]) -> None:
    """Have regions share no account any more: what they took stays counted, what they were told does not.

    In a transaction. It waits for whoever holds an account, as he may be about to give them a part of it: those who
    take in reports do so last, and so should the caller.
    """
    gone = set(regions)
    locked = QuotaAccount.objects.order_by("pk").select_for_update(no_key=True)
    rows = [row for row in locked if gone & _sharers(row)]
    for row in rows:
        readings = hearsay.readings_from_json(row.readings)
        kept = {region: reading for region, reading in readings.items() if region not in gone}
        row.readings, row.source = hearsay.readings_to_json(kept), hearsay.source(kept)
        if readings and not kept:
            row.read_at = row.limit = row.remaining = row.window_seconds = None
        row.buckets = quota.buckets_to_json(
            replace(bucket, region=quota.NOBODY) if bucket.region in gone else bucket
            for bucket in quota.buckets_from_json(row.buckets)
        )
    QuotaAccount.objects.bulk_update(rows, _TOLD)


def _sharers(row: QuotaAccount) -> set[int]:
    readings, buckets = hearsay.readings_from_json(row.readings), quota.buckets_from_json(row.buckets)
    return {*readings, *(bucket.region for bucket in buckets)}


def _rows(registries: Iterable[int]) -> QuerySet[QuotaAccount]:
    return with_settings().filter(registry__in=registries)


def _in_order(name: _Name) -> tuple[int, int, str]:
    registry, credential, egress = name
    return registry, credential or 0, egress


def _counted_together(rows: Iterable[QuotaAccount]) -> Iterable[list[QuotaAccount]]:
    """Group accounts by whom the registry says that it counts; for want of that, by login or address."""
    rows = list(rows)
    told = {_login(row): row.source for row in rows if row.source}
    groups: dict[tuple[int, str], list[QuotaAccount]] = defaultdict(list)
    for row in rows:
        groups[row.registry_id, row.source or told.get(_login(row), "") or _login(row)[1]].append(row)
    return groups.values()


def _login(row: QuotaAccount) -> tuple[int, str]:
    if row.credential is None:
        return row.registry_id, row.egress
    return row.registry_id, f"{row.credential.kind} {row.credential.username or row.credential.pk}"
