"""The quota ledger where checks are handed out: what each may cost, and what becomes of those that may not.

Whoever decides holds the locks of all accounts that a limited registry has, so that no two spend the same. Accounts
are locked in the order of their keys, and by whoever takes in a report only for what it settles (`actions.settling`);
for what it has confirmed it takes no lock that somebody else holds.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db import connection

from probes.actions import events
from probes.actions.orders import Granted, Wanted
from probes.actions.quota_book import Book, Pool
from probes.models import QuotaAccount, QuotaWait
from probes.policy import quota
from probes.policy.happenings import SEVERITIES, EventKind, Happening
from probes.policy.quota import Account
from probes.policy.rationing import HEAD_OF_THE_LINE, Fate, Key, Waiting, Wish, decide, may_wait
from probes.protocol.taxonomy import Depth
from probes.selectors.quota import account as account_of

_PLACE_KEPT_FOR_SLOTS: Final = 3
"""Whoever waits and is not seen for so long has lost his place."""

_LINE: Final = """
SELECT wait.* FROM unnest(%s::bigint[]) AS wanted (account_id)
CROSS JOIN LATERAL (
    SELECT * FROM probes_quotawait WHERE account_id = wanted.account_id AND until > %s
    ORDER BY off_since NULLS LAST, deep_since NULLS LAST, resource_id LIMIT %s
) AS wait
"""

_WAIT: Final = """
INSERT INTO probes_quotawait AS wait (
    account_id, resource_id, region_id, cost, least, deep_since, off_since, until
) SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[]
)
ON CONFLICT (resource_id, region_id) DO UPDATE SET
    account_id = excluded.account_id, cost = excluded.cost, least = excluded.least, until = excluded.until,
    deep_since = CASE WHEN excluded.deep_since IS NOT NULL THEN coalesce(wait.deep_since, excluded.deep_since) END,
    off_since = CASE WHEN excluded.off_since IS NOT NULL THEN coalesce(wait.off_since, excluded.off_since) END
"""

_SERVED: Final = """
DELETE FROM probes_quotawait AS wait USING unnest(%s::bigint[], %s::bigint[]) AS served (resource_id, region_id)
WHERE wait.resource_id = served.resource_id AND wait.region_id = served.region_id
"""

_BOOKED: Final = ("buckets", "lowered", "put_off", "short_since", "short_at")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class Manner(StrEnum):
    """Why a check is handed out, and so what may become of it."""

    SCHEDULED = "scheduled"  # may wait for its next slot, and keeps its place in line
    CONFIRMING = "confirming"  # may be left out
    BY_HAND = "by_hand"  # somebody waits for it: it goes, if only as a resolve; as it is where a depth was asked for


def ration(wanted: Sequence[Wanted], *, manner: Manner, now: datetime) -> list[Granted]:
    """Return what each of `wanted` gets, in their order, and take it from the accounts.

    A constant number of queries; one where nothing is limited and all accounts are known.
    """
    parties = [item.party for item in wanted]
    book = Book(parties, now=now)
    rows = {item.key: book.row_of(party) for item, party in zip(wanted, parties, strict=True)}
    accounts = {row.pk: account_of(row) for row in rows.values()}
    open_items: dict[int, list[Wanted]] = defaultdict(list)
    granted: dict[Key, Granted] = {}
    for item in wanted:
        pk = rows[item.key].pk
        if accounts[pk].ceiling is None:
            granted[item.key] = Granted(pk)
        else:
            open_items[pk].append(item)
    if open_items:
        pools = book.limited(skip_locked=manner is Manner.CONFIRMING)
        granted |= _shared_out(open_items, accounts, pools, manner=manner, now=now)
    if manner is Manner.SCHEDULED:
        book.place_regions(parties)
    return [granted[item.key] for item in wanted]


def _shared_out(
    wanted: Mapping[int, Sequence[Wanted]],
    accounts: Mapping[int, Account],
    pools: Sequence[Pool],
    *,
    manner: Manner,
    now: datetime,
) -> dict[Key, Granted]:
    """Return what becomes of checks of accounts that are limited, by these; write down what they take."""
    lines = _lines([row.pk for pool in pools for row in pool.rows], now)
    granted: dict[Key, Granted] = {}
    changed: list[QuotaAccount] = []
    decided: list[_Decided] = []
    for pool in pools:
        here = {row.pk: row for row in pool.rows if row.pk in wanted}
        wishes = {item.key: _wish(item, accounts[pk], manner) for pk in here for item in wanted[pk]}
        waiting = sorted((wait for row in pool.rows for wait in lines[row.pk]), key=_in_line)[:HEAD_OF_THE_LINE]
        account = pool.account if pool.is_whole else _exhausted(pool.account)
        fates = decide(account, list(wishes.values()), waiting, now=now)
        standing = {wait.key for wait in waiting}
        for pk, row in here.items():
            own = {item.key: _grant(pk, wishes[item.key], fates[item.key]) for item in wanted[pk]}
            _book(row, own.values(), now)
            changed.append(row)
            granted |= own
            decided += [
                _Decided(item, wishes[item.key], own[item.key], account, stands=item.key in standing)
                for item in wanted[pk]
            ]
    for pk in wanted.keys() - {row.pk for row in changed}:  # somebody else holds it: nothing of it can be spent
        wishes = {item.key: _wish(item, accounts[pk], manner) for item in wanted[pk]}
        fates = decide(_exhausted(accounts[pk]), list(wishes.values()), [], now=now)
        granted |= {key: _grant(pk, wishes[key], fate) for key, fate in fates.items()}
    QuotaAccount.objects.bulk_update(changed, _BOOKED)
    events.record([shortage for row in changed if (shortage := _shortage(row, now))], now=now)
    if manner is Manner.SCHEDULED:
        _line_up(decided, now)
    return granted


@dataclass(frozen=True, slots=True)
class _Decided:
    item: Wanted
    wish: Wish
    granted: Granted
    account: Account
    stands: bool  # in line already


def _wish(item: Wanted, account: Account, manner: Manner) -> Wish:
    cost = quota.price(item.depth, item.resource.platforms, account.counting)
    least: int | None = cost
    if item.depth not in (None, Depth.RESOLVE):
        least = None if item.needs_depth else quota.price(Depth.RESOLVE, item.resource.platforms, account.counting)
    return Wish(
        key=item.key,
        cost=cost,
        least=least,
        is_ordered=item.check.depth is not None,
        must_go=manner is Manner.BY_HAND,
    )


def _exhausted(account: Account) -> Account:
    return replace(account, share_percent=0)


def _grant(account: int, wish: Wish, fate: Fate) -> Granted:
    charge = {Fate.AS_ASKED: wish.cost, Fate.LOWERED: wish.least or 0, Fate.PUT_OFF: 0}[fate]
    return Granted(account, fate, charge, is_limited=True)


def _book(row: QuotaAccount, granted: Collection[Granted], now: datetime) -> None:
    """Take what was granted from an account, and note whether it was too little."""
    lowered = sum(item.fate is Fate.LOWERED for item in granted)
    put_off = sum(item.fate is Fate.PUT_OFF for item in granted)
    account = account_of(row).charged(
        now, spent=sum(item.charge for item in granted), lowered=lowered, put_off=put_off
    )
    row.buckets = quota.buckets_to_json(account.buckets)
    row.lowered += lowered
    row.put_off += put_off
    if lowered or put_off:
        if row.short_at is None or now - row.short_at > account.window:
            row.short_since = now
        row.short_at = now


def _shortage(row: QuotaAccount, now: datetime) -> Happening | None:
    """Return what is to be told of an account that is short since this very moment.

    There is no second of it until nothing was lowered or put off for a whole window.
    """
    account = account_of(row)
    if row.short_since != now or account.ceiling is None:
        return None
    limit, window_seconds = account.ceiling.limit, account.ceiling.window_seconds
    spent, budget = account.spent(now), account.budget or 0
    return Happening(
        kind=EventKind.QUOTA_SHORT,
        key=f"quota_short {row.pk} {now.isoformat()}",
        at=now,
        severity=SEVERITIES[EventKind.QUOTA_SHORT],
        text=f"{row} runs short: {spent} of our {budget} used, of {limit} within {window_seconds} s for all",
        registry=None if row.credential_id else row.registry_id,
        credential=row.credential_id,
        facts={
            "egress": row.egress,
            "limit": limit,
            "window_seconds": window_seconds,
            "budget": budget,
            "spent": spent,
            "remaining": row.remaining,
        },
    )


def _lines(accounts: Collection[int], now: datetime) -> Mapping[int, list[Waiting]]:
    """Return who waits for each account, the first of them."""
    found: dict[int, list[Waiting]] = defaultdict(list)
    for row in QuotaWait.objects.raw(_LINE, [list(accounts), now, HEAD_OF_THE_LINE]):
        found[row.account_id].append(
            Waiting(
                key=(row.resource_id, row.region_id),
                cost=row.cost,
                least=row.least,
                deep_since=row.deep_since,
                off_since=row.off_since,
            )
        )
    return found


def _in_line(wait: Waiting) -> tuple[datetime, datetime, Key]:
    return wait.off_since or _LAST, wait.deep_since or _LAST, wait.key


def _line_up(decided: Iterable[_Decided], now: datetime) -> None:
    """Have those who did not get what they wanted keep or take a place in line, and those who did leave it."""
    waits: list[tuple[object, ...]] = []
    served: list[Key] = []
    for one in decided:
        wish, fate, item = one.wish, one.granted.fate, one.item
        if not may_wait(wish, fate, one.account):
            if one.stands:
                served.append(wish.key)
            continue
        slots_every = timedelta(seconds=item.resource.interval_seconds) * item.region.stride
        deep_since = now if wish.is_deep else None
        off_since = now if fate is Fate.PUT_OFF else None
        until = now + slots_every * _PLACE_KEPT_FOR_SLOTS
        waits.append((one.granted.account, *wish.key, wish.cost, wish.least, deep_since, off_since, until))
    with connection.cursor() as cursor:
        if waits:
            cursor.execute(_WAIT, [list(column) for column in zip(*waits, strict=True)])
        if served:
            cursor.execute(_SERVED, [list(column) for column in zip(*served, strict=True)])
