"""The timelines of an image's page: the window that its address asks for, and what is said of a bad one."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.models import Resource
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(plane: ControlPlane) -> Resource:
    plane.now -= timedelta(minutes=15)
    image = plane.image()
    plane.check(image)
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND, Stage.MANIFEST)})
    return image


def read(client: Client, image: Resource, query: str = "") -> Page:
    response = client.get(f"/resources/{image.pk}/{query or '?'}&whole=1")
    assert response.status_code == 200
    return Page(response.content.decode())


def test_page_has_the_verdict_and_a_lane_for_each_region(client: Client, image: Resource) -> None:
    page = read(client, image)
    assert page["timeline-verdict"].attributes["tabindex"] == "0"
    for region in ("ap-south", "eu-west", "us-east"):
        assert page[f"timeline-{region}"].attributes["data-slots"]
    # They stand beneath the verdict's, before whatever else the second half has.
    places = [page.html.index(f'id="{name}"') for name in ("timeline", "timeline-regions", "latency")]
    assert places == sorted(places)
    assert "tag not found" in page["timeline-us-east"].attributes["data-causes"]
    slots = page["timeline-us-east"].attributes["data-slots"]
    assert sum(int(item) for item in re.findall(r"\*(\d+)", slots)) == 2


def test_window_stays_in_the_address_that_keeps_the_page_current(client: Client, image: Resource) -> None:
    page = read(client, image, "?window=7d")
    assert "window=7d" in page["resource"].attributes["data-live"]
    assert page["window-7d"].attributes["aria-current"] == "true"
    assert "aria-current" not in page["window-24h"].attributes
    chosen = read(client, image, "?since=2026-01-01T00:00Z&until=")
    assert "since=2026-01-01" in chosen["resource"].attributes["data-live"]


def test_bad_window_is_told_and_the_usual_one_shown(client: Client, image: Resource) -> None:
    page = read(client, image, "?since=%3Cscript%3E&until=x%00")
    assert "“<script>” is no time" in page["window-error"].text
    assert page["range-since"].attributes["aria-invalid"] == "true"
    assert page["range-since"].attributes["value"] == "<script>"
    assert page["timeline-verdict"].attributes["data-length"] == "960"


def test_timelines_take_the_same_queries_for_more(client: Client, image: Resource, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            read(client, image)
        return len(asked)

    few = queries()
    plane.check(image)
    plane.check(image)
    assert queries() == few


def test_page_says_where_nothing_has_been_timed_yet(client: Client, image: Resource) -> None:
    page = read(client, image)
    assert "Nothing has been timed" in page["latency-empty"].text
    # Less than an hour is no whole one.
    assert "latency-empty" in read(client, image, "?since=2999-01-01")
