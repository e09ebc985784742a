"""The page that shows the API's description, in a browser that reaches nobody but the server.

`seen` holds after each test that nothing was asked for elsewhere, and that nothing was complained about: what the
Content-Security-Policy blocks is a complaint of the console.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.browser.conftest import Seen

OpenPage = Callable[..., Page]

DESCRIPTION: Final[dict[str, Any]] = yaml.load(
    (Path(__file__).parents[2] / "docs/reference/openapi.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    page = open_page("/api/docs/", viewport={"width": 1280, "height": 1000})
    expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
    return page


def test_every_operation_is_shown_beneath_its_tag(page: Page, seen: Seen) -> None:
    expect(page.get_by_role("heading", name="Kairos", level=1)).to_be_visible()
    shown = page.locator(".opblock-tag").evaluate_all("tags => tags.map(tag => tag.dataset.tag)")
    assert shown == [tag["name"] for tag in DESCRIPTION["tags"]]
    operations = sum(len(methods) for methods in DESCRIPTION["paths"].values())
    expect(page.locator(".opblock")).to_have_count(operations)
    assert seen.count("/api/v1/schema/") == 1


def test_operation_opens_with_what_it_takes_and_how_it_answers(page: Page) -> None:
    operation = page.locator("#operations-resources-resources_check")
    operation.locator("button.opblock-summary-control").click()
    expect(operation).to_contain_text("Takes the scope probe and the role operator.")
    expect(operation).to_contain_text(re.compile("application/json"))
    expect(operation.locator("tr.response[data-code='403']")).to_contain_text("missing_scope")


def test_request_is_tried_from_the_page_and_answered(page: Page, seen: Seen) -> None:
    """Without a token it is refused, by a problem that the page shows."""
    operation = page.locator("#operations-groups-groups_list")
    operation.locator("button.opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("not_authenticated")
    assert seen.count("/api/v1/groups") == 1
    # The browser itself notes each answer that is an error.
    seen.complaints[:] = [said for said in seen.complaints if "401" not in said]
