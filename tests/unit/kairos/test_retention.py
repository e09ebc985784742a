"""How long things are kept unless an operator says otherwise, and that the page says the same."""

import re
from pathlib import Path
from typing import Final

from django.conf import settings

PAGE: Final = Path(__file__).parents[3] / "docs/how-to/systemd.md"
NAMES: Final = ("KAIROS_RETENTION_DAYS", "KAIROS_FAILURES_RETENTION_DAYS", "KAIROS_ROLLUP_RETENTION_DAYS")


def test_outcomes_are_kept_two_weeks_failures_ninety_days_and_roll_ups_two_years() -> None:
    assert [getattr(settings, name) for name in NAMES] == [14, 90, 730]


def test_page_of_settings_says_how_long_things_are_kept() -> None:
    named = ", ".join(f"`{name}`" for name in NAMES)
    (told,) = re.findall(rf"^\| {named} \|.*\| ([\d, ]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert told == ", ".join(str(getattr(settings, name)) for name in NAMES)
