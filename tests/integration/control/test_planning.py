"""What the dispatcher writes into plans: how deep, how fresh, what may be taken as known, and which layers."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from probes.actions import dispatch, ingest, resources
from probes.models import Resource
from probes.policy import freshness, slots
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason, Stage
from tests.fakes.far_region import FarRegion, Find, finding, found, images
from tests.fakes.steps import step
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def turn(image: Resource, region: FarRegion, find: Find | None = None) -> tuple[datetime, Plan]:
    """Let the next slot come, hand the check to the region, and take in what it finds; return the slot and plan."""
    image.refresh_from_db()
    slot = image.next_due_at
    messages = dispatch.claim_due(slot).messages
    (batch,) = [region.open(message) for message in messages if message.queue == f"probe.{region.slug}"]
    (plan,) = images(batch)
    ingest.ingest(region.report(batch, find), now=slot)
    return slot, plan


def as_planned(plan: CheckPlan) -> Outcome:
    """Find the image available, having read its manifest or only asked for it, as the plan says."""
    assert isinstance(plan, Plan)
    heads = [step(method="HEAD"), step(stage=Stage.CHILD, method="HEAD")]
    reads = [step(method="HEAD"), step(), step(stage=Stage.CHILD)]
    return replace(found(plan), steps=tuple(reads if plan.reread else heads))


class TestFresh:
    def test_every_twelfth_check_is_fresh(self, regions: Regions, make_images: MakeImages) -> None:
        """E.2."""
        (image,) = make_images(interval_seconds=3600)
        turn(image, regions["eu-west"])  # off the grid
        fresh = [turn(image, regions["eu-west"])[1].fresh for _ in range(36)]
        first = fresh.index(True)
        assert [place for place, is_fresh in enumerate(fresh) if is_fresh] == [first, first + 12, first + 24]

    def test_failing_image_is_checked_afresh_from_where_it_fails(
        self, regions: Regions, make_images: MakeImages
    ) -> None:
        """E.2: until a fresh check has found it good."""
        (image,) = make_images(interval_seconds=3600)
        failing = finding(Reason.TAG_NOT_FOUND)
        throttled = finding(Reason.RATE_LIMITED)
        plans = [turn(image, regions["eu-west"], find)[1] for find in (failing, throttled, None)]
        assert [plan.fresh for plan in plans[1:]] == [True, True]
        slot = Resource.objects.get().next_due_at
        (elsewhere,) = [m for m in dispatch.claim_due(slot).messages if m.queue == "probe.us-east"]
        (plan,) = images(regions["us-east"].open(elsewhere))
        number = slots.number(slot, interval_seconds=3600, key=image.pk)
        assert plan.fresh == (number % freshness.FRESH_EVERY == 0)


class TestDepth:
    def test_image_goes_from_platforms_to_blobs_to_the_tag_alone(
        self, regions: Regions, make_images: MakeImages
    ) -> None:
        (image,) = make_images(interval_seconds=3600)
        depths = [turn(image, regions["eu-west"])[1].depth for _ in range(9)]
        assert depths == [Depth.PLATFORM, Depth.BLOBS, *[Depth.RESOLVE] * 5, Depth.PLATFORM, Depth.RESOLVE]

    def test_cadences_are_the_resources_own(self, regions: Regions, make_images: MakeImages) -> None:
        (image,) = make_images(
            interval_seconds=3600, manifest_cadence_seconds=2 * 3600, blobs_cadence_seconds=5 * 3600
        )
        depths = [turn(image, regions["eu-west"])[1].depth.value[0] for _ in range(12)]
        assert "".join(depths) == "pbrprpbrprpb"

    @pytest.mark.parametrize("field", ["manifest_cadence_seconds", "blobs_cadence_seconds"])
    @pytest.mark.parametrize("seconds", [0, 30 * 86_400 + 1])
    def test_cadence_out_of_range_is_refused(
        self, make_images: MakeImages, now: datetime, field: str, seconds: int
    ) -> None:
        with pytest.raises(ValidationError, match="From 1 second"):
            make_images(**{field: seconds})
        (image,) = make_images()
        with pytest.raises(IntegrityError, match="resource_cadences_in_range"):
            Resource.objects.filter(pk=image.pk).update(**{field: seconds})


class TestReread:
    def test_forced_depth_reads_documents_at_the_slow_cadence_only(
        self, regions: Regions, make_images: MakeImages
    ) -> None:
        """E.1."""
        (image,) = make_images(interval_seconds=3600, depth=Depth.BLOBS)
        plans = [turn(image, regions["eu-west"], as_planned)[1] for _ in range(15)]
        assert {plan.depth for plan in plans} == {Depth.BLOBS}
        read = [place for place, plan in enumerate(plans) if plan.reread]
        assert read[0] == 0
        assert {later - earlier for earlier, later in pairwise(read)} <= {6, 7}

    def test_automatic_depth_reads_whenever_it_goes_deep(self, regions: Regions, make_images: MakeImages) -> None:
        (image,) = make_images(interval_seconds=3600)
        assert all(turn(image, regions["eu-west"])[1].reread for _ in range(3))

    def test_documents_are_read_after_a_failure(self, regions: Regions, make_images: MakeImages) -> None:
        (image,) = make_images(interval_seconds=3600, depth=Depth.PLATFORM)
        turn(image, regions["eu-west"], as_planned)
        _, known = turn(image, regions["eu-west"], finding(Reason.CHILD_MANIFEST_MISSING, Stage.CHILD))
        _, after = turn(image, regions["eu-west"], as_planned)
        assert (known.reread, after.reread) == (False, True)


class TestSampling:
    def test_sample_moves_on_with_each_look_at_the_blobs(self, regions: Regions, make_images: MakeImages) -> None:
        """B25, E.2."""
        (image,) = make_images(interval_seconds=7 * 3600, sample_blobs=True)
        plans = [turn(image, regions["eu-west"])[1] for _ in range(14)]
        assert all(plan.sample_blobs == (plan.depth is Depth.BLOBS) for plan in plans)
        turns = [plan.rotation for plan in plans if plan.sample_blobs][1:]
        assert turns == list(range(turns[0], turns[0] + len(turns)))

    def test_sample_of_a_forced_depth_moves_on_with_each_slot(
        self, regions: Regions, make_images: MakeImages
    ) -> None:
        (image,) = make_images(interval_seconds=300, depth=Depth.BLOBS, sample_blobs=True)
        turn(image, regions["eu-west"])
        turns = [turn(image, regions["eu-west"])[1].rotation for _ in range(5)]
        assert turns == list(range(turns[0], turns[0] + 5))

    def test_failing_image_is_not_sampled(self, regions: Regions, make_images: MakeImages) -> None:
        """B25: the turn would pass by the layer that is gone."""
        (image,) = make_images(interval_seconds=300, depth=Depth.BLOBS, sample_blobs=True)
        turn(image, regions["eu-west"], finding(Reason.LAYER_MISSING, Stage.LAYER))
        sampled = [turn(image, regions["eu-west"])[1].sample_blobs for _ in range(2)]
        assert sampled == [False, True]

    def test_all_layers_are_looked_at_unless_told_otherwise(self, regions: Regions, make_images: MakeImages) -> None:
        (image,) = make_images(depth=Depth.BLOBS)
        _, plan = turn(image, regions["eu-west"])
        assert (plan.sample_blobs, plan.rotation) == (False, 0)


class TestDemands:
    """P15, R13: what the operator demands of the image beyond its being there."""

    def test_nothing_more_is_demanded_unless_told_otherwise(self, regions: Regions, make_images: MakeImages) -> None:
        (image,) = make_images()
        _, plan = turn(image, regions["eu-west"])
        assert (plan.strict_platform, plan.check_tag) == (False, False)

    def test_demands_of_the_resource_reach_every_plan(self, regions: Regions, make_images: MakeImages) -> None:
        (image,) = make_images(strict_platform=True, check_tag=True)
        plans = [turn(image, regions["eu-west"])[1] for _ in range(3)]
        assert {(plan.strict_platform, plan.check_tag) for plan in plans} == {(True, True)}

    @pytest.mark.parametrize("demand", [{"strict_platform": True}, {"platforms": ["linux/arm64"]}])
    def test_another_platform_or_a_stricter_look_is_taken_at_once_and_at_the_manifests(
        self, regions: Regions, make_images: MakeImages, demand: dict[str, Any]
    ) -> None:
        """E.3: what was proven was proven of another demand."""
        (image,) = make_images()
        depths = [turn(image, regions["eu-west"])[1].depth for _ in range(3)]
        image.refresh_from_db()
        changed_at = image.next_due_at - timedelta(seconds=10)
        for name, value in demand.items():
            setattr(image, name, value)
        assert resources.save(image, now=changed_at).next_due_at == changed_at
        slot, plan = turn(image, regions["eu-west"])
        assert (depths[-1], slot, plan.depth) == (Depth.RESOLVE, changed_at, Depth.PLATFORM)


def test_changing_how_an_image_is_looked_at_does_not_check_it_at_once(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    (image,) = make_images()
    turn(image, regions["eu-west"])
    image.refresh_from_db()
    due = image.next_due_at
    image.sample_blobs = image.check_tag = True
    assert resources.save(image, now=now + HOUR).next_due_at == due
