"""Platforms: what is wanted, and which child of an index serves it."""

from typing import Any

import pytest

from probes.protocol.platform import Platform, PlatformInvalid, choose, listing, read_platform, suits
from probes.protocol.taxonomy import Warn


def offers(*texts: str | None) -> list[Platform | None]:
    return [Platform.parse(text) if text else None for text in texts]


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm/v7", "linux/arm"),
        ("linux/arm/7", "linux/arm"),
        ("linux/armhf", "linux/arm"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/armhf/v6", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("Linux/AMD64", "linux/amd64"),
        ("macOS/arm64", "darwin/arm64"),
        ("windows(10.0.17763.1)/amd64", "windows(10.0.17763.1)/amd64"),
        ("linux/mips64le/softfloat", "linux/mips64le/softfloat"),
    ],
)
def test_platform_is_normalised(text: str, normalised: str) -> None:
    """P1."""
    assert str(Platform.parse(text)) == normalised
    assert Platform.parse(normalised) == Platform.parse(text)


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "linux/a/b/c", "li nux/amd64", "linux(x)/amd64"])
def test_anything_else_is_no_platform(text: str) -> None:
    with pytest.raises(PlatformInvalid):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("document", "platform"),
    [
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm"),
        ({"os": "windows", "architecture": "amd64", "os.version": "10.0.1"}, "windows(10.0.1)/amd64"),
        ({"os": "linux", "architecture": "amd64", "variant": None}, "linux/amd64"),
        ({"os": "linux", "architecture": "amd64", "variant": "<script>"}, "linux/amd64"),
        ({"os": "linux"}, None),
        ({"os": "", "architecture": ""}, None),
        ({"os": 7, "architecture": "amd64"}, None),
        ({"os": "a b", "architecture": "amd64"}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_platform_of_a_descriptor_is_read_if_it_makes_sense(document: Any, platform: str | None) -> None:
    read = read_platform(document)
    assert (str(read) if read else None) == platform


@pytest.mark.parametrize(
    ("offered", "wanted", "fits"),
    [
        pytest.param("linux/arm64", "linux/arm64/v8", True, id="P1"),
        pytest.param("linux/arm/v6", "linux/arm/v7", True, id="P3"),
        pytest.param("linux/arm/v7", "linux/arm/v6", False, id="P3-newer"),
        pytest.param("linux/amd64", "linux/amd64/v3", True, id="P3-amd64"),
        pytest.param("linux/amd64/v3", "linux/amd64", False, id="P3-amd64-newer"),
        pytest.param("linux/arm64", "linux/arm", False, id="architecture"),
        pytest.param("windows/amd64", "linux/amd64", False, id="os"),
        pytest.param("linux/mips64le/softfloat", "linux/mips64le/hardfloat", False, id="no-order"),
        pytest.param("linux/mips64le/softfloat", "linux/mips64le", False, id="no-order-default"),
        pytest.param("windows(10.0.17763.1)/amd64", "windows(10.0.17763.9)/amd64", True, id="P4"),
        pytest.param("windows(10.0.20348.1)/amd64", "windows(10.0.17763.1)/amd64", False, id="P4-other"),
        pytest.param("windows(10.0.20348.1)/amd64", "windows/amd64", True, id="P4-unasked"),
    ],
)
def test_image_runs_where_it_is_wanted_or_not(offered: str, wanted: str, *, fits: bool) -> None:
    assert suits(Platform.parse(offered), Platform.parse(wanted)) is fits


@pytest.mark.parametrize(
    ("offered", "wanted", "choice"),
    [
        pytest.param(["linux/amd64", "linux/arm64"], "linux/arm64", (1, ()), id="P1"),
        pytest.param(["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v7", (1, ()), id="P2"),
        pytest.param(["linux/amd64", "linux/amd64"], "linux/amd64", (0, ()), id="P2-first"),
        pytest.param(["linux/arm/v5", "linux/arm/v6"], "linux/arm", (1, (Warn.PLATFORM_FALLBACK,)), id="P3"),
        pytest.param(["linux/arm64"], "linux/amd64", None, id="P5"),
        pytest.param([None, "linux/amd64"], "linux/amd64", (1, ()), id="P7-stated-first"),
        pytest.param(["linux/arm64", None], "linux/amd64", (1, (Warn.PLATFORM_UNSTATED,)), id="P7"),
        pytest.param([], "linux/amd64", None, id="P8"),
    ],
)
def test_best_offer_is_chosen(
    offered: list[str | None], wanted: str, choice: tuple[int, tuple[Warn, ...]] | None
) -> None:
    assert choose(offers(*offered), Platform.parse(wanted)) == choice


def test_attestation_is_not_runnable() -> None:
    """P6."""
    assert not Platform.of("unknown", "unknown").is_runnable
    assert Platform.of("linux", "riscv64").is_runnable


def test_listing_of_thousands_stays_short() -> None:
    """S14: each of a check's failures keeps its own."""
    assert listing(Platform("os", f"cpu{number}") for number in range(2000)).count(",") == 63


def test_listing_repeats_nothing() -> None:
    """P5."""
    assert (
        listing(offers("linux/amd64", None, "linux/arm64/v8", "linux/amd64")) == "linux/amd64, unstated, linux/arm64"
    )
