"""Scenarios are played by the real code, and come to what they say, to the second.

Those without an incident are in a file of their own, so that two processes share the work.
"""

from pathlib import Path

import pytest

from kairos.management.commands.simulate import SCENARIOS
from kairos.simulation import report
from kairos.simulation.scenario import read_scenario
from tests.integration.simulation.playing import play, replayed_otherwise, with_incidents

TOLD = """\
title: Long enough to be told
starts: 2026-03-02 08:00
lasts: 4m
pace: {reap: 1m, scopes: 1m, notices: 30s}
regions: [eu-west, us-east]
resources: [{image: "ghcr.io/shop/service-{n}:1", count: 2, every: 30s}]
script: [{at: 30s, of: "*/service-2:1", finds: tag_not_found}]
"""

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("scratch_database")]


@pytest.mark.parametrize("path", with_incidents(), ids=lambda path: path.stem)
def test_scenario_comes_to_what_it_says(path: Path) -> None:
    played = play(path)
    assert played.is_as_expected, "\n".join(report.lines(played))
    assert replayed_otherwise() == []


def test_scenario_comes_to_the_same_each_time() -> None:
    scenario = read_scenario(TOLD)
    first = report.play(scenario).to_json()
    assert first["notifications"]
    assert report.play(scenario).to_json() == first


def test_scenario_that_is_not_as_expected_says_how() -> None:
    text = (SCENARIOS / "blip.yaml").read_text(encoding="utf-8")
    wrong = text.replace("incidents: []", "incidents: [{of: api, level: unavailable}]")
    assert wrong != text
    played = report.play(read_scenario(wrong))
    assert not played.is_as_expected
    assert list(report.lines(played))[-4:] == [
        "NOT as expected:",
        "  --- incidents expected",
        "  +++ incidents told",
        "  -{of: api, level: unavailable}",
    ]
