"""What the checks of a run come to, and when to look again."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.networks import closed_target
from probes.policy.runs import Answer, CheckState, poll_after_seconds, verdict
from probes.protocol.plan import Site

GOOD = Answer(CheckState.DONE, "available", "ok")
BAD = Answer(CheckState.DONE, "unavailable", "tag_not_found")
FAILING = Answer(CheckState.DONE, "degraded", "registry_error")
THROTTLED = Answer(CheckState.DONE, "indeterminate", "rate_limited")
IMPAIRED = Answer(CheckState.DONE, "degraded", "certificate_expiring")
BLIND = Answer(CheckState.DONE, "unavailable", "connect_timeout", is_egress_down=True)
WAITING, MISSED, REFUSED = (Answer(state) for state in (CheckState.WAITING, CheckState.MISSED, CheckState.REFUSED))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([GOOD, GOOD], "available"),
        ([GOOD, WAITING], "unknown"),
        ([GOOD, MISSED], "unknown"),
        ([GOOD, REFUSED], "unknown"),
        ([GOOD, THROTTLED], "unknown"),
        ([GOOD, BLIND], "unknown"),
        ([GOOD, BAD], "degraded"),
        ([GOOD, IMPAIRED], "degraded"),
        ([IMPAIRED, BAD], "degraded"),
        ([BAD, FAILING], "unavailable"),
        ([BAD, MISSED], "unavailable"),
        ([BAD, WAITING], "unavailable"),
        ([WAITING], "unknown"),
        ([], "unknown"),
    ],
)
def test_verdict_over_the_regions_that_were_asked(answers: list[Answer], expected: str) -> None:
    assert verdict(answers) == expected


@pytest.mark.parametrize(
    ("age_seconds", "expected"), [(0, 1), (9.9, 1), (10, 2), (29, 2), (30, 5), (90, 15), (400, 15)]
)
def test_one_looks_again_soon_at_first(age_seconds: float, expected: int) -> None:
    asked_at = datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert poll_after_seconds(asked_at, asked_at + timedelta(seconds=age_seconds)) == expected


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "10.0.0.1:5000",
        "127.0.0.1:80",
        "[::1]:5000",
        "[fd00::1]",
        "localhost:5000",
        "a.localhost",
        "169.254.169.254",
    ],
)
def test_address_that_is_not_public_is_closed(host: str) -> None:
    assert closed_target(host, Site())


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("ghcr.io", Site()),
        ("registry.example.com:5000", Site()),
        ("8.8.8.8:443", Site()),
        ("[2001:4860:4860::8888]:443", Site()),
        ("10.0.0.1:5000", Site(allow_cidrs=("10.0.0.0/8",))),
        ("10.0.0.1:5000", Site(allow_hosts=("10.0.0.1:5000",))),
        ("10.0.0.1:5000", Site(allow_hosts=("10.0.0.1",))),
        ("localhost:5000", Site(allow_cidrs=("127.0.0.0/8",))),
        ("10.0.0.1:5000", Site(api_host="mirror.example")),
    ],
)
def test_name_and_what_is_allowed_is_open(host: str, site: Site) -> None:
    assert closed_target(host, site) is None


def test_metadata_stays_closed_whatever_is_allowed() -> None:
    assert closed_target("169.254.169.254", Site(allow_cidrs=("0.0.0.0/0",)))
