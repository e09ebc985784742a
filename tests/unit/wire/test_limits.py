"""Limits are settings: each has a variable, and the reference lists them all as they are."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from probes.protocol.limits import CheckLimits
from probes.wire.limits import NAMED, LimitRefused, Limits, read_limits

REFERENCE = Path(__file__).parents[3] / "docs/reference/limits.md"


def test_no_variable_means_the_usual_limits() -> None:
    assert read_limits({"PATH": "/bin", "KAIROS_LIMIT_DNS_SECONDS": " "}) == Limits()


def test_each_limit_has_its_variable() -> None:
    assert read_limits(
        {"KAIROS_LIMIT_CONNECT_SECONDS": "2.5", "KAIROS_LIMIT_DOCUMENT_MEMORY_BYTES": "1048576"}
    ) == replace(Limits(), connect_seconds=2.5, document_memory_bytes=1048576)


def test_limits_of_a_whole_check_are_set_like_all_others() -> None:
    assert read_limits({"KAIROS_LIMIT_HOPS": "2"}) == replace(Limits(), check=CheckLimits(hops=2))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("KAIROS_LIMIT_CONECT_SECONDS", "5", "KAIROS_LIMIT_CONECT_SECONDS is not a limit: they are KAIROS_LIMIT_"),
        ("KAIROS_LIMIT_", "5", "KAIROS_LIMIT_ is not a limit"),
        ("KAIROS_LIMIT_CONNECT_SECONDS", "0", "is not a number of seconds up to 86400: '0'"),
        ("KAIROS_LIMIT_CONNECT_SECONDS", "-1", "is not a number of seconds"),
        ("KAIROS_LIMIT_CONNECT_SECONDS", "nan", "is not a number of seconds"),
        ("KAIROS_LIMIT_CONNECT_SECONDS", "inf", "is not a number of seconds"),
        ("KAIROS_LIMIT_CONNECT_SECONDS", "5s", "is not a number of seconds"),
        ("KAIROS_LIMIT_HEADER_BYTES", "64k", "KAIROS_LIMIT_HEADER_BYTES is not a whole number from 1 to "),
        ("KAIROS_LIMIT_HEADER_BYTES", "0", "is not a whole number"),
        ("KAIROS_LIMIT_HEADER_BYTES", "1.5", "is not a whole number"),
        ("KAIROS_LIMIT_HEADER_BYTES", "9" * 5000, "is not a whole number"),
    ],
)
def test_variable_that_sets_no_limit_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(LimitRefused) as refused:
        read_limits({name: value})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_reference_lists_every_limit_with_its_default() -> None:
    rows = re.findall(r"^\| `KAIROS_LIMIT_([A-Z_]+)` \| ([0-9.]+) \| \S.* \|$", REFERENCE.read_text(), re.MULTILINE)
    assert rows == [(field.name.upper(), f"{field.default:.10g}") for field in NAMED]
