"""Colours can be told from their ground in both themes, and states from each other by every eye.

WCAG 2 AA asks for 4.5:1 for text, and for 3:1 for graphics.
"""

import re
from itertools import combinations
from pathlib import Path
from typing import Final

import pytest

from dashboard.words import Look

ROOT: Final = Path(__file__).parents[3] / "dashboard"
CSS: Final = (ROOT / "static/dashboard/theme.css").read_text(encoding="utf-8")
SYMBOLS: Final = (ROOT / "templates/dashboard/components/symbols.html").read_text(encoding="utf-8")

PAIRS: Final = re.findall(r"--([a-z_-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS)
LIGHT: Final = {name: day for name, day, _ in PAIRS}
DARK: Final = {name: night for name, _, night in PAIRS}
PAPER: Final = {**LIGHT, **dict(re.findall(r"--([a-z_-]+): (#[0-9a-f]{6});", CSS[CSS.index("@media print") :]))}
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK, PAPER], ids=["light", "dark", "paper"])
INKS: Final = ("available", "unavailable", "degraded", "indeterminate", "config_error", "unknown", "maintenance")
FILLS: Final = tuple(name for name in LIGHT if name.endswith("-fill"))

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
EYES: Final = {
    "without red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "without green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "without blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
Triple = tuple[float, float, float]


def linear(colour: str) -> Triple:
    red, green, blue = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def times(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def oklab(rgb: Triple) -> Triple:
    """Where a colour is in Oklab, in which a distance of about 0.02 can just be seen."""
    to_cones = (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
    to_lab = (
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    )
    within: Triple = tuple(min(1.0, max(0.0, value)) for value in rgb)  # type: ignore[assignment] # three of three
    long, middle, short = (value ** (1 / 3) for value in times(to_cones, within))
    return times(to_lab, (long, middle, short))


def distance(one: str, other: str, eye: str) -> float:
    seen = (oklab(times(EYES[eye], linear(colour))) for colour in (one, other))
    return float(sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5)


def shape(look: Look) -> str:
    """The drawing of a look's symbol."""
    found = re.search(rf'<symbol id="symbol-{look}"[^>]*>(.*?)</symbol>', SYMBOLS)
    assert found, look
    return found[1]


def test_contrast_is_computed_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_distance_is_that_of_oklab_and_of_eyes_that_lack_a_cone() -> None:
    assert oklab(linear("#ffffff")) == pytest.approx((1, 0, 0), abs=1e-3)
    # A red and a green that are far apart, and nearly one for whoever lacks a cone.
    red, green = "#c03030", "#707000"
    apart = sum((a - b) ** 2 for a, b in zip(oklab(linear(red)), oklab(linear(green)), strict=True)) ** 0.5
    assert apart > 0.2
    assert distance(red, green, "without green") < 0.08


@THEMES
@pytest.mark.parametrize("ground", ["page", "panel", "raised", "hatch"])
@pytest.mark.parametrize("ink", ["text", "muted", "link", *INKS])
def test_text_can_be_read_on_every_ground(theme: dict[str, str], ink: str, ground: str) -> None:
    assert contrast(theme[ink], theme[ground]) >= 4.5


@THEMES
@pytest.mark.parametrize("name", INKS)
def test_text_can_be_read_on_the_tint_of_a_status(theme: dict[str, str], name: str) -> None:
    for ink in (name, "text", "muted"):
        assert contrast(theme[ink], theme[f"{name}-tint"]) >= 4.5


@THEMES
def test_text_of_a_button_can_be_read(theme: dict[str, str]) -> None:
    assert contrast(theme["accent-ink"], theme["accent"]) >= 4.5


@THEMES
@pytest.mark.parametrize(
    "name",
    [
        *(name for name in LIGHT if name.startswith("phase-")),
        *(name for name in FILLS if name != "empty-fill"),
        "focus",
    ],
)
def test_graphics_stand_out_from_the_panel(theme: dict[str, str], name: str) -> None:
    assert contrast(theme[name], theme["panel"]) >= 3


@THEMES
@pytest.mark.parametrize("eye", EYES)
def test_areas_of_states_that_matter_stay_apart_for_every_eye(theme: dict[str, str], eye: str) -> None:
    for one, other in combinations(("available", "degraded", "unavailable"), 2):
        assert distance(theme[f"{one}-fill"], theme[f"{other}-fill"], eye) > 0.09, (one, other)
    # Where nothing counts, areas are hatched as well; so these need only be told from what is well.
    for other in ("maintenance", "degraded", "unavailable"):
        assert distance(theme["unknown-fill"], theme[f"{other}-fill"], eye) > 0.06, other


def test_every_colour_is_there_by_day_and_by_night() -> None:
    named = set(re.findall(r"--([a-z_-]+): #[0-9a-f]{6}", CSS))
    assert named <= LIGHT.keys()
    used = set(re.findall(r"var\(--([a-z_-]+)\)", CSS))
    assert used <= LIGHT.keys()


@pytest.mark.parametrize("look", Look)
def test_every_look_has_its_ink_and_its_symbol(look: Look) -> None:
    assert re.search(rf"\.is-{look}\b", CSS)
    assert shape(look)


def test_no_two_looks_have_one_shape() -> None:
    assert len({shape(look) for look in Look}) == len(Look)
