"""The quota ledger where checks are handed out: what each may cost, and what becomes of those that may not.

Whoever decides holds the locks of all accounts that a limited registry has, so that no two spend the same. Accounts
are locked in the order of their keys, and by whoever takes in a report only for what it settles (`actions.settling`);
for what it has confirmed it makes no account, and takes no lock that somebody else holds.
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
from probes.models import QuotaAccount, Region
from probes.policy import quota_costs, shedding, slots
from probes.policy.happenings import SEVERITIES, EventKind, Happening
from probes.policy.quota import Account
from probes.policy.rationing import HEAD_OF_THE_LINE, Fate, Key, Stand, Waiting, Wish, decide
from probes.policy.spans import exact
from probes.protocol.taxonomy import Depth
from probes.selectors.quota import CountedAsOne, account_of_region

_PLACE_KEPT_FOR_SLOTS: Final = 3
"""Whoever waits and is not seen for so long has lost his place, and comes back as the last."""

_LINE: Final = """
SELECT wait.account_id, wait.region_id, wait.resource_id, wait.cost, wait.least, wait.deep_since, wait.off_since,
    wait.holds_until, wait.next_due_at, wait.every_seconds, wait.turn
FROM unnest(%s::bigint[], %s::bigint[]) AS place (account_id, region_id)
CROSS JOIN LATERAL (
    SELECT one.*, resource.next_due_at, resource.turn,
        coalesce(resource.spacing_seconds, resource.interval_seconds) AS every_seconds
    FROM probes_quotawait AS one JOIN probes_resource AS resource ON resource.id = one.resource_id
    WHERE one.account_id = place.account_id AND one.region_id = place.region_id AND one.until > %s
        AND resource.paused_at IS NULL
    ORDER BY one.off_since NULLS LAST, one.deep_since NULLS LAST, one.resource_id LIMIT %s
) AS wait
"""

_WAITING: Final = ("cost", "least", "deep_since", "off_since", "holds_until")

_WAIT: Final = """
INSERT INTO probes_quotawait AS wait (
    account_id, resource_id, region_id, cost, least, deep_since, off_since, until, holds_until
) SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[], %s::timestamptz[]
)
ON CONFLICT (resource_id, region_id) DO UPDATE SET
    account_id = excluded.account_id, cost = excluded.cost, least = excluded.least, until = excluded.until,
    deep_since = CASE WHEN wait.until > %s AND excluded.deep_since IS NOT NULL
        THEN coalesce(wait.deep_since, excluded.deep_since) ELSE excluded.deep_since END,
    off_since = CASE WHEN wait.until > %s AND excluded.off_since IS NOT NULL
        THEN coalesce(wait.off_since, excluded.off_since) ELSE excluded.off_since END,
    holds_until = CASE WHEN wait.until > %s THEN coalesce(wait.holds_until, excluded.holds_until)
        ELSE excluded.holds_until END
"""

_LEFT: Final = """
DELETE FROM probes_quotawait AS wait USING unnest(%s::bigint[], %s::bigint[]) AS gone (resource_id, region_id)
WHERE wait.resource_id = gone.resource_id AND wait.region_id = gone.region_id
"""

_Place = tuple[int, int]
"""An account, and a region that counts for it."""

_BOOKED: Final = ("buckets", "lowered", "put_off", "short_since", "short_at")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class Manner(StrEnum):
    """Why a check is handed out, and so what may become of it."""

    SCHEDULED = "scheduled"  # may wait for its next slot, and keeps its place in line
    CONFIRMING = "confirming"  # may be left out
    BY_HAND = "by_hand"  # somebody waits for it: it goes, if only as a resolve; as it is where a depth was asked for


def ration(wanted: Sequence[Wanted], *, manner: Manner, now: datetime) -> list[Granted]:
    """Return what each of `wanted` gets, in their order, and take it from the accounts.

    What is asked of a registry that is stored nowhere counts for no account: nothing is known of its quota. A
    constant number of queries; one where nothing is limited and all accounts are known.
    """
    if any(item.resource.registry.pk is None for item in wanted):  # a probe, which is drawn up alone
        return [Granted(account=0) for _ in wanted]
    parties = [item.party for item in wanted]
    book = Book(parties, makes=manner is not Manner.CONFIRMING, now=now)
    found = {item.key: book.row_of(party) for item, party in zip(wanted, parties, strict=True)}
    rows = {key: row for key, row in found.items() if row is not None}
    seen = {(row.pk, region): row for (_, region), row in rows.items()}
    known = {row.pk: CountedAsOne([row]) for row in seen.values()}
    accounts = {place: known[place[0]].seen_from(place[1]) for place in seen}
    open_items: dict[_Place, list[Wanted]] = defaultdict(list)
    granted: dict[Key, Granted] = {}
    for item in wanted:
        if item.key not in rows:
            granted |= _of_no_account(item, manner=manner, now=now)
            continue
        place = rows[item.key].pk, item.region.pk
        if accounts[place].ceiling is None:
            granted[item.key] = Granted(place[0])
        else:
            open_items[place].append(item)
    if open_items:
        registries = {seen[place].registry_id for place in open_items}
        pools = book.locked(registries, skip_locked=manner is Manner.CONFIRMING)
        retired = _retired({region for _, region in open_items})
        gone = {place: items for place, items in open_items.items() if place[1] in retired}
        here = {place: items for place, items in open_items.items() if place not in gone}
        granted |= _out_of_reach(gone, accounts, manner=manner, now=now)
        granted |= _shared_out(here, accounts, pools, manner=manner, now=now)
    if manner is Manner.SCHEDULED:
        book.place_regions(parties)
    return [granted[item.key] for item in wanted]


def _shared_out(
    wanted: Mapping[_Place, Sequence[Wanted]],
    accounts: Mapping[_Place, Account],
    pools: Sequence[Pool],
    *,
    manner: Manner,
    now: datetime,
) -> dict[Key, Granted]:
    """Return what becomes of checks of accounts that are limited, by these; write down what they take."""
    places = [(row.pk, region) for pool in pools for region in _sharers(pool, wanted) for row in pool.rows]
    strides = {item.region.pk: item.region.stride for items in wanted.values() for item in items}
    lines = _lines(places, strides, now)
    changed: dict[int, QuotaAccount] = {}
    happenings: list[Happening] = []
    decided: list[_Decided] = []
    for pool in pools:
        sharers = _sharers(pool, wanted)
        short: dict[int, _Decided] = {}
        for region in _in_turn(pool, sharers, now):
            found = _decide(pool, region, sharers, wanted, accounts, lines, manner=manner, now=now)
            decided += found
            for row in pool.rows:
                own = [one for one in found if one.granted.account == row.pk]
                if own and _book(row, pool.counted, own, now):
                    short.setdefault(row.pk, own[0])
        changed |= {row.pk: row for row in pool.counted.write()}
        if pool.is_whole:  # otherwise somebody else holds a part of what there is
            happenings += _shortages(pool.counted, short, sharers, now)
    QuotaAccount.objects.bulk_update(changed.values(), _BOOKED)
    events.record(happenings, now=now)
    if manner is Manner.SCHEDULED:
        _line_up(decided, now)
    held = {place: left for place, left in wanted.items() if place[0] not in changed}
    return {one.wish.key: one.granted for one in decided} | _out_of_reach(held, accounts, manner=manner, now=now)


def _retired(regions: Collection[int]) -> set[int]:
    """Return which of these were retired meanwhile.

    Their accounts were waited for, and `quota_book.leave` may have held them: they are to share none any more.
    """
    return set(Region.objects.filter(pk__in=regions, retired_at__isnull=False).values_list("pk", flat=True))


def _of_no_account(item: Wanted, *, manner: Manner, now: datetime) -> dict[Key, Granted]:
    """Return what becomes of a check whose account nobody has made yet: where it is limited nothing can be spent."""
    row = QuotaAccount(registry=item.resource.registry, credential=item.credential)
    account, place = account_of_region(row, item.region.pk), (0, item.region.pk)
    if account.ceiling is None:
        return {item.key: Granted(0)}
    return _out_of_reach({place: [item]}, {place: account}, manner=manner, now=now)


def _out_of_reach(
    wanted: Mapping[_Place, Sequence[Wanted]], accounts: Mapping[_Place, Account], *, manner: Manner, now: datetime
) -> dict[Key, Granted]:
    """Return what becomes of checks of accounts that somebody else holds: nothing of those can be spent."""
    granted: dict[Key, Granted] = {}
    for place, left in wanted.items():
        wishes = {item.key: _wish(item, accounts[place], manner) for item in left}
        fates = decide(_exhausted(accounts[place]), list(wishes.values()), [], now=now).fates
        granted |= {key: _grant(place[0], wishes[key], fate) for key, fate in fates.items()}
    return granted


def _decide(
    pool: Pool,
    region: int,
    sharers: Collection[int],
    wanted: Mapping[_Place, Sequence[Wanted]],
    accounts: Mapping[_Place, Account],
    lines: Mapping[_Place, Sequence[Waiting]],
    *,
    manner: Manner,
    now: datetime,
) -> list["_Decided"]:
    """Return what becomes of a region's checks of a pool."""
    account = pool.counted.seen_from(region, sharers)
    account = account if pool.is_whole else _exhausted(account)
    places = [(row.pk, region) for row in pool.rows]
    wishes = [
        (place[0], item, _wish(item, accounts[place], manner)) for place in places for item in wanted.get(place, ())
    ]
    waiting = sorted((wait for place in places for wait in lines.get(place, ())), key=_in_line)[:HEAD_OF_THE_LINE]
    found = decide(account, [wish for _, _, wish in wishes], waiting, now=now)
    return [
        _Decided(
            item,
            wish,
            _grant(pk, wish, found.fates[wish.key]),
            account,
            stand=found.stands.get(wish.key),
        )
        for pk, item, wish in wishes
    ]


def _sharers(pool: Pool, wanted: Mapping[_Place, Sequence[Wanted]]) -> set[int]:
    """Return the regions that want something of a pool."""
    rows = {row.pk for row in pool.rows}
    return {region for account, region in wanted if account in rows}


def _in_turn(pool: Pool, sharers: Collection[int], now: datetime) -> list[int]:
    """Return these regions, who took least so far first: the common half is for whoever comes first."""
    return sorted(sharers, key=lambda region: (pool.counted.seen_from(region).own_spent(now), region))


@dataclass(frozen=True, slots=True)
class _Decided:
    item: Wanted
    wish: Wish
    granted: Granted
    account: Account
    stand: Stand | None  # in line, for its next slot

    @property
    def deep(self) -> int:
        """What was taken for more than a resolve."""
        return self.granted.charge if self.wish.is_deep and self.granted.fate is Fate.AS_ASKED else 0


def _wish(item: Wanted, account: Account, manner: Manner) -> Wish:
    cost = quota_costs.price(item.depth, item.resource.platforms, account.counting)
    least: int | None = cost
    if item.depth not in (None, Depth.RESOLVE):
        least = (
            None if item.needs_depth else quota_costs.price(Depth.RESOLVE, item.resource.platforms, account.counting)
        )
    return Wish(
        key=item.key,
        cost=cost,
        least=least,
        every=timedelta(seconds=item.resource.every_seconds) * item.region.stride,
        is_ordered=item.check.depth is not None,
        must_go=manner is Manner.BY_HAND,
    )


def _exhausted(account: Account) -> Account:
    return replace(account, share_percent=0, is_hearsay=False)


def _grant(account: int, wish: Wish, fate: Fate) -> Granted:
    charge = {Fate.AS_ASKED: wish.cost, Fate.LOWERED: wish.least or 0, Fate.PUT_OFF: 0}[fate]
    return Granted(account, fate, charge, is_limited=True)


def _book(row: QuotaAccount, counted: CountedAsOne, own: Sequence[_Decided], now: datetime) -> bool:
    """Take what a region was granted from one of its accounts; tell whether it was too little."""
    granted = [one.granted for one in own]
    lowered = sum(item.fate is Fate.LOWERED for item in granted)
    put_off = sum(item.fate is Fate.PUT_OFF for item in granted)
    booked = replace(own[0].account, buckets=counted.buckets_of(row)).charged(
        now,
        spent=sum(item.charge for item in granted),
        deep=sum(one.deep for one in own),
        lowered=lowered,
        put_off=put_off,
    )
    counted.put(row, booked.buckets)
    row.lowered += lowered
    row.put_off += put_off
    return bool(lowered or put_off)


def _shortages(
    counted: CountedAsOne, short: Mapping[int, "_Decided"], sharers: Collection[int], now: datetime
) -> list[Happening]:
    """Note which accounts are short, each as a region met it, and return what is to be told of it.

    There is no second of it until nothing was lowered or put off for a whole window: for the longest, as any region
    may say of its own that it is a minute.
    """
    told = []
    quiet = counted.longest_window(sharers) if short else timedelta()
    for row in counted.rows:
        if row.pk not in short:
            continue
        if row.short_at is None or now - row.short_at > quiet:
            row.short_since = now
            told.append(_shortage(row, counted, short[row.pk], now))
        row.short_at = now
    return told


def _shortage(row: QuotaAccount, counted: CountedAsOne, met: "_Decided", now: datetime) -> Happening:
    """Return what is to be told of an account that is short since this very moment, as a region sees it."""
    account, slug = met.account, met.item.region.slug
    limit = account.ceiling.limit if account.ceiling else 0
    window_seconds = int(account.window.total_seconds())
    spent = replace(account, buckets=counted.buckets_of(row)).spent(now)
    budget = account.budget or 0
    used, within = f"{spent} of our {budget} used", f"{limit} within {exact(window_seconds)} for all"
    # Who shares the quota may have used what we have not: then it is this that is short.
    how = f"{used}, of {within}" if row.remaining is None else f"{row.remaining} left of {within}, {used}"
    return Happening(
        kind=EventKind.QUOTA_SHORT,
        key=f"quota_short {row.pk} {now.isoformat()}",
        at=now,
        severity=SEVERITIES[EventKind.QUOTA_SHORT],
        text=f"{row} runs short: {how}, by what {slug} was told",
        registry=None if row.credential_id else row.registry_id,
        credential=row.credential_id,
        region=slug,
        facts={
            "egress": row.egress,
            "limit": limit,
            "window_seconds": window_seconds,
            "budget": budget,
            "spent": spent,
            "remaining": row.remaining,
        },
    )


def _lines(places: Sequence[_Place], strides: Mapping[int, int], now: datetime) -> Mapping[_Place, list[Waiting]]:
    """Return who waits for each account in each region, the first of them. Who is paused does not wait.

    `strides` are those of the regions: a slot that one of them is spared brings nobody.
    """
    found: dict[_Place, list[Waiting]] = defaultdict(list)
    accounts, regions = [account for account, _ in places], [region for _, region in places]
    with connection.cursor() as cursor:
        cursor.execute(_LINE, [accounts, regions, now, HEAD_OF_THE_LINE])
        for account, region, resource, *wait, due_at, every_seconds, turn in cursor.fetchall():
            # A crontab's slots are counted as they are claimed, and that one is the next.
            number = slots.number(due_at, interval_seconds=every_seconds, key=resource) if turn is None else turn + 1
            ahead = shedding.slots_ahead(number, strides[region])
            found[account, region].append(
                Waiting(
                    key=(resource, region),
                    comes_at=due_at + ahead * timedelta(seconds=every_seconds),
                    **dict(zip(_WAITING, wait, strict=True)),
                )
            )
    return found


def _in_line(wait: Waiting) -> tuple[datetime, datetime, Key]:
    return wait.off_since or _LAST, wait.deep_since or _LAST, wait.key


def _line_up(decided: Iterable[_Decided], now: datetime) -> None:
    """Have those who did not get what they wanted keep or take a place in line, and those who did leave it.

    So does whoever goes to the end of it, and comes anew.
    """
    waits: list[tuple[object, ...]] = []
    left: list[Key] = []
    for one in decided:
        wish, fate, stand = one.wish, one.granted.fate, one.stand
        if stand is None or stand.is_last:
            left.append(wish.key)
        if stand is None:
            continue
        deep_since = now if wish.is_deep else None
        off_since = now if fate is Fate.PUT_OFF else None
        until = now + wish.every * _PLACE_KEPT_FOR_SLOTS
        place = one.granted.account, *wish.key, wish.cost, wish.least
        waits.append((*place, deep_since, off_since, until, stand.holds_until))
    with connection.cursor() as cursor:
        if left:
            cursor.execute(_LEFT, [list(column) for column in zip(*left, strict=True)])
        if waits:
            cursor.execute(_WAIT, [*(list(column) for column in zip(*waits, strict=True)), now, now, now])
