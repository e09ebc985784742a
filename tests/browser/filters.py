"""Filters as a person uses them: chosen or typed, seen to narrow the page and to be in its address, and taken off."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from playwright.sync_api import Locator, Page, expect

from tests.servers import wait_until

SOON_SECONDS: Final = 20.0
FOLDED: Final = "More filters"
FIELDS: Final = "main form:is(#filters, .narrow) [name]:not([type=hidden])"

Rows = frozenset[str]


def shown(*rows: str) -> Rows:
    return frozenset(rows)


@dataclass(frozen=True, slots=True)
class Filter:
    """A field by its label, what is chosen from it or typed into it, what the address says then, and what is listed.

    `among` is what the page is narrowed by already. Where `lists` is None, the rows stay: only their figures change.
    """

    label: str
    choice: str
    query: str
    lists: Rows | None
    among: str = ""

    @property
    def name(self) -> str:
        return self.query.partition("=")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page whose rows are narrowed. `restless` rows come and go by themselves, and are not looked at.

    A row is told by the texts of `parts` of it, or by all of its own.
    """

    path: str
    rows: str
    parts: Sequence[str] = ()
    restless: Rows = field(default=frozenset())

    def on(self, page: Page) -> Rows:
        """Return what is listed now."""
        said: list[str] = page.locator(self.rows).evaluate_all(
            "(rows, parts) => rows.map(row => (parts.length ? parts.map(part => row.querySelector(part)) : [row])"
            ".map(part => part.innerText.trim()).join(': '))",
            list(self.parts),
        )
        return frozenset(said) - self.restless

    def lists(self, page: Page, wanted: Rows) -> None:
        """Wait until just these rows are listed."""
        seen: list[Rows] = [frozenset()]

        def are_there() -> bool:
            seen[0] = self.on(page)
            return seen[0] == wanted

        with suppress(RuntimeError):
            wait_until(are_there, SOON_SECONDS, "rows")
        assert sorted(seen[0]) == sorted(wanted), page.url

    def use(self, page: Page, chosen: Filter) -> None:
        """Use one filter, see that it does what it should, and take it off again."""
        if page.evaluate("location.pathname + location.search") != f"{self.path}{chosen.among}":
            page.goto(f"{self.path}{chosen.among}")
        before, among = self.on(page), asked(page)
        choose(page, chosen.label, chosen.choice)
        asks(page, among | dict(parse_qsl(chosen.query)))
        self.lists(page, before if chosen.lists is None else chosen.lists)
        chip(page, chosen.name).click()
        asks(page, among)
        expect(page.get_by_label(chosen.label, exact=True)).to_have_value("")
        self.lists(page, before)


def asked(page: Page) -> dict[str, str]:
    """Return what the address asks for, and what it names without saying anything."""
    return dict(parse_qsl(page.evaluate("location.search.slice(1)"), keep_blank_values=True))


def asks(page: Page, wanted: dict[str, str]) -> None:
    """Wait until the address asks for this and nothing else."""
    with suppress(RuntimeError):
        wait_until(lambda: asked(page) == wanted, SOON_SECONDS, "address")
    assert asked(page) == wanted


def choose(page: Page, label: str, choice: str) -> None:
    """Choose or type something, with its fold opened, and the button pressed where there is one."""
    labelled = page.get_by_label(label, exact=True)
    if not labelled.is_visible():
        page.get_by_text(FOLDED, exact=True).click()
    if labelled.evaluate("field => field.localName") == "select":
        labelled.select_option(choice)
    elif labelled.get_attribute("type") == "datetime-local":
        labelled.fill(choice)
    else:
        labelled.press_sequentially(choice)
    button = page.locator("main form.narrow").get_by_role("button", name="Show")
    if button.count():
        button.click()


def chip(page: Page, name: str) -> Locator:
    """Return what takes a filter off."""
    return page.locator(f"#without-{name}, #chip-{name}")


def fields(page: Page) -> set[str]:
    """Return the names of all fields by which a page is narrowed."""
    return set(page.locator(FIELDS).evaluate_all("fields => fields.map(field => field.name)"))
