"""The page of an image in a browser: what is broken, a check ordered and followed, a command copied, outcomes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from probes.actions.ingest import ingest
from probes.policy.access import Role
from probes.protocol.taxonomy import Reason
from tests.browser.conftest import Seen
from tests.fakes.far_region import finding
from tests.fakes.pulls import pulled, refused_by_storage

if TYPE_CHECKING:
    from probes.actions.plans import Message
    from tests.fakes.control_plane import ControlPlane


def test_what_is_broken_is_found_checked_again_and_told_on(
    plane: "ControlPlane",
    open_page: Callable[..., Page],
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
    django_user_model: Any,
    settings: Any,
) -> None:
    from dashboard.image import check_views  # noqa: PLC0415 - once Django is set up
    from tests.fakes.access import grant  # noqa: PLC0415 - models

    sent: list[Message] = []
    monkeypatch.setattr(check_views, "publish_on_commit", sent.extend)
    user = django_user_model.objects.create(username="ada")
    grant(user, Role.OPERATOR)
    logged_in = Client()
    logged_in.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    image = plane.image()
    plane.check(image, finds={"us-east": refused_by_storage, "eu-west": pulled, "ap-south": pulled})

    page = open_page(f"/resources/{image.pk}/", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator("#sentence")).to_contain_text("cannot read layer 2 of 3")
    expect(page.locator("#rung-layers-us-east")).to_have_attribute("data-look", "degraded")
    expect(page.locator("#check-now")).to_have_count(0)
    expect(page.locator("#from-us-east")).to_contain_text("blobs.example")
    expect(page.locator("#more")).not_to_have_attribute("data-wanted", "")
    page.locator("#commands > summary").click()
    page.locator("#copy-probe").click()
    expect(page.locator("#copy-probe")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "manage.py probe ghcr.io/org/app:1"

    cookie = logged_in.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": page.url}])
    page.reload()
    page.locator("#check-options > summary").click()
    page.locator("#check-from-us-east").check()
    page.locator("#check-now").press("Enter")
    expect(page.locator("#run")).to_contain_text("0 of 1 region answered")
    (message,) = sent
    region = plane.regions["us-east"]
    ingest(region.report(region.open(message), pulled), now=timezone.now())
    expect(page.locator("#run-us-east")).to_have_attribute("data-look", "available")
    expect(page.locator("#run[data-run]")).to_have_count(0)
    expect(page.locator("#rung-layers-us-east")).to_have_attribute("data-look", "available")
    asked = seen.count(f"/resources/{image.pk}/runs/{page.url.partition('run=')[2].partition('#')[0]}/")
    assert asked >= 1

    page.locator("#all-outcomes").click()
    first = page.locator("#outcomes details").first
    first.locator("summary").press("Enter")
    expect(first.locator(".treads")).to_be_visible()
    page.locator("#narrow-status").select_option("failing")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#outcomes > li")).to_have_count(1)
    expect(page.locator("#outcomes > li")).to_contain_text("blobs.example")


def test_second_half_comes_by_itself_or_says_that_it_could_not_or_is_a_link_away(
    plane: "ControlPlane", open_page: Callable[..., Page], seen: Seen
) -> None:
    image = plane.image()
    plane.check(image)
    page = open_page("/login/")
    page.route("**/more/", lambda route: route.abort())
    page.goto(f"/resources/{image.pk}/#from-us-east")
    expect(page.locator("#more")).to_contain_text("could not be loaded. Connection lost.")
    expect(page.locator("#live-text")).to_have_text("Live")
    page.locator("#live-pause").click()
    page.unroute("**/more/")
    page.locator("#more-again").click()
    card = page.locator("#from-us-east")
    expect(card).to_be_in_viewport()
    assert page.locator("#more").get_attribute("aria-busy") is None
    seen.complaints[:] = [said for said in seen.complaints if "ERR_FAILED" not in said]
    # Both halves are kept current, and what the reader has opened stays open.
    page.locator("#from-us-east-region > summary").click()
    page.locator("#live-pause").click()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    expect(card).to_have_attribute("data-look", "unavailable")
    expect(page.locator("#verdict")).to_have_text("Degraded")
    expect(page.locator("#from-us-east-region")).to_have_attribute("open", "")

    page = open_page(f"/resources/{image.pk}/?window=7d", java_script_enabled=False)
    expect(page.locator("#rung-tag")).to_be_visible()
    page.locator("#whole").click()
    expect(page.locator("#from-us-east")).to_be_visible()
    assert page.url.endswith("?window=7d&whole=1")
    page.locator("#window-30d").click()
    expect(page.locator("#from-us-east")).to_be_visible()
    expect(page.locator("#window-30d")).to_have_attribute("aria-current", "true")
