"""The address of the overview: read, written again, and each part of it taken out."""

import pytest

from dashboard.overview.asked import Asked, NoSuchChoiceError
from probes.selectors.choice import FAILING, Choice
from probes.selectors.order import By, Order
from probes.selectors.severity import Group

WHOLE = {
    "find": "api",
    "state": "degraded",
    "group": "shop",
    "registry": "ghcr.io",
    "label": "team:a&b",
    "tag": "1.2",
    "region": "eu-west",
    "seen": "failing",
    "kind": "image",
    "sort": "uptime",
    "by": "registry",
    "view": "dense",
    "window": "7d",
    "page": "3",
}


def test_what_an_address_says_is_read_and_written_again_as_it_was() -> None:
    asked = Asked.of(WHOLE, more=("window",))
    assert asked.choice == Choice(
        find="api",
        registry="ghcr.io",
        group="shop",
        label="team:a&b",
        tag="1.2",
        kind="image",
        region="eu-west",
        seen=FAILING,
        state=Group.DEGRADED,
    )
    assert (asked.order, asked.by, asked.is_dense, asked.page) == (Order.UPTIME, By.REGISTRY, True, 3)
    assert dict(asked.said) == WHOLE
    assert asked.query.startswith("find=api&state=degraded&group=shop&registry=ghcr.io&label=team%3Aa%26b")


def test_an_address_that_says_nothing_asks_for_what_is_usual() -> None:
    assert Asked.of({}) == Asked()
    assert Asked.of({"sort": "worst", "by": "group", "page": "1", "view": "?", "find": " \0 "}).address("/") == "/"


def test_an_address_of_before_says_its_state_still() -> None:
    assert Asked.of({"show": "degraded"}) == Asked.of({"state": "degraded"})


@pytest.mark.parametrize("name", ["state", "seen", "kind", "sort", "by"])
def test_a_word_of_which_there_is_none_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(NoSuchChoiceError, match=f"is no {name} of those that there are: "):
        Asked.of({name: "<script>"})


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", ""])
def test_a_page_that_is_no_number_is_the_first(page: str) -> None:
    assert Asked.of({"page": page}).page in (0, 1)


def test_each_part_is_told_and_can_be_taken_out_alone() -> None:
    asked = Asked.of({"state": "config", **WHOLE}, more=("window",))
    chips = {chip.name: chip for chip in asked.chips("/", {"group:shop": "The shop"})}
    assert [f"{chip.label} {chip.said}" for chip in chips.values()] == [
        "Words api", "State degraded", "Group The shop", "Registry ghcr.io", "Label team:a&b", "Tag 1.2",
        "From region eu-west", "Last seen as failing", "Kind images",
    ]  # fmt: skip
    left = chips["group"].address
    assert "group=" not in left
    assert "page=" not in left
    assert "registry=ghcr.io" in left
    assert "window=7d" in left


def test_another_choice_begins_with_the_first_page_and_keeps_the_rest() -> None:
    asked = Asked.of(WHOLE)
    assert asked.choosing(state=None).page == 1
    assert asked.choosing(state=None).order is Order.UPTIME
    assert asked.turned(page=4).choice == asked.choice
    assert asked.turned(order=Order.NAME).page == 1
