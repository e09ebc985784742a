"""Users' patterns against strangers' bodies."""

import random
from time import process_time

import psutil
import pytest

from probes.protocol.endpoint.pattern import PatternInvalid, check_pattern, is_found


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("o.e", "three, two, one", True),
        ("^two", "three, two", False),
        (r"(?i)\bONE\b", "three, two, one", True),
        (r"(?m)^two$", "three\ntwo\n", True),
        ("gr..e", "größe", True),
        ("[", "[", None),
    ],
)
def test_pattern_is_searched_for_anywhere(pattern: str, text: str, *, expected: bool | None) -> None:
    """H14."""
    if expected is None:
        with pytest.raises(PatternInvalid, match="missing ]"):
            is_found(pattern, text)
    else:
        assert is_found(pattern, text) is expected


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*$", "(.*a){20}$", "(a|b)*a(a|b){50}c"])
def test_no_pattern_holds_up_a_worker(pattern: str) -> None:
    """H14: the first two take a machine that goes back years."""
    body = "ab" * 65_536 + "a" * 65_536 + "!"
    began = process_time()
    is_found(pattern, body)
    assert process_time() - began < 2


def test_pattern_that_would_take_too_long_is_refused() -> None:
    """H14."""
    with pytest.raises(PatternInvalid, match="too large"):
        check_pattern("((a|b){30}){30}")


def test_refusal_says_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """The library has a log of its own."""
    with pytest.raises(PatternInvalid):
        check_pattern("(" * 10)
    assert capfd.readouterr() == ("", "")


def test_pattern_remembers_little_of_a_body() -> None:
    """H14: a worker keeps hundreds of them, and has 150 MiB for everything."""
    chance = random.Random(1)
    body = "".join(chance.choice("ab") for _ in range(65_536))
    is_found("a[ab]{9}c", body)  # whatever is there only once
    process = psutil.Process()
    before = process.memory_info().rss
    for number in range(8):
        is_found(f"a[ab]{{{20 + number}}}[ab]{{1,40}}a[^c]{{10}}c", body)
    assert process.memory_info().rss - before < 8 * 1.2e6
