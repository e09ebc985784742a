"""How a page is looked at: by day, by night and on a phone; and what is found to be wrong with it so."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from playwright.sync_api import Page, ViewportSize

DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 900}
SHEET: Final[ViewportSize] = {"width": 718, "height": 1047}
"""A4 within margins of a centimetre."""
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}

# What has more in it than it shows. What is there for the ear alone is small on purpose.
CUT: Final = """() => [...document.querySelectorAll("main, main *")]
    .filter(each => each.checkVisibility() && !each.closest(".unseen, svg"))
    .filter(each => `${getComputedStyle(each).overflowX} ${getComputedStyle(each).overflowY}` !== "visible visible")
    .filter(each => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
    .map(each => `<${each.localName} id="${each.id}" class="${each.className}"> cuts what is in it`)"""

# Words that begin on one line and end on another. What registries and people wrote may be too long for any column.
TORN: Final = """() => [...document.querySelectorAll(
    "main :is(.cell-said, .badge, .chip, .now, .place-failing, .figure-budget, thead th, .number)")]
    .filter(each => each.checkVisibility())
    .flatMap(each => [each, ...each.querySelectorAll(":not(.unseen)")])
    .flatMap(each => [...each.childNodes])
    .filter(node => node.nodeType === Node.TEXT_NODE)
    .flatMap(node => [...node.data.matchAll(/[A-Za-z]{2,}/g)].filter(({ 0: word, index }) => {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        return new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1;
    }).map(([word]) => `${word} is torn in “${node.data.trim()}”`))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A window and its colours. axe-core judges by all of its rules, or by `rules` alone."""

    name: str
    window: ViewportSize
    scheme: Literal["light", "dark"]
    rules: tuple[str, ...] = ()


BY_DAY: Final = View(name="by day", window=DESKTOP, scheme="light")
BY_NIGHT: Final = View(name="by night", window=DESKTOP, scheme="dark", rules=("color-contrast",))
"""Nothing but colours is another by night."""
ROOM: Final = ("button-name", "color-contrast", "link-name", "scrollable-region-focusable", "target-size")
"""What depends on the room: elements, and with them names, may have gone; what is left has other neighbours."""
ON_A_PHONE: Final = View(name="on a phone", window=PHONE, scheme="light", rules=ROOM)
ON_A_PHONE_BY_NIGHT: Final = View(name="on a phone by night", window=PHONE, scheme="dark", rules=ROOM)
"""All else is there on the desktop as well, in the same order."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """What looks: functions that tell in lines what is wrong with a page (the fixtures `axe` and `too_wide`)."""

    axe: Callable[..., list[str]]
    too_wide: Callable[[Page], list[str]]

    def faults(self, page: Page, name: str, path: str, views: Iterable[View]) -> Iterator[str]:
        """Open a page, look at it in several ways, and yield what is wrong: `incident, by night: …`."""
        page.goto(path)
        page.locator("[data-wanted]").wait_for(state="detached")
        for view in views:
            page.set_viewport_size(view.window)
            page.emulate_media(color_scheme=view.scheme)
            yield from (
                f"{name}, {view.name}: {said}"
                for said in (*self.axe(page, *view.rules), *self.too_wide(page), *page.evaluate(TORN))
            )

    def cut(self, page: Page) -> list[str]:
        """Return what of a page is not to be seen without scrolling to the side, or within something that scrolls."""
        return [*self.too_wide(page), *page.evaluate(CUT)]
