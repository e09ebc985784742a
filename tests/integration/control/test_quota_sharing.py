"""One region of three says what it likes of an account that all share."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from probes.actions import dispatch, quota_book, settling
from probes.actions import quota as ledger
from probes.actions import regions as region_actions
from probes.models import Batch, Event, QuotaAccount, QuotaWait, Registry, Resource
from probes.policy import rationing
from probes.policy.happenings import EventKind
from probes.policy.hearsay import readings_from_json
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, RateLimit
from probes.protocol.taxonomy import Depth
from probes.selectors.quota import account_of_region
from tests.fakes.far_region import Find, found
from tests.fakes.metered_hub import MeteredHub
from tests.fakes.quota_books import EU, add, come_from, deliver, depths, login, spent_by
from tests.fakes.steps import step
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HONEST = ("eu-west", "us-east")


def lying(told: RateLimit | None = None, requests: int = 3) -> Find:
    """Return checks of which a region says that they were told this, and cost so much."""

    def find(plan: CheckPlan) -> Outcome:
        outcome = replace(found(plan), requests=requests)
        return replace(outcome, conclusion=replace(outcome.conclusion, rate_limit=told))

    return find


def says(limit: int, remaining: int, *, window_seconds: int = 21_600, source: str = "robot") -> Find:
    return lying(RateLimit(limit=limit, remaining=remaining, window_seconds=window_seconds, source=source))


def says_that_there_is_no_limit(plan: CheckPlan) -> Outcome:
    """A manifest was read, and no header came with it."""
    return replace(found(plan), steps=(step(),))


@pytest.fixture
def _robot(now: datetime, keys_file: Path) -> None:
    """A login that all regions use."""
    login(now)


def deep_after(lie: Find, now: datetime, regions: Regions, hub: MeteredHub) -> dict[str, int]:
    """Let all check an image, and ap-south lie about it; return how many of forty are then asked in depth of each."""
    add(1, now)
    honest = hub.seen_from("robot")
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=honest, us_east=honest, ap_south=lie)
    add(40, now + MINUTE, first=1)
    asked = depths(regions, dispatch.claim_due(now + MINUTE).messages)
    return {slug: found.count(Depth.PLATFORM) for slug, found in asked.items()}


@pytest.mark.usefixtures("_robot")
@pytest.mark.parametrize(
    "lie",
    [says(100, 0), says(1, 1), says(0, 0), says(100, 0, window_seconds=7 * 86_400), says(100, 0, source="192.0.2.9")],
    ids=["nothing left", "a tiny limit", "none at all", "for a week", "of somebody else"],
)
def test_region_that_says_that_nothing_is_left_leaves_the_others_their_parts(
    now: datetime, regions: Regions, hub: MeteredHub, lie: Find
) -> None:
    """Of a hundred 50 are ours, and a part 8: three images of two manifests beside the one that was read before."""
    deep = deep_after(lie, now, regions, hub)
    assert all(deep[slug] >= 3 for slug in HONEST)
    assert deep["ap-south"] == 0


@pytest.mark.usefixtures("_robot")
@pytest.mark.parametrize(
    "lie",
    [says(10**9, 10**9), says(100, 100, window_seconds=60), lying()],
    ids=["a huge limit", "for a minute", "none"],
)
def test_region_that_says_that_there_is_plenty_is_handed_no_more_than_is_ours(
    now: datetime, regions: Regions, hub: MeteredHub, lie: Find
) -> None:
    deep = deep_after(lie, now, regions, hub)
    assert all(deep[slug] >= 3 for slug in HONEST)
    assert 2 * (sum(deep.values()) + len(deep)) <= 50


def test_region_that_says_that_its_checks_cost_a_thousand_leaves_the_others_their_parts(
    now: datetime, regions: Regions
) -> None:
    """One address for all, of which each request counts."""
    come_from(ap_south=EU, eu_west=EU, us_east=EU)
    Registry.objects.create(host="ghcr.io", quota_limit=120, quota_window_seconds=3600)
    add(1, now, host="ghcr.io")
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, ap_south=lying(requests=1000))
    assert spent_by(QuotaAccount.objects.get()) > 1000
    add(5, now + MINUTE, first=1, host="ghcr.io")
    asked = depths(regions, dispatch.claim_due(now + MINUTE).messages)
    assert set(asked) == set(HONEST)


def test_line_of_one_region_keeps_nothing_from_the_others(
    now: datetime, regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is longer than what is looked at of a line, and never gets shorter."""
    for module in (ledger, rationing):
        monkeypatch.setattr(module, "HEAD_OF_THE_LINE", 3)
    test_region_that_says_that_its_checks_cost_a_thousand_leaves_the_others_their_parts(now, regions)
    assert QuotaWait.objects.filter(region=regions["ap-south"].row, off_since__isnull=False).count() > 3
    later = now + 90 * MINUTE
    Resource.objects.update(next_due_at=later)
    asked = depths(regions, dispatch.claim_due(later).messages)
    assert {"eu-west", "us-east"} <= set(asked)


@pytest.mark.usefixtures("_robot")
def test_region_that_was_told_nothing_yet_asks_for_itself(now: datetime, regions: Regions, hub: MeteredHub) -> None:
    add(1, now)
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, ap_south=says(1, 0))
    add(40, now + MINUTE, first=1)
    messages = dispatch.claim_due(now + MINUTE).messages
    assert set(depths(regions, messages)["eu-west"]) == {Depth.RESOLVE}
    deliver(regions, messages, now + MINUTE + SECOND, eu_west=hub.seen_from("robot"))
    add(9, now + 2 * MINUTE, first=100)
    asked = depths(regions, dispatch.claim_due(now + 2 * MINUTE).messages)
    assert Depth.PLATFORM in asked["eu-west"]
    assert set(asked["ap-south"]) == {Depth.RESOLVE}


@pytest.mark.usefixtures("_robot")
@pytest.mark.parametrize("lie", [says_that_there_is_no_limit, says(10**9, 10**9)], ids=["none", "a huge limit"])
def test_region_that_was_told_nothing_yet_does_not_spend_all_on_the_word_of_one(
    now: datetime, regions: Regions, lie: Find
) -> None:
    """Docker Hub's 200 for a login are taken to be there until it tells: of its 100 each image costs two."""
    add(1, now)
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, ap_south=lie)
    assert set(readings_from_json(QuotaAccount.objects.get().readings)) == {regions["ap-south"].row.pk}
    add(200, now + MINUTE, first=1)
    asked = depths(regions, dispatch.claim_due(now + MINUTE).messages)
    assert 0 < 2 * sum(asked[slug].count(Depth.PLATFORM) for slug in HONEST) <= 100


@pytest.mark.usefixtures("_robot")
def test_account_shows_what_each_region_was_told(now: datetime, regions: Regions, hub: MeteredHub) -> None:
    """What was last told at all is what a page of the account begins with."""
    deep_after(says(7, 0), now, regions, hub)
    account = QuotaAccount.objects.get()
    limits = {region: reading.limit for region, reading in readings_from_json(account.readings).items()}
    assert limits == {region.row.pk: 7 if slug == "ap-south" else 100 for slug, region in regions.items()}
    assert account.source == "robot"


@pytest.mark.usefixtures("_robot")
def test_region_that_speaks_of_a_minute_has_shortness_told_once_and_by_its_name(
    now: datetime, regions: Regions, hub: MeteredHub
) -> None:
    """Of two nobody knows who is right. Else there were an event each time that a minute has passed."""
    add(1, now)
    honest, lie = hub.seen_from("robot"), says(1, 1, window_seconds=60)
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=honest, ap_south=lie)
    for number in range(1, 4):
        at = now + number * 3 * MINUTE
        add(1, at, first=number)
        asked = depths(regions, dispatch.claim_due(at).messages)["ap-south"]
        assert set(asked) == {Depth.RESOLVE}
    event = Event.objects.get(kind=EventKind.QUOTA_SHORT)
    assert (event.at, event.region, event.facts["window_seconds"]) == (now + 3 * MINUTE, "ap-south", 60)
    assert ": 1 left of 1 within 1 min for all, " in event.text
    assert event.text.endswith(" used, by what ap-south was told")
    assert QuotaAccount.objects.get().short_at == now + 9 * MINUTE


@pytest.mark.usefixtures("_robot")
def test_region_that_is_retired_shares_no_account_any_more(now: datetime, regions: Regions, hub: MeteredHub) -> None:
    """What it took stays counted, for what was said to be left is less by that."""
    add(1, now)
    honest = hub.seen_from("robot")
    everybody = {"eu_west": honest, "us_east": honest, "ap_south": says(1, 0)}
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, **everybody)
    gone, stays, other = (regions[slug].row.pk for slug in ("ap-south", "eu-west", "us-east"))
    before = account_of_region(QuotaAccount.objects.get(), stays)
    assert before.sharers == {gone, stays, other}
    region_actions.retire([gone], now=now + MINUTE)
    after = account_of_region(QuotaAccount.objects.get(), stays)
    assert after.sharers == {stays, other}
    assert len(after.others) == 1
    assert after.spent(now + MINUTE) == before.spent(now + MINUTE)
    assert (after.allowance(now + MINUTE) or 0) > (before.allowance(now + MINUTE) or 0)


@pytest.mark.usefixtures("_robot")
def test_what_only_a_region_was_told_that_is_retired_is_told_to_nobody(now: datetime, regions: Regions) -> None:
    """It may have lied: without it Docker Hub's limit is what is known of it."""
    add(1, now)
    deliver(regions, dispatch.claim_due(now).messages, now + SECOND, ap_south=says(1, 0))
    region_actions.retire([regions["ap-south"].row.pk], now=now + MINUTE)
    account = QuotaAccount.objects.get()
    assert (account.read_at, account.limit, account.remaining, account.window_seconds) == (None, None, None, None)
    seen = account_of_region(account, regions["eu-west"].row.pk)
    assert (seen.budget, seen.is_hearsay) == (100, False)


@pytest.mark.usefixtures("_robot")
def test_region_that_is_retired_while_its_accounts_are_waited_for_takes_nothing_of_them(
    now: datetime, regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it had a part again for a window, and nobody to take it away."""
    gone = regions["ap-south"].row.pk
    locked = quota_book.Book.locked

    def locked_once_it_was_retired(*args: Any, **asked: Any) -> list[quota_book.Pool]:
        region_actions.retire([gone], now=now)
        return locked(*args, **asked)

    monkeypatch.setattr(quota_book.Book, "locked", locked_once_it_was_retired)
    add(3, now)
    dispatch.claim_due(now)
    stays, other = (regions[slug].row.pk for slug in HONEST)
    assert account_of_region(QuotaAccount.objects.get(), stays).sharers == {stays, other}


@pytest.mark.usefixtures("_robot")
def test_report_of_a_region_that_was_retired_gives_it_no_part_again(now: datetime, regions: Regions) -> None:
    """Its report waited for the accounts while it was retired. What it took is set right all the same."""
    add(1, now)
    dispatch.claim_due(now)
    gone = regions["ap-south"].row.pk
    region_actions.retire([gone], now=now + SECOND)
    before, batch = QuotaAccount.objects.get(), Batch.objects.get(region=gone)
    keys = list(zip(batch.resource_ids, batch.slots, strict=True))
    settling.settle(batch, {}, unmade=keys, resources=(), clock_offset_seconds=None, now=now + 2 * SECOND)
    after = QuotaAccount.objects.get()
    assert spent_by(after) == spent_by(before) - sum(batch.charges) < spent_by(before)
    assert gone not in account_of_region(after, regions["eu-west"].row.pk).sharers


def test_version_before_makes_accounts_while_it_is_replaced(now: datetime, regions: Regions) -> None:
    """It names no readings."""
    registry = Registry.objects.create(host="docker.io")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO probes_quotaaccount"
            " (registry_id, egress, regions, source, buckets, lowered, put_off, created_at)"
            " VALUES (%s, %s, '{}', '', '[]', 0, 0, %s)",
            [registry.pk, EU, now],
        )
    assert QuotaAccount.objects.get().readings == []
