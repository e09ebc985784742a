"""Warning headers: whose they are, and how much of them is kept."""

import pytest

from probes.protocol.notices import read_notices, within


@pytest.mark.parametrize(
    ("lines", "notices"),
    [
        (['299 - "moving soon"'], ["moving soon"]),
        (['299 - "one", 299 - "two"', '299 - "three"'], ["one", "two", "three"]),
        ([r'299 - "say \"hello\""'], ['say "hello"']),
        (['299 - "right\u202eleft\x1b"'], ["rightleft"]),
        (['299 - "moving soon" "Sun, 01 Mar 2026 12:00:00 GMT"'], ["moving soon"]),
        (['110 anderson/1.3.37 "Response is stale"'], []),
        (['299 anderson/1.3.37 "moved"'], []),
        (['1299 - "no"'], []),
        (['299 - "unclosed'], []),
        (["299 - bare"], []),
        (['299 - " "', '299 - ""'], []),
        (['299 - "x"'] * 40, ["x"] * 16),
    ],
)
def test_texts_of_the_registrys_own_code_are_read(lines: list[str], notices: list[str]) -> None:
    """M26: distribution-spec's code 299 and agent -; all others are HTTP's."""
    assert read_notices(lines) == notices


def test_each_is_kept_once_and_in_order() -> None:
    """M26."""
    assert within(["b", "a", "b"], 4096) == ("b", "a")


def test_together_they_are_short() -> None:
    """M26: 4096 bytes, and ä is two of them."""
    assert within(["ä" * 1000, "b" * 2096], 4096) == ("ä" * 1000, "b" * 2096)
    assert within(["ä" * 1000, "b" * 2097, "c"], 4096) == ("ä" * 1000,)
    assert within(["x" * 5000], 4096) == ()
