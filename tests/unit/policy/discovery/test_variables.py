"""`${NAME}` as Compose and Dockerfiles have it."""

import pytest

from probes.policy.discovery.variables import VariableUnset, substituted

VALUES = {"TAG": "1.2", "EMPTY": "", "NAME": "app"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$NAME:$TAG", "app:1.2"),
        ("${NAME}:${TAG}", "app:1.2"),
        ("${GONE:-latest}", "latest"),
        ("${GONE-latest}", "latest"),
        ("${EMPTY:-latest}", "latest"),
        ("${EMPTY-latest}", ""),
        ("${TAG:+-debug}", "-debug"),
        ("${GONE:+-debug}", ""),
        ("${EMPTY+set}", "set"),
        ("${TAG:?say which}", "1.2"),
        ("${GONE:-${OTHER:-${TAG}}}", "1.2"),
        ("${GONE:-a:${TAG}-b}", "a:1.2-b"),
        ("$$TAG", "$TAG"),
        ("${GONE:-$$x}", "$x"),
    ],
)
def test_what_is_filled_in(text: str, expected: str) -> None:
    assert substituted(text, VALUES, escape="$$") == expected


def test_a_dockerfile_escapes_otherwise() -> None:
    assert substituted("\\$TAG$TAG", VALUES, escape="\\$") == "$TAG1.2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$GONE", "GONE is not set"),
        ("${GONE}", "GONE is not set"),
        ("${GONE:?say which}", "GONE is not set"),
        ("${EMPTY:?say which}", "EMPTY is not set"),
        ("${GONE:-${ALSO}}", "ALSO is not set"),
        ("${TAG", "never closed"),
        ("$(TAG)", "names no variable"),
        ("${}", "names no variable"),
        ("${TAG##*-}", "is not read here"),
        ("$", "names no variable"),
        ("${GONE:-" * 20 + "x" + "}" * 20, "variables in variables"),
        ("${GONE:-$LONG$LONG}", "with its variables filled in"),
    ],
)
def test_what_cannot_be_filled_in_is_said(text: str, said: str) -> None:
    with pytest.raises(VariableUnset, match=said):
        substituted(text, {**VALUES, "LONG": "x" * 4000}, escape="$$")
