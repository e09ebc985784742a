"""Regions on hosts of their own, and what becomes of them, and of what is said of images, when something fails.

The faults of `tests.edge.expectations`, as long as it takes for each to be noticed: `pytest -m lab`, on a machine
that is idle. `make faults` holds them for minutes. All labs run at the same time, once for all tests here.
"""

from collections.abc import Mapping

import pytest

from tests.edge import clocks, expectations, network, page
from tests.edge.expectations import EXPECTED
from tests.edge.report import Report
from tests.edge.suite import LABS, running

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def reports() -> Mapping[str, Report]:
    if why := network.missing():
        pytest.skip(f"regions cannot be hosts of their own here: {why}")
    with running(LABS, full=False) as labs:
        found = {report.case: report for lab in labs.values() for report in lab.reports()}
    print(page.table(found.values()))  # the figures, for whoever asks pytest for them
    return found


@pytest.fixture(params=EXPECTED)
def report(request: pytest.FixtureRequest, reports: Mapping[str, Report]) -> Report:
    if request.param not in reports:
        pytest.skip(f"{request.param}: {clocks.missing()}")
    return reports[request.param]


def test_fault_turns_no_verdict_bad(report: Report) -> None:
    assert expectations.bad_verdicts(report) == []


def test_fault_makes_the_regions_events_and_no_others(report: Report) -> None:
    assert list(report.events) == expectations.expected_events(report)


def test_every_slot_has_one_outcome_or_is_recorded_as_missed(report: Report) -> None:
    assert report.slots
    assert list(report.errors) == []


def test_slots_are_on_time_two_intervals_after_a_fault(report: Report) -> None:
    assert expectations.untimely(report) == [], report.untimely


def test_broker_holds_no_more_than_it_may(report: Report) -> None:
    assert expectations.too_much(report) == []


def test_no_check_is_made_twice(report: Report) -> None:
    assert report.checked_again == 0


def test_no_program_dies_of_a_fault(report: Report) -> None:
    assert list(report.deaths) == [], "\n".join(report.deaths)
