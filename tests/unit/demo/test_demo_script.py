"""What the script says, without a server: who is struck by which fault, and when."""

from datetime import UTC, datetime

import pytest

from kairos.demo.script import (
    AP_SOUTH,
    EU_WEST,
    IMAGES,
    REGIONS,
    US_EAST,
    Fault,
    Part,
    ScriptedImage,
    bench_images,
    everywhere,
)
from probes.protocol.reference import parse_reference
from probes.protocol.taxonomy import Reason, Status

MOMENT = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


def image(repository: str) -> ScriptedImage:
    return next(scripted for scripted in IMAGES if scripted.repository == repository)


def test_a_fault_without_regions_strikes_everywhere_even_whoever_names_none() -> None:
    fault = Fault()
    assert all(fault.strikes(Part.MANIFEST, method="GET", region=region, now=MOMENT) for region in ("", *REGIONS))


def test_a_fault_strikes_in_its_regions_only() -> None:
    fault = Fault(regions=frozenset({US_EAST}))
    assert fault.strikes(Part.MANIFEST, method="GET", region=US_EAST, now=MOMENT)
    assert not fault.strikes(Part.MANIFEST, method="GET", region=EU_WEST, now=MOMENT)
    assert not fault.strikes(Part.MANIFEST, method="GET", region="", now=MOMENT)


@pytest.mark.parametrize(("second", "refused"), [(0, True), (19, True), (20, False), (59, False)])
def test_the_ingress_is_refused_in_the_first_twenty_seconds_of_a_minute(second: int, refused: bool) -> None:  # noqa: FBT001
    now = MOMENT.replace(second=second)
    fault = image("platform/ingress").fault(Part.MANIFEST, method="HEAD", region=EU_WEST, now=now)
    assert (fault is not None) is refused


def test_the_scanner_forbids_layers_in_one_region_and_leaves_manifest_and_config() -> None:
    scripted = image("shop/recommendations")
    struck = {
        (part, region)
        for part in Part
        for region in REGIONS
        if scripted.fault(part, method="GET", region=region, now=MOMENT)
    }
    assert struck == {(Part.LAYER, US_EAST)}


def test_registry_that_was_asked_too_often_refuses_a_head_as_well() -> None:
    scripted = image("library/warehouse")
    assert scripted.fault(Part.MANIFEST, method="GET", region="", now=MOMENT)
    assert scripted.fault(Part.MANIFEST, method="HEAD", region="", now=MOMENT)


def test_reasons_are_those_of_the_region_or_of_every_other() -> None:
    scripted = image("data/notebooks")
    assert Reason.TIMEOUT_HEADERS in scripted.reasons(AP_SOUTH)
    assert scripted.reasons(EU_WEST) == (Reason.OK,)
    assert scripted.reasons("somewhere-else") == (Reason.OK,)


def test_every_status_is_on_show() -> None:
    reasons = {reason for scripted in IMAGES for region in REGIONS for reason in scripted.reasons(region)}
    assert {reason.status for reason in reasons} == set(Status)


def test_repositories_are_unique_and_parse_as_references() -> None:
    names = [scripted.repository for scripted in IMAGES]
    assert len(set(names)) == len(names)
    for scripted in IMAGES:
        assert parse_reference(f"registry.kairos.test:5443/{scripted.name}").repository == scripted.repository


def test_bench_images_are_numbered_and_healthy() -> None:
    many = bench_images(3)
    assert [scripted.name for scripted in many] == ["bench/image-0001:1", "bench/image-0002:1", "bench/image-0003:1"]
    assert all(scripted.expected == everywhere(Reason.OK) and not scripted.faults for scripted in many)
