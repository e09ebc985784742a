"""JSON for receivers: what Python's reader lets through and this one does not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.trust import strict_json

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda children: st.lists(children) | st.dictionaries(_texts, children),
    max_leaves=20,
)


@settings(max_examples=50)
@given(_values)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    assert strict_json.loads(strict_json.dumps(value), max_depth=40) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ('{"a":1} x', "Extra data"),
        ('{"a":1,"a":2}', "repeated"),
        ('[{"b":{"a":1,"a":1}}]', "repeated"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e999", "beyond what a double holds"),
        (str(2**63), "beyond 64 bits"),
        (str(-(2**63) - 1), "beyond 64 bits"),
        ("1" * 5000, "Exceeds the limit"),
        (r'"\u0000"', "NUL"),
        (r'{"\u0000":1}', "NUL"),
        (r'"\ud800"', "lone surrogate"),
        (r'["\udc00\ud800"]', "lone surrogate"),
        ("[" * 17 + "]" * 17, "nested more than 16"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 17 + "1" + "}" * 17, "nested more than 16"),
    ],
)
def test_text_that_is_odd_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strict_json.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "😀"),
        (r'"\\u0000"', r"\u0000"),
        (r'"\\\\u0000 \u0001"', "\\\\u0000 \x01"),
        ("[" * 16 + "]" * 16, json.loads("[" * 16 + "]" * 16)),
        (str(2**63 - 1), 2**63 - 1),
    ],
)
def test_text_that_only_looks_odd_is_read(text: str, value: object) -> None:
    assert strict_json.loads(text) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\0", {"\0": 1}, "\ud800", ["\udfff"]])
def test_nothing_is_written_that_would_be_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the json module words some of these
        strict_json.dumps(value)
