"""The text of metrics: what is said of a family in each format, labels, values, and chunks."""

import math

import pytest

from api.metrics.exposition import Family, Format, Kind, encoded, labels, sample

COUNTER = Family(name="kairos_things_total", kind=Kind.COUNTER, text="Things.")
INFO = Family(name="kairos_build_info", kind=Kind.INFO, text="What runs.")
SECONDS = Family(name="kairos_lag_seconds", kind=Kind.GAUGE, text="Late.")


@pytest.mark.parametrize(
    ("family", "format_", "head"),
    [
        (COUNTER, Format.TEXT, "# HELP kairos_things_total Things.\n# TYPE kairos_things_total counter\n"),
        (COUNTER, Format.OPENMETRICS, "# HELP kairos_things Things.\n# TYPE kairos_things counter\n"),
        (INFO, Format.TEXT, "# HELP kairos_build_info What runs.\n# TYPE kairos_build_info gauge\n"),
        (INFO, Format.OPENMETRICS, "# HELP kairos_build What runs.\n# TYPE kairos_build info\n"),
        (
            SECONDS,
            Format.OPENMETRICS,
            "# HELP kairos_lag_seconds Late.\n# TYPE kairos_lag_seconds gauge\n# UNIT kairos_lag_seconds seconds\n",
        ),
    ],
)
def test_family_is_introduced_as_the_format_has_it(family: Family, format_: Format, head: str) -> None:
    assert family.head(format_) == head


def test_label_values_are_escaped() -> None:
    assert labels(group='the "b"\\c\nteam', id=7) == r'group="the \"b\"\\c\nteam",id="7"'


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (0.25, "0.25"), (1790000000.5, "1790000000.5")])
def test_value_is_told_to_the_last_digit(value: float, text: str) -> None:
    assert sample("kairos_x", "", value) == f"kairos_x {text}\n"
    assert sample("kairos_x", 'a="b"', value) == f'kairos_x{{a="b"}} {text}\n'


def test_lines_are_gathered_into_chunks_and_none_is_lost() -> None:
    lines = [f"line {number}\n" for number in range(20_000)]
    chunks = list(encoded(lines))
    assert b"".join(chunks) == "".join(lines).encode()
    assert len(chunks) == math.ceil(sum(map(len, lines)) / 2**16)
    assert max(map(len, chunks)) < 2**16 + 20
