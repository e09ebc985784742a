"""The colours can be told from their background, in both themes (WCAG 2 AA: 4.5:1 for text, 3:1 for graphics)."""

import re
from pathlib import Path

import pytest

from dashboard.words import Look

CSS = (Path(__file__).parents[3] / "dashboard/static/dashboard/theme.css").read_text(encoding="utf-8")


def tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z_-]+): (#[0-9a-f]{6});", block))


LIGHT, DARK, PAPER = (tokens(block) for block in CSS.split(":root {")[1:])
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK, {**LIGHT, **PAPER}], ids=["light", "dark", "paper"])
INKS = ("available", "unavailable", "degraded", "indeterminate", "config_error", "unknown", "maintenance")


def luminance(colour: str) -> float:
    channels = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


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
@pytest.mark.parametrize("name", ["phase-dns", "phase-connect", "phase-tls", "phase-wait", "phase-read", "focus"])
def test_graphics_stand_out_from_the_panel(theme: dict[str, str], name: str) -> None:
    assert contrast(theme[name], theme["panel"]) >= 3


def test_dark_and_light_name_the_same_colours() -> None:
    assert DARK.keys() == LIGHT.keys()


@pytest.mark.parametrize("look", Look)
def test_every_look_has_its_ink_and_its_symbol(look: Look) -> None:
    symbols = (Path(__file__).parents[3] / "dashboard/templates/dashboard/components/symbols.html").read_text(
        encoding="utf-8"
    )
    assert re.search(rf"\.is-{look}\b", CSS)
    assert f'id="symbol-{look}"' in symbols
