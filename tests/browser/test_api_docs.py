"""The page that shows the API's description, in a browser that reaches nobody but the server.

`seen` holds after each test that nothing was asked for elsewhere, and that nothing was complained about: what the
Content-Security-Policy blocks is a complaint of the console.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.browser.conftest import Seen

OpenPage = Callable[..., Page]

SECONDS: Final = 60  # a large page, on a machine that has other things to do

DESCRIPTION: Final[dict[str, Any]] = yaml.load(
    (Path(__file__).parents[2] / "docs/reference/openapi.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    page = open_page("/api/docs/", viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(SECONDS * 1000)
    expect(page.locator(".opblock-tag").first).to_be_visible(timeout=SECONDS * 1000)
    return page


def test_page_shows_what_there_is_and_tries_it(page: Page, seen: Seen) -> None:
    """Tags with a word on each, beneath them their operations, in each what it takes; one is asked, and answers."""
    expect(page.get_by_role("heading", name="Kairos", level=1)).to_be_visible()
    shown = page.locator(".opblock-tag").evaluate_all("tags => tags.map(tag => tag.dataset.tag)")
    assert shown == [tag["name"] for tag in DESCRIPTION["tags"]]
    assert seen.count("/api/v1/schema/") == 1

    page.locator("#operations-tag-runs").click()
    operations = [
        operation["operationId"]
        for methods in DESCRIPTION["paths"].values()
        for operation in methods.values()
        if operation["tags"] == ["runs"]
    ]
    expect(page.locator(".opblock")).to_have_count(len(operations), timeout=SECONDS * 1000)
    operation = page.locator("#operations-runs-runs_list")
    operation.locator("button.opblock-summary-control").click()
    expect(operation).to_contain_text("Takes the scope read and the role viewer.", timeout=SECONDS * 1000)
    expect(operation.locator("tr.response[data-code='403']")).to_contain_text("missing_scope")

    # Without a token it is refused, by a problem that the page shows.
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("not_authenticated", timeout=SECONDS * 1000)
    assert seen.count("/api/v1/runs") == 1
    # The browser itself notes each answer that is an error.
    seen.complaints[:] = [said for said in seen.complaints if "401" not in said]
