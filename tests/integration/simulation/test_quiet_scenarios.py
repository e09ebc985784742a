"""Scenarios in which nothing is an incident, whatever else happens, come to what they say, to the second."""

from pathlib import Path

import pytest

from kairos.simulation import report
from tests.integration.simulation.playing import play, replayed_otherwise, without_incidents

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("scratch_database")]


@pytest.mark.parametrize("path", without_incidents(), ids=lambda path: path.stem)
def test_scenario_comes_to_what_it_says(path: Path) -> None:
    played = play(path)
    assert played.is_as_expected, "\n".join(report.lines(played))
    assert replayed_otherwise() == []
