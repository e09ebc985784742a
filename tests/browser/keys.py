"""A page by the Tab key alone: where the focus goes, and whether it can be seen there."""

from collections.abc import Iterator
from typing import Any, Final

from playwright.sync_api import Page

MOST_STOPS: Final = 400

# What has the focus: after the one before it in the document, with a ring, and not entirely behind something else.
STOP: Final = """() => {
    const stop = document.activeElement;
    if (stop === document.body || stop.dataset.stopped) return null;
    const before = document.querySelector("[data-stopped=last]");
    before?.setAttribute("data-stopped", "once");
    stop.dataset.stopped = "last";
    const style = getComputedStyle(stop);
    const box = [...stop.getClientRects()].find(each => each.width && each.height) ?? stop.getBoundingClientRect();
    const points = [0.1, 0.5, 0.9].flatMap(x => [0.1, 0.5, 0.9].map(y =>
        document.elementFromPoint(box.left + x * box.width, box.top + y * box.height)));
    const isItself = found => found !== document.body && (stop.contains(found) || found?.contains(stop));
    return {
        named: `<${stop.localName} id="${stop.id}"> ${stop.textContent.trim().slice(0, 30)}`,
        follows: !before || Boolean(before.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING),
        ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        inSight: points.some(isItself),
    };
}"""
WRONG: Final = {"follows": "comes too early", "ringed": "has no ring", "inSight": "is out of sight"}
LEFT: Final = """() => [...document.querySelectorAll(
        "a[href], button:not([disabled]), input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
    .filter(each => each.checkVisibility({ visibilityProperty: true }) && !each.dataset.stopped)
    .map(each => `<${each.localName} id="${each.id}"> ${each.innerText.slice(0, 30)}`)"""


def faults(page: Page) -> Iterator[str]:
    """Press Tab from the top of a page to its end, and yield what is wrong on the way, and what was left out.

    Meanwhile it does not change by itself: what comes and goes would be missed, or be met twice.
    """
    page.locator("#live-pause").evaluate_all("buttons => buttons.forEach(button => button.click())")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop: dict[str, Any] | None = page.evaluate(STOP)
        if stop is None:
            break
        yield from (f"{stop['named']} {what}" for is_so, what in WRONG.items() if not stop[is_so])
    yield from (f"{left} is not reached" for left in page.evaluate(LEFT))
