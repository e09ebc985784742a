"""Stable names, as a table."""

import pytest

from probes.policy.names import LONGEST, candidates, first_free, is_stable_name, stable_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ghcr.io/org/app:1.2", "ghcr.io-org-app-1.2"),
        ("localhost:5000/app@sha256:0a1b", "localhost-5000-app-sha256-0a1b"),
        ("Crème brûlée", "creme-brulee"),
        ("a -- b", "a----b"),
        ("__init__", "init"),
        ("...", "row"),
        ("", "row"),
        ("検査", "row"),
    ],
)
def test_name_is_made_of_what_a_name_may_hold(text: str, name: str) -> None:
    assert stable_name(text, otherwise="row") == name


def test_the_nearest_name_that_is_free_is_taken() -> None:
    assert first_free("app", set(), chance="0f") == "app"
    assert first_free("app", {"app", "app-2", "app-4"}, chance="0f") == "app-3"
    assert first_free("app", set(candidates("app")), chance="0f") == "app-0f"


@pytest.mark.parametrize("text", ["", "A", "a-", ".a", "a b", "a\n", "a/b", "ä", "a" * (LONGEST + 1)])
def test_what_is_no_name(text: str) -> None:
    assert not is_stable_name(text)
