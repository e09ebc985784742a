"""The overview as it is read: its rows, their cells, and what is found there."""

from django.test import Client

from probes.models import Resource
from probes.protocol.taxonomy import Reason
from tests.fakes.far_region import Find, finding
from tests.integration.dashboard.reading import Page


def read(client: Client, url: str = "/") -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def cell(page: Page, image: Resource, slug: str) -> str:
    return page[f"cell-{image.pk}-{slug}"].text


def card(page: Page, image: Resource, slug: str) -> str:
    """What is told of a cell where somebody asks for more."""
    leading = f"/resources/{image.pk}/#from-{slug}"
    return next(item.attributes["title"] for item in page.elements if item.attributes.get("href") == leading)


def look(page: Page, image: Resource, slug: str) -> str:
    return page[f"cell-{image.pk}-{slug}"].attributes["data-look"]


def names(page: Page) -> list[str]:
    return [element.text for element in page.all("a", "image-name")]


def everywhere(reason: Reason) -> dict[str, Find]:
    return dict.fromkeys(("ap-south", "eu-west", "us-east"), finding(reason))
