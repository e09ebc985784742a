"""Latencies in fixed buckets: where a duration goes, and what percentile comes out."""

import math

import pytest

from probes.policy.latency import (
    LAST_BUCKET,
    LONGEST_MS,
    NOT_TIMED,
    RELATIVE_ERROR,
    Histogram,
    Timed,
    bucket,
    entry,
    histograms,
    packed,
    slowest_ms,
)
from probes.protocol.outcome import Step
from probes.protocol.taxonomy import Stage


@pytest.mark.parametrize(
    ("duration_ms", "number"),
    [
        (0, 0),
        (0.99, 0),
        (1, 1),
        (2**0.25, 2),
        (1.99, 4),
        (2, 5),
        (1000, 40),
        (65_535, LAST_BUCKET - 1),
        (65_536, LAST_BUCKET),
        (math.inf, LAST_BUCKET),
    ],
)
def test_duration_has_its_bucket(duration_ms: float, number: int) -> None:
    assert bucket(duration_ms) == number


@pytest.mark.parametrize(("percent", "exact_ms"), [(0, 1), (50, 50), (90, 90), (99, 99), (99.9, 100), (100, 100)])
def test_percentile_is_the_nearest_rank_within_the_stated_error(percent: float, exact_ms: float) -> None:
    found = Histogram.of(range(1, 101)).percentile_ms(percent)
    assert found is not None
    assert abs(found / exact_ms - 1) <= RELATIVE_ERROR < 0.091


def test_rank_is_reckoned_exactly() -> None:
    """99.9 % of a thousand are 999, also in binary."""
    assert Histogram({10: 999, 40: 1}).percentile_ms(99.9) == Histogram({10: 1}).percentile_ms(50)


def test_percentile_of_nothing_is_none() -> None:
    assert Histogram().percentile_ms(50) is None


def test_what_is_below_a_millisecond_or_off_the_scale_is_told_as_such() -> None:
    assert Histogram.of([0.2]).percentile_ms(50) == 0.5
    assert Histogram.of([1e9]).percentile_ms(50) == LONGEST_MS


def test_histograms_add_up() -> None:
    assert Histogram.of([1, 2]) + Histogram.of([2, 900]) == Histogram.of([1, 2, 2, 900])


def step(stage: Stage, total_ms: float) -> Step:
    return Step(
        stage=stage,
        method="GET",
        url="https://registry.example.com/v2/",
        host="registry.example.com",
        address=None,
        http_status=200,
        error=None,
        connection=None,
        dns_ms=None,
        connect_ms=None,
        tls_ms=None,
        first_byte_ms=None,
        total_ms=total_ms,
        bytes=0,
    )


def test_slowest_exchange_of_each_stage_is_timed_and_the_whole_check() -> None:
    steps = [step(Stage.TOKEN, 30), step(Stage.LAYER, 5), step(Stage.LAYER, 80), step(Stage.LAYER, 6)]
    assert slowest_ms(120, steps) == {Timed.CHECK: 120, Timed.TOKEN: 30, Timed.LAYER: 80}


def test_exchanges_of_an_endpoint_are_timed() -> None:
    steps = [step(Stage.REQUEST, 30), step(Stage.REDIRECT, 40)]
    assert slowest_ms(120, steps) == {Timed.CHECK: 120, Timed.REQUEST: 30, Timed.REDIRECT: 40}


def test_stage_that_is_no_exchange_is_not_timed() -> None:
    assert slowest_ms(3, [step(Stage.DNS, 2)]) == {Timed.CHECK: 3}


def test_buckets_of_a_check_are_a_few_bytes() -> None:
    assert packed({Timed.CHECK: 100}) == bytes([27])
    assert packed({Timed.MANIFEST: 30, Timed.CHECK: 100}) == bytes([27, NOT_TIMED, NOT_TIMED, 20])
    assert NOT_TIMED > LAST_BUCKET


def test_entries_of_a_row_are_read_as_they_were_written() -> None:
    assert entry(Timed.MANIFEST, 23, 12) == 12323
    written = [entry(Timed.CHECK, 0, 1), entry(Timed.CHECK, LAST_BUCKET, 86_400), entry(Timed.LAYER, 9, 2)]
    assert histograms(written) == {
        Timed.CHECK: Histogram({0: 1, LAST_BUCKET: 86_400}),
        Timed.LAYER: Histogram({9: 2}),
    }
    assert max(written) < 2**31
