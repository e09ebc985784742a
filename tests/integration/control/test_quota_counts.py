"""What becomes of checks that a quota has no room for, and what is counted of those that were made."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import again, dispatch, resources, retention
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.management.ledger import lines
from probes.models import (
    AccountCosts,
    Batch,
    MissedSlots,
    QuotaAccount,
    QuotaWait,
    Region,
    RegionState,
    Registry,
    Resource,
    ResourceCosts,
    Verdict,
)
from probes.policy import slots
from probes.policy.quota import buckets_from_json
from probes.policy.shedding import STRIDES, slots_ahead
from probes.policy.slots import MissedCause
from probes.policy.verdict import VerdictState
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason, Stage
from probes.selectors import quota as selectors
from tests.fakes.far_region import finding, found, images
from tests.fakes.metered_hub import MeteredHub
from tests.fakes.quota_books import EU, US, add, come_from, deliver, depths, only, spent_by
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SLUGS = ("ap_south", "eu_west", "us_east")


class TestWhereEachRequestCounts:
    @pytest.fixture(autouse=True)
    def _registry(self, regions: Regions) -> None:
        Registry.objects.create(host="ghcr.io", quota_limit=40, quota_window_seconds=3600)

    def test_what_there_is_no_room_for_is_put_off_and_comes_first_next_time(
        self, now: datetime, regions: Regions
    ) -> None:
        added = add(8, now, host="ghcr.io", interval_seconds=1800)
        for image in added:
            image.regions.set(only("eu-west", regions))
        first = dispatch.claim_due(now).messages
        asked = depths(regions, first)["eu-west"]
        assert 0 < len(asked) < 8
        records = MissedSlots.objects.all()
        assert {(record.cause, record.region, record.count) for record in records} == {
            (MissedCause.QUOTA, regions["eu-west"].row, 1)
        }
        assert len(asked) + len(records) == 8
        put_off = {record.resource_id for record in records}
        later = now + HOUR + 10 * MINUTE
        Resource.objects.update(next_due_at=later)
        (message,) = dispatch.claim_due(later).messages
        sent = {int(plan.key) for plan in regions["eu-west"].open(message).plans}
        assert put_off <= sent

    def test_slots_that_are_put_off_grow_one_record(self, now: datetime, regions: Regions) -> None:
        Registry.objects.update(quota_limit=2)
        (image,) = add(1, now, host="ghcr.io", interval_seconds=60)
        image.regions.set(only("eu-west", regions))
        for _ in range(3):
            image.refresh_from_db()
            assert dispatch.claim_due(image.next_due_at).messages == []
        assert MissedSlots.objects.get().count == 3

    def test_slot_that_is_put_off_changes_no_state_and_no_verdict(self, now: datetime, regions: Regions) -> None:
        (image,) = add(1, now, host="ghcr.io", interval_seconds=300)
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, **dict.fromkeys(SLUGS, found))
        Registry.objects.update(quota_limit=1)
        image.refresh_from_db()
        assert dispatch.claim_due(image.next_due_at).messages == []
        assert set(RegionState.objects.values_list("status", flat=True)) == {"available"}
        assert Verdict.objects.get().state == VerdictState.AVAILABLE

    def test_check_by_hand_goes_at_least_as_a_resolve(self, now: datetime, regions: Regions) -> None:
        Registry.objects.update(quota_limit=2)
        (image,) = add(1, now, host="ghcr.io")
        asked = dispatch.check_now([image.pk], ["eu-west"], now=now)
        assert depths(regions, asked.messages) == {"eu-west": [Depth.RESOLVE]}
        asked = dispatch.check_now([image.pk], ["eu-west"], depth=Depth.BLOBS, now=now)
        assert depths(regions, asked.messages) == {"eu-west": [Depth.BLOBS]}
        assert spent_by(QuotaAccount.objects.get(egress="eu-west")) > 1

    def test_confirming_check_is_left_out_where_there_is_no_room(self, now: datetime, regions: Regions) -> None:
        (image,) = add(1, now, host="ghcr.io")
        dispatch.claim_due(now)
        slugs = {image.pk: ["eu-west", "us-east"]}
        assert len(dispatch.confirm(slugs, now=now)) == 2
        Registry.objects.update(quota_limit=2)
        assert dispatch.confirm(slugs, now=now + SECOND) == []
        assert not QuotaWait.objects.exists()

    def test_check_that_costs_more_than_depth_may_have_holds_up_nobody_and_is_made_in_its_turn(
        self, now: datetime, regions: Regions
    ) -> None:
        """Of fifty that are ours 25 are for depth: all layers of two platforms cost 28, one platform's manifest 5."""
        Registry.objects.update(quota_limit=100)
        dear = add(1, now, host="ghcr.io", depth=Depth.BLOBS, platforms=["linux/amd64", "linux/arm64"])
        for image in dear + add(4, now, first=1, host="ghcr.io"):
            image.regions.set(only("eu-west", regions))
        asked = []
        for number in range(3):
            later = now + number * 70 * MINUTE
            Resource.objects.update(next_due_at=later)
            asked.append(Counter(depths(regions, dispatch.claim_due(later).messages)["eu-west"]))
            QuotaWait.objects.update(until=later + 2 * HOUR)
        assert asked == [
            {Depth.BLOBS: 1, Depth.RESOLVE: 4},
            {Depth.PLATFORM: 4, Depth.RESOLVE: 1},
            {Depth.BLOBS: 1, Depth.RESOLVE: 4},
        ]

    def test_half_that_is_for_depth_is_counted_apart(self, now: datetime, regions: Regions) -> None:
        """What a check of it did cost as well: 3 of the 5 that were expected."""
        images_ = add(2, now, host="ghcr.io")
        for image in images_:
            image.regions.set(only("eu-west", regions))
        Resource.objects.filter(pk=images_[1].pk).update(depth=Depth.RESOLVE)
        messages = dispatch.claim_due(now).messages
        (bucket,) = buckets_from_json(QuotaAccount.objects.get().buckets)
        assert (bucket.spent, bucket.deep) == (8, 5)
        deliver(regions, messages, now + SECOND, eu_west=found)
        (bucket,) = buckets_from_json(QuotaAccount.objects.get().buckets)
        assert (bucket.spent, bucket.deep) == (6, 3)

    def test_requests_are_counted_as_they_were_made(self, now: datetime, regions: Regions) -> None:
        (image,) = add(1, now, host="ghcr.io")
        image.regions.set(only("eu-west", regions))
        messages = dispatch.claim_due(now).messages
        assert spent_by(QuotaAccount.objects.get()) == 5
        deliver(regions, messages, now + SECOND, eu_west=found)
        assert spent_by(QuotaAccount.objects.get()) == 3


class TestConfirmingWithoutAnAccount:
    """Whoever confirms holds what a report locks: to make an account he might wait for a tick that waits for him."""

    @pytest.mark.parametrize(
        ("host", "limit", "asked"),
        [("docker.io", None, Depth.RESOLVE), ("ghcr.io", 40, None), ("ghcr.io", None, Depth.PLATFORM)],
        ids=["a resolve is free", "nothing is", "no limit"],
    )
    def test_none_is_made_and_nothing_of_it_spent(
        self, now: datetime, regions: Regions, host: str, limit: int | None, asked: Depth | None
    ) -> None:
        Registry.objects.create(host=host, quota_limit=limit, quota_window_seconds=limit and 3600)
        (image,) = add(1, now, host=host)
        messages = dispatch.confirm({image.pk: ["eu-west"]}, now=now)
        assert depths(regions, messages) == ({"eu-west": [asked]} if asked else {})
        assert not QuotaAccount.objects.exists()


class TestPlacesInLine:
    @pytest.fixture
    def waiting(self, now: datetime, regions: Regions) -> list[Resource]:
        """Two images, of which there is room for one in ten minutes: the second waits."""
        Registry.objects.create(host="docker.io", quota_limit=4, quota_window_seconds=600)
        images_ = add(2, now, interval_seconds=60)
        for image in images_:
            image.regions.set(only("eu-west", regions))
        dispatch.claim_due(now)
        wait = QuotaWait.objects.get()
        assert (wait.resource, wait.deep_since) == (images_[1], now)
        return images_

    def test_whoever_was_away_too_long_comes_back_as_the_last(self, now: datetime, waiting: list[Resource]) -> None:
        later = now + timedelta(days=3)
        Resource.objects.update(next_due_at=later)
        dispatch.claim_due(later)
        assert QuotaWait.objects.get().deep_since == later

    def test_whoever_is_seen_in_time_keeps_his_place(self, now: datetime, waiting: list[Resource]) -> None:
        Resource.objects.update(next_due_at=now + MINUTE)
        dispatch.claim_due(now + MINUTE)
        assert QuotaWait.objects.get(resource=waiting[1]).deep_since == now

    def test_whoever_is_served_leaves_the_line_though_his_place_had_lapsed(
        self, now: datetime, waiting: list[Resource]
    ) -> None:
        Resource.objects.filter(pk=waiting[0].pk).update(paused_at=now)
        dispatch.claim_due(now + timedelta(days=3))
        assert not QuotaWait.objects.exists()

    @pytest.mark.parametrize(
        ("comes", "is_paused", "other"),
        [(5 * MINUTE, False, Depth.RESOLVE), (HOUR, False, Depth.PLATFORM), (5 * MINUTE, True, Depth.PLATFORM)],
        ids=["soon", "later than that comes back which others take", "paused"],
    )
    def test_what_there_is_room_for_is_kept_for_who_comes_soon(
        self,
        now: datetime,
        regions: Regions,
        waiting: list[Resource],
        comes: timedelta,
        *,
        is_paused: bool,
        other: Depth,
    ) -> None:
        later = now + 11 * MINUTE
        QuotaWait.objects.update(until=later + 3 * HOUR)
        Resource.objects.filter(pk=waiting[1].pk).update(next_due_at=later + comes)
        if is_paused:
            resources.pause([waiting[1].pk], now=now + SECOND)
        assert depths(regions, dispatch.claim_due(later).messages) == {"eu-west": [other]}

    @pytest.mark.parametrize(("ahead", "other"), [(0, Depth.RESOLVE), (15, Depth.PLATFORM)], ids=["sent", "spared"])
    def test_slot_that_a_region_is_spared_brings_nobody(
        self, now: datetime, regions: Regions, waiting: list[Resource], ahead: int, other: Depth
    ) -> None:
        """The next slot is in a minute. If it is not sent, what others take now is back before the one that is."""
        here, away = waiting
        away.refresh_from_db()
        number = slots.number(away.next_due_at, interval_seconds=60, key=away.pk)
        due = next(
            away.next_due_at + count * MINUTE
            for count in range(12, 12 + STRIDES[-1])
            if slots_ahead(number + count, STRIDES[-1]) == ahead
        )
        Region.objects.update(stride=STRIDES[-1])
        Resource.objects.filter(pk=away.pk).update(next_due_at=due)
        QuotaWait.objects.update(until=due + 3 * HOUR)
        asked = dispatch.check_now([here.pk], now=due - MINUTE)
        assert depths(regions, asked.messages) == {"eu-west": [other]}


class TestFailingImages:
    LAYER_GONE = staticmethod(finding(Reason.LAYER_MISSING, Stage.LAYER))

    def test_one_that_fails_deep_down_is_never_called_well_by_a_resolve(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        registry = Registry.objects.create(host="docker.io")
        (image,) = add(1, now, interval_seconds=300)
        image.regions.set(only("eu-west", regions))
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=self.LAYER_GONE)
        image.refresh_from_db()
        (message,) = dispatch.claim_due(image.next_due_at).messages
        (plan,) = images(regions["eu-west"].open(message))
        assert (plan.depth, plan.reread) == (Depth.BLOBS, False)
        Registry.objects.filter(pk=registry.pk).update(quota_limit=2, quota_window_seconds=3600)
        image.refresh_from_db()
        assert dispatch.claim_due(image.next_due_at).messages == []
        assert MissedSlots.objects.get().cause == MissedCause.QUOTA
        assert Verdict.objects.get().state == VerdictState.UNAVAILABLE

    def test_one_that_fails_on_the_way_is_lowered(self, now: datetime, regions: Regions) -> None:
        Registry.objects.create(host="docker.io", quota_limit=2, quota_window_seconds=3600)
        (image,) = add(1, now, interval_seconds=300)
        refused = finding(Reason.CONNECT_REFUSED, Stage.CONNECT)
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=refused)
        image.refresh_from_db()
        asked = depths(regions, dispatch.claim_due(image.next_due_at).messages)
        assert asked["eu-west"] == [Depth.RESOLVE]


class TestReturned:
    @pytest.fixture(autouse=True)
    def _heard(self, regions: Regions) -> None:
        """Without a heartbeat a region is spoken to in the oldest version, which returns nothing."""
        region_actions.record_heartbeat(regions["eu-west"].heartbeat(), now=datetime.now(UTC))

    def test_check_that_is_handed_out_again_is_as_deep_and_taken_once(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        region = regions["eu-west"]
        Registry.objects.create(host="docker.io", quota_limit=4, quota_window_seconds=3600)
        for image in add(2, now):
            image.regions.set([region.row])
        (message,) = dispatch.claim_due(now).messages
        batch = region.open(message)
        assert [plan.depth for plan in images(batch)] == [Depth.PLATFORM, Depth.RESOLVE]
        (again,) = ingest(region.report(batch, returned=batch.plans), now=now + SECOND).messages
        assert [plan.depth for plan in images(region.open(again))] == [Depth.PLATFORM, Depth.RESOLVE]
        assert spent_by(QuotaAccount.objects.get()) == 2
        ingest(region.report(region.open(again), hub.seen_from(EU)), now=now + 2 * SECOND)
        assert spent_by(QuotaAccount.objects.get()) == 2

    def test_handing_out_again_looks_at_no_account(self, now: datetime, regions: Regions) -> None:
        """Whoever takes in a report locks them last, in their order: else it and a tick would wait for each other."""
        region = regions["eu-west"]
        Registry.objects.create(host="docker.io", quota_limit=4, quota_window_seconds=3600)
        (image,) = add(1, now)
        image.regions.set([region.row])
        dispatch.claim_due(now)
        batch = Batch.objects.get()
        returned = [(image.pk, slot) for slot in batch.slots]
        with CaptureQueriesContext(connection) as captured:
            second = again.hand_out(region.row, batch, returned, now=now + SECOND)
        assert [message.checks for message in second.messages] == [1]
        assert not [query["sql"] for query in captured if "probes_quotaaccount" in query["sql"]]

    def test_check_that_nobody_makes_up_for_is_given_back(self, now: datetime, regions: Regions) -> None:
        region = regions["eu-west"]
        (image,) = add(1, now)
        image.regions.set([region.row])
        (message,) = dispatch.claim_due(now).messages
        batch = region.open(message)
        assert spent_by(QuotaAccount.objects.get()) == 2
        assert ingest(region.report(batch, returned=batch.plans), now=now + HOUR).messages == []
        assert spent_by(QuotaAccount.objects.get()) == 0

    def test_batch_of_an_earlier_version_is_not_counted(self, now: datetime, regions: Regions) -> None:
        (image,) = add(1, now)
        image.regions.set(only("eu-west", regions))
        messages = dispatch.claim_due(now).messages
        Batch.objects.update(accounts=[], charges=[])
        (ingested,) = deliver(regions, messages, now + SECOND, eu_west=found)
        assert ingested.stored == 1
        assert not AccountCosts.objects.exists()


class TestCosts:
    def test_bill_says_what_each_account_and_each_resource_cost(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        come_from(eu_west=EU, us_east=US)
        first, second = add(2, now)
        second.regions.set(only("us-east", regions))
        messages = dispatch.claim_due(now).messages
        deliver(regions, messages, now + SECOND, eu_west=hub.seen_from(EU), us_east=hub.seen_from(US))
        bill = selectors.costs(now.date(), now=now + SECOND)
        lines = {line.row.egress: line for line in bill.accounts}
        assert lines[EU].costs == selectors.Costs(checks=1, requests=3, counted=2)
        assert lines[US].costs == selectors.Costs(checks=2, requests=6, counted=4)
        assert (lines[US].limit, lines[US].budget, lines[US].spent, lines[US].allowance) == (100, 50, 4, 44)
        assert lines["ap-south"].costs == selectors.Costs()
        assert {(day.resource, day.day, day.costs.requests) for day in bill.resources} == {
            (first.pk, now.date(), 6),
            (second.pk, now.date(), 3),
        }

    def test_registry_without_a_limit_is_counted_too(self, now: datetime, regions: Regions) -> None:
        add(1, now, host="ghcr.io")
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=found, us_east=found)
        assert ResourceCosts.objects.get().requests == 6
        line = selectors.accounts(now.date(), now=now)[0]
        assert (line.limit, line.budget, line.allowance, line.spent) == (None, None, None, 0)

    def test_region_cannot_write_any_number(self, now: datetime, regions: Regions) -> None:
        def boundless(plan: Plan) -> Outcome:
            return replace(found(plan), requests=10**15)

        add(1, now, host="ghcr.io")
        (ingested,) = deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=boundless)  # type: ignore[arg-type]
        assert ingested.stored == 1
        assert ResourceCosts.objects.get().requests == 1000

    def test_sums_of_a_day_outgrow_no_column(self, now: datetime, regions: Regions) -> None:
        """Else no region could report on that account any more until the day is over."""
        add(1, now, host="ghcr.io")
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=found)
        most = 2**31 - 1
        for model in (AccountCosts, ResourceCosts):
            model.objects.update(checks=most, requests=most, counted=most)
        Resource.objects.update(next_due_at=now + MINUTE)
        messages = dispatch.claim_due(now + MINUTE).messages
        assert all(item.stored for item in deliver(regions, messages, now + MINUTE + SECOND, eu_west=found))
        assert AccountCosts.objects.order_by("-requests")[0].requests > most

    def test_command_shows_them(
        self, now: datetime, regions: Regions, hub: MeteredHub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        come_from(eu_west=EU)
        add(1, now)
        add(1, now, host="ghcr.io")
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=hub.seen_from(EU))
        heading, *rows = lines(days=1, now=now + SECOND)
        assert heading.split()[:4] == ["REGISTRY", "ACCOUNT", "LIMIT", "LEFT"]
        (line,) = [row.split() for row in rows if EU in row and "docker.io" in row]
        assert line == ["docker.io", EU, "100", "in", "6", "h", "98", "2", "of", "50", "0", "0", "1", "3", "2"]
        assert len(rows) == 6
        call_command("quota", days=30)
        assert len(capsys.readouterr().out.splitlines()) == 7

    def test_old_costs_go_and_idle_accounts_with_them(self, now: datetime, regions: Regions) -> None:
        (image,) = add(1, now)
        image.regions.set(only("eu-west", regions))
        deliver(regions, dispatch.claim_due(now).messages, now + SECOND, eu_west=found)
        assert retention.drop_costs(before=now) == 0
        assert retention.drop_costs(before=now + 24 * HOUR) == 3
        assert not QuotaAccount.objects.exists()


class TestPrice:
    def test_claim_takes_the_same_queries_for_many_as_for_few(self, now: datetime, regions: Regions) -> None:
        def queries(at: datetime) -> int:
            with CaptureQueriesContext(connection) as captured:
                dispatch.claim_due(at)
            return len(captured)

        add(40, now)
        dispatch.claim_due(now)
        add(2, now + MINUTE, first=100)
        few = queries(now + MINUTE)
        add(200, now + 2 * MINUTE, first=200)
        assert queries(now + 2 * MINUTE) == few

    def test_report_takes_the_same_queries_for_many_as_for_few(
        self, now: datetime, regions: Regions, hub: MeteredHub
    ) -> None:
        def queries(at: datetime) -> int:
            (message,) = [item for item in dispatch.claim_due(at).messages if item.queue == "probe.eu-west"]
            report = regions["eu-west"].report(regions["eu-west"].open(message), hub.seen_from(EU))
            with CaptureQueriesContext(connection) as captured:
                ingest(report, now=at + SECOND)
            return len(captured)

        add(2, now)
        few = queries(now)
        add(90, now + MINUTE, first=100)
        assert queries(now + MINUTE) == few
