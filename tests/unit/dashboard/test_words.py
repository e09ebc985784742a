"""How the pages say things."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import words
from dashboard.words import Look
from probes.policy.slots import MissedCause
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason, Status, Warn

NOW = datetime(2024, 11, 23, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"),
        (47 * 3600, "47 h"), (48 * 3600, "2 d"), (9e7, "1041 d"),
    ],
)  # fmt: skip
def test_a_span_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert words.span(seconds) == said.replace(" ", "\N{NO-BREAK SPACE}")


def test_a_moment_by_a_clock_ahead_of_ours_is_just_now() -> None:
    assert words.ago(NOW + timedelta(seconds=30), NOW) == "just now"
    assert words.ago(NOW - timedelta(seconds=18), NOW) == "18\N{NO-BREAK SPACE}s ago"


def test_what_is_due_is_due_now() -> None:
    assert words.ahead(NOW - timedelta(minutes=1), NOW) == "now"
    assert words.ahead(NOW + timedelta(minutes=4), NOW) == "in 4\N{NO-BREAK SPACE}min"


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (datetime(2024, 11, 23, 9, 5, tzinfo=UTC), "09:05"),
        (datetime(2024, 11, 22, 23, 59, tzinfo=UTC), "22 Nov 23:59"),
        (datetime(2023, 1, 2, 3, 4, tzinfo=UTC), "2 Jan 2023"),
    ],
)
def test_a_clock_says_as_much_of_the_date_as_is_needed(then: datetime, said: str) -> None:
    assert words.clock(then, NOW) == said


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (datetime(2024, 11, 23, 7, 0, tzinfo=UTC), datetime(2024, 11, 23, 9, 5, tzinfo=UTC), "07:00 to 09:05"),
        (datetime(2024, 11, 20, 7, 0, tzinfo=UTC), datetime(2024, 11, 20, 9, 5, tzinfo=UTC), "20 Nov 07:00 to 09:05"),
        (
            datetime(2024, 11, 20, 7, 0, tzinfo=UTC),
            datetime(2024, 11, 23, 9, 5, tzinfo=UTC),
            "20 Nov 07:00 to 23 Nov 09:05",
        ),
        (datetime(2023, 1, 2, 3, 4, tzinfo=UTC), datetime(2023, 2, 2, tzinfo=UTC), "2 Jan 2023 to 2 Feb 2023"),
    ],
)
def test_a_range_says_the_day_of_its_end_unless_it_is_that_of_its_start(
    start: datetime, end: datetime, said: str
) -> None:
    told = words.between(start, end, NOW)
    assert told == said
    assert f'data-time="end" data-began="{start:%Y-%m-%dT%H:%M:%S}Z"' in told.__html__()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(15, "every 15 s"), (90, "every 90 s"), (300, "every 5 min"), (7200, "every 2 h"), (86_400, "every 1 d")],
)
def test_an_interval_is_said_exactly(seconds: int, said: str) -> None:
    assert words.every(seconds) == said


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_and_no_underscores(reason: Reason) -> None:
    assert words.reason(reason)
    assert "_" not in words.reason(reason)


def test_a_reason_of_a_newer_worker_is_said_from_its_code() -> None:
    assert words.reason("tls_too_old") == "TLS too old"
    assert words.reason("x" * 500) == "x" * 59 + "…"


@pytest.mark.parametrize("warning", Warn)
def test_every_warning_is_a_sentence(warning: Warn) -> None:
    assert words.warning(warning).endswith(".")


@pytest.mark.parametrize("cause", MissedCause)
def test_every_cause_of_a_missed_slot_is_said_in_words(cause: MissedCause) -> None:
    assert words.missed(cause) != cause.value


@pytest.mark.parametrize(
    ("stride", "text"),
    [(2, "every 2nd check"), (4, "every 4th check"), (8, "every 8th check"), (16, "every 16th check")],
)
def test_a_stride_is_told_as_the_share_of_the_checks(stride: int, text: str) -> None:
    assert words.share(stride) == text
    assert words.missed(MissedCause.SHED, stride) == f"the region is sent {text}"


@pytest.mark.parametrize("state", [*Status, *VerdictState])
def test_every_status_and_verdict_has_a_look(state: str) -> None:
    assert Look(state).label
    assert Look(state).meaning.endswith(".")


def test_text_from_outside_is_one_clean_line_of_bounded_length() -> None:
    assert words.shown("a\n\x1b[31mb\u202ec", 50) == "a [31mbc"
    assert words.shown("x" * 500, 200) == "x" * 199 + "…"
    assert words.shown({"not": "text"}, 200) == ""


@pytest.mark.parametrize(
    ("digest", "said"),
    [(f"sha256:{'0123456789abcdef' * 4}", "sha256:0123456789ab…"), ("sha256:0123", "sha256:0123"), (None, "")],
)
def test_a_short_digest_tells_two_apart(digest: str | None, said: str) -> None:
    assert words.short_digest(digest) == said


def test_lists_and_counts_read_as_english() -> None:
    assert [words.listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip
    assert (words.counted(1, "image"), words.counted(1200, "image")) == ("1 image", "1,200 images")


@pytest.mark.parametrize(("value", "said"), [(0.42, "0.4 ms"), (38.4, "38 ms"), (1240, "1.24 s")])
def test_milliseconds_are_rounded_for_reading(value: float, said: str) -> None:
    assert words.milliseconds(value) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (1, 1, "100 %"),
        (999_999, 1_000_000, "99.999 %"),
        (9_999_999, 10_000_000, "99.999 %"),
        (3, 4, "75 %"),
        (1, 3, "33.333 %"),
        (1, 10_000_000, "under 0.001 %"),
        (0, 1, "0 %"),
    ],
)
def test_a_share_is_never_rounded_up(part: int, whole: int, said: str) -> None:
    assert words.percent(part, whole) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (100_800, "1 d 4 h"),
        (-5, "0 s"),
    ],
)
def test_an_amount_is_said_in_two_units(seconds: float, said: str) -> None:
    assert words.amount(seconds).replace("\N{NO-BREAK SPACE}", " ") == said
