"""Times, dates and coordinates compare as what they mean, however they are written."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from probes.policy.declared.fields import Field, Misread, Shape, frozen, plain, typed
from probes.policy.discovery.document import written
from probes.policy.discovery.nodes import Quoted


def read(shape: Shape, text: str) -> Any:
    return Field(path="a", attribute="a", shape=shape).read(text)


@pytest.mark.parametrize(
    ("shape", "text", "value", "row"),
    [
        (Shape.INSTANT, "2027-01-01T01:00:00+01:00", "2027-01-01T00:00:00Z", datetime(2027, 1, 1, tzinfo=UTC)),
        (Shape.DATE, "2026-03-08", "2026-03-08", date(2026, 3, 8)),
        (Shape.TIME, "02:00", "02:00", time(2)),
        (Shape.TIME, "02:00:00", "02:00", time(2)),
        (Shape.TIME, "02:00:30", "02:00:30", time(2, 0, 30)),
        (Shape.TEXT, "02:00", "02:00", "02:00"),
    ],
)
def test_one_moment_has_one_value(shape: Shape, text: str, value: str, row: object) -> None:
    assert read(shape, text) == read(shape, Quoted(text)) == value
    assert typed(value, shape) == row
    assert frozen(row, shape) == value


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (Shape.INSTANT, "2027-01-01T00:00:00"),
        (Shape.INSTANT, "0001-01-01T00:00:00+14:00"),
        (Shape.INSTANT, "soon"),
        (Shape.DATE, "20260308"),
        (Shape.DATE, "2026-02-30"),
        (Shape.TIME, "24:00"),
        (Shape.TIME, "2:00"),
        (Shape.TIME, "02:00+01:00"),
    ],
)
def test_what_is_no_moment_is_refused(shape: Shape, text: str) -> None:
    with pytest.raises(Misread, match="such as"):
        read(shape, text)


def test_no_instant_is_none() -> None:
    assert frozen(None, Shape.INSTANT) is None
    assert typed(None, Shape.INSTANT) is None


@pytest.mark.parametrize(
    ("stored", "text"), [(50.11, "50.11"), (8.0, "8.0"), (1e-6, "0.000001"), (0.1234567, "0.123457"), (-8.5, "-8.5")]
)
def test_number_of_a_row_is_written_so_that_it_is_read_as_the_same(stored: float, text: str) -> None:
    value = frozen(stored, Shape.NUMBER)

    assert written([{"a": plain(value, Shape.NUMBER)}]) == f"a: {text}\n"
    assert read(Shape.NUMBER, text) == value
    assert isinstance(typed(value, Shape.NUMBER), Decimal)
