"""What checks may take of a registry's quota, over all regions, and what becomes of those that may not."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections

from probes.actions import dispatch, quota_book
from probes.models import (
    Event,
    MissedSlots,
    QuotaAccount,
    Region,
    Registry,
    Resource,
    Verdict,
)
from probes.policy.happenings import EventKind
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.far_region import finding, images
from tests.fakes.metered_hub import MeteredHub
from tests.fakes.quota_books import EU, US, add, come_from, deliver, depths, login, only, spent_by
from tests.fakes.steps import step
from tests.integration.control.conftest import Regions

if TYPE_CHECKING:
    from probes.actions.plans import Message

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SLUGS = ("ap_south", "eu_west", "us_east")


class TestAccounts:
    def test_login_is_counted_over_all_regions(
        self, now: datetime, regions: Regions, keys_file: Path, hub: MeteredHub
    ) -> None:
        """E.3: what one region is told bounds them all."""
        credential = login(now)
        add(1, now)
        messages = dispatch.claim_due(now).messages
        assert set(depths(regions, messages)) == set(regions)
        hub.spend("robot", 200)
        deliver(regions, messages, now + SECOND, eu_west=hub.seen_from("robot"))
        account = QuotaAccount.objects.get()
        assert (account.credential, account.egress) == (credential, "")
        assert (account.limit, account.remaining, account.window_seconds) == (100, 0, 21_600)
        add(1, now + MINUTE, first=1)
        later = dispatch.claim_due(now + MINUTE).messages
        assert depths(regions, later) == {slug: [Depth.RESOLVE] for slug in regions}

    def test_without_a_login_an_address_is_counted(self, now: datetime, regions: Regions, hub: MeteredHub) -> None:
        come_from(ap_south=EU, eu_west=EU, us_east=US)
        add(1, now)
        messages = dispatch.claim_due(now).messages
        hub.spend(EU, 200)
        deliver(regions, messages, now + SECOND, eu_west=hub.seen_from(EU), us_east=hub.seen_from(US))
        accounts = QuotaAccount.objects.order_by("egress")
        assert [(item.egress, item.regions, item.remaining) for item in accounts] == [
            (EU, ["ap-south", "eu-west"], 0),
            (US, ["us-east"], 98),
        ]
        add(1, now + MINUTE, first=1)
        assert depths(regions, dispatch.claim_due(now + MINUTE).messages) == {
            "ap-south": [Depth.RESOLVE],
            "eu-west": [Depth.RESOLVE],
            "us-east": [Depth.PLATFORM],
        }

    def test_region_that_comes_from_ever_new_addresses_makes_no_end_of_accounts(
        self, now: datetime, regions: Regions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quota_book, "MOST_ADDRESSES", 3)
        add(1, now)
        for number in range(1, 5):
            come_from(eu_west=f"192.0.2.{number}")
            Resource.objects.update(next_due_at=now + number * MINUTE)
            assert set(depths(regions, dispatch.claim_due(now + number * MINUTE).messages)) == set(regions)
        found = QuotaAccount.objects.values_list("egress", "regions")
        assert dict(found) == {"192.0.2.1": ["eu-west"], "ap-south": ["ap-south"], "us-east": ["us-east"]}

    def test_neighbours_in_a_network_of_ipv6_are_one(self, now: datetime, regions: Regions) -> None:
        come_from(eu_west="2001:db8:1:2::3", us_east="2001:db8:1:2:9::4")
        add(1, now)
        dispatch.claim_due(now)
        assert set(QuotaAccount.objects.values_list("egress", flat=True)) == {"ap-south", "2001:db8:1:2::/64"}

    def test_region_whose_address_is_not_told_any_more_stays_where_it_was(
        self, now: datetime, regions: Regions
    ) -> None:
        come_from(eu_west=EU)
        add(1, now, interval_seconds=60)
        dispatch.claim_due(now)
        Region.objects.update(canaries=None)
        dispatch.claim_due(now + 2 * MINUTE)
        assert QuotaAccount.objects.get(regions=["eu-west"]).egress == EU
        come_from(eu_west=US)
        dispatch.claim_due(now + 4 * MINUTE)
        assert QuotaAccount.objects.get(regions=["eu-west"]).egress == US

    def test_accounts_that_the_registry_counts_as_one_are_one(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        """Docker-RateLimit-Source says whom it counts: two regions behind one address that no canary has seen.

        Nothing is left of the common half once one of them was told that nothing is. The other has its part, twelve,
        of which it took two images, until it is told so itself.
        """
        add(1, now)
        messages = dispatch.claim_due(now).messages
        behind_one = hub.seen_from(EU)
        deliver(regions, messages, now + SECOND, eu_west=behind_one, us_east=behind_one)
        hub.spend(EU, 200)
        add(1, now + MINUTE, first=1)
        hub.now = now + MINUTE
        messages = dispatch.claim_due(now + MINUTE).messages
        deliver(regions, messages, now + MINUTE + SECOND, eu_west=behind_one)
        add(20, now + 2 * MINUTE, first=2)
        asked = depths(regions, dispatch.claim_due(now + 2 * MINUTE).messages)
        deep = {slug: found.count(Depth.PLATFORM) for slug, found in asked.items()}
        assert deep == {"ap-south": 20, "eu-west": 0, "us-east": 4}

    def test_credentials_of_one_login_are_one(self, now: datetime, regions: Regions, keys_file: Path) -> None:
        login(now)
        login(now, prefix="org/app-1")
        add(40, now)
        dispatch.claim_due(now)
        assert sum(map(spent_by, QuotaAccount.objects.all())) == 100

    def test_old_reading_does_not_overrule_a_newer_one(
        self, now: datetime, regions: Regions, keys_file: Path, hub: MeteredHub
    ) -> None:
        login(now)
        add(1, now)
        messages = dispatch.claim_due(now).messages
        deliver(regions, messages, now + 9 * SECOND, eu_west=hub.seen_from("robot"))
        hub.spend("robot", 50)
        deliver(regions, messages, now + SECOND, us_east=hub.seen_from("robot"))
        assert QuotaAccount.objects.get().remaining == 98

    def test_registry_that_speaks_of_no_limit_has_none(
        self, now: datetime, regions: Regions, keys_file: Path, hub: MeteredHub
    ) -> None:
        """Docker Hub: no headers are no limit."""
        login(now)
        hub.tells = False
        add(1, now)
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=hub.seen_from("robot"))
        add(120, now + MINUTE, first=1)
        asked = depths(regions, dispatch.claim_due(now + MINUTE).messages)
        assert asked["eu-west"] == [Depth.PLATFORM] * 120


class TestShare:
    def test_first_look_at_many_images_takes_no_more_than_half(self, now: datetime, regions: Regions) -> None:
        """E.3: Docker Hub's limit is known before it tells: of 100 for an address 50 are ours, two for each image."""
        come_from(eu_west=EU)
        add(60, now)
        asked = depths(regions, dispatch.claim_due(now).messages)
        assert Counter(asked["eu-west"]) == {Depth.PLATFORM: 25, Depth.RESOLVE: 35}

    def test_four_hundred_images_never_take_more_than_half(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        """E.3: six hours and more, and each image is looked at in each of its slots."""
        added = add(400, now, interval_seconds=7200)
        for image in added:
            image.regions.set(only("eu-west", regions))
        for minute in range(0, 9 * 60, 10):
            at = now + minute * MINUTE
            hub.now = at
            deliver(regions, dispatch.claim_due(at).messages, at + SECOND, eu_west=hub.seen_from(EU))
            assert hub.used(EU) <= 50
        assert len(hub.read[EU]) > 50
        assert not MissedSlots.objects.exists()
        assert set(Verdict.objects.values_list("state", flat=True)) == {VerdictState.AVAILABLE}
        account = QuotaAccount.objects.get()
        assert account.lowered > 1000
        assert account.put_off == 0

    def test_images_that_waited_come_before_those_that_were_looked_at(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        registry = Registry.objects.create(host="docker.io", quota_limit=4, quota_window_seconds=600)
        for image in add(5, now, interval_seconds=60, manifest_cadence_seconds=60, blobs_cadence_seconds=86_400):
            image.regions.set(only("eu-west", regions))
        hub.tells = False
        looked_at: list[int] = []
        for minute in range(60):
            at = now + minute * MINUTE
            messages = dispatch.claim_due(at).messages
            for message in messages:
                looked_at += [
                    int(plan.key)
                    for plan in images(regions["eu-west"].open(message))
                    if plan.depth is not Depth.RESOLVE
                ]
            deliver(regions, messages, at + SECOND, eu_west=hub.seen_from(EU))
        assert registry.quota_share_percent == 50
        assert len(looked_at) >= 5
        assert len(set(looked_at[:5])) == 5

    def test_others_use_leaves_less_for_us(self, now: datetime, regions: Regions, hub: MeteredHub) -> None:
        """E.3: no more than half of what remains."""
        come_from(eu_west=EU)
        add(1, now)
        hub.spend(EU, 78)
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=hub.seen_from(EU))
        assert QuotaAccount.objects.get(egress=EU).remaining == 20
        add(9, now + HOUR, first=1)
        asked = depths(regions, dispatch.claim_due(now + HOUR).messages)
        # Ten are ours, two for each; two were taken when it was read, and may not yet have been counted.
        assert sum(depth is not Depth.RESOLVE for depth in asked["eu-west"]) == 4

    def test_operator_sets_another_share(self, now: datetime, regions: Regions) -> None:
        Registry.objects.create(host="docker.io", quota_share_percent=10)
        add(9, now)
        asked = depths(regions, dispatch.claim_due(now).messages)
        assert asked["eu-west"].count(Depth.PLATFORM) == 5

    def test_check_that_cost_less_gives_the_rest_back(self, now: datetime, regions: Regions, hub: MeteredHub) -> None:
        come_from(eu_west=EU)
        add(1, now, platforms=["linux/amd64", "linux/arm64", "linux/s390x"])
        messages = dispatch.claim_due(now).messages
        assert spent_by(QuotaAccount.objects.get(egress=EU)) == 4
        gone = finding(Reason.TAG_NOT_FOUND)
        deliver(
            regions,
            messages,
            now + SECOND,
            eu_west=lambda plan: replace(gone(plan), steps=(step(method="HEAD", http_status=404),)),
        )
        assert spent_by(QuotaAccount.objects.get(egress=EU)) == 0

    @pytest.mark.django_db(transaction=True)
    def test_dispatchers_at_the_same_moment_do_not_take_the_same(self, now: datetime, regions: Regions) -> None:
        add(80, now)
        start = threading.Barrier(4)
        messages: list[Message] = []

        def claim_until_nothing_is_due() -> None:
            try:
                start.wait(30)
                while (claimed := dispatch.claim_due(now, limit=7)).resources:
                    messages.extend(claimed.messages)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=claim_until_nothing_is_due) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        asked = depths(regions, messages)
        assert {slug: found.count(Depth.PLATFORM) for slug, found in asked.items()} == dict.fromkeys(regions, 25)
        assert {len(found) for found in asked.values()} == {80}


class TestShortness:
    def test_it_is_told_once(self, now: datetime, regions: Regions) -> None:
        come_from(ap_south=EU, eu_west=EU, us_east=EU)
        Registry.objects.create(host="docker.io", quota_limit=10, quota_window_seconds=3600)
        add(4, now, interval_seconds=60)
        for minute in range(0, 120, 2):
            dispatch.claim_due(now + minute * MINUTE)
        event = Event.objects.get(kind=EventKind.QUOTA_SHORT)
        facts = {"egress": EU, "limit": 10, "window_seconds": 3600, "budget": 5, "spent": 4, "remaining": None}
        assert (event.at, event.facts) == (now, facts)
        assert event.region in regions
        assert " runs short: 4 of our 5 used, of 10 within 1 h for all, by what " in event.text
        account = QuotaAccount.objects.get()
        assert (account.short_since, account.short_at) == (now, now + 118 * MINUTE)

    def test_it_is_not_told_where_somebody_else_holds_a_part(
        self, now: datetime, regions: Regions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing can be spent then, and it is not known what is left."""
        locked = quota_book.Book.locked

        def locked_in_part(*args: Any, **asked: Any) -> list[quota_book.Pool]:
            return [replace(pool, is_whole=False) for pool in locked(*args, **asked)]

        monkeypatch.setattr(quota_book.Book, "locked", locked_in_part)
        add(4, now)
        dispatch.claim_due(now)
        assert sum(account.lowered for account in QuotaAccount.objects.all()) == 12
        assert not QuotaAccount.objects.exclude(short_at=None).exists()
        assert not Event.objects.exists()

    def test_it_is_told_again_after_a_window_without_any(self, now: datetime, regions: Regions) -> None:
        Registry.objects.create(host="docker.io", quota_limit=2, quota_window_seconds=60)
        for hour in range(2):
            for image in add(1, now + hour * HOUR, first=hour):
                image.regions.set(only("eu-west", regions))
            dispatch.claim_due(now + hour * HOUR)
            Resource.objects.update(paused_at=now)
        told = Event.objects.filter(kind=EventKind.QUOTA_SHORT).order_by("at")
        assert [event.at for event in told] == [now, now + HOUR]


class TestSettings:
    def test_limit_and_window_go_together(self, db: None) -> None:
        with pytest.raises(ValidationError, match="go together"):
            Registry(host="ghcr.io", quota_limit=5).full_clean()
        with pytest.raises(ValidationError, match="go together"):
            Registry(host="ghcr.io", quota_window_seconds=60).full_clean()
        Registry(host="ghcr.io", quota_limit=5, quota_window_seconds=60).full_clean()

    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"quota_limit": 5}, "registry_own_limit_has_its_window"),
            ({"quota_share_percent": 0}, "registry_quota_share_in_range"),
            ({"quota_counts": "pulls"}, "registry_quota_counts_is_known"),
        ],
    )
    def test_database_holds_them(self, db: None, values: dict[str, Any], constraint: str) -> None:
        with pytest.raises(IntegrityError, match=constraint):
            Registry.objects.create(host="ghcr.io", **values)
