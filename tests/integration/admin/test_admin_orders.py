"""What is ordered of resources in the admin: runs with their results, and what a source lists no more."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from probes.actions.ingest import ingest
from probes.admin import orders
from probes.models import Resource, Run
from probes.policy.access import Role
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found
from tests.integration.admin.pages import ADMIN, messages_of, shown

if TYPE_CHECKING:
    from probes.actions.plans import Message

pytestmark = pytest.mark.django_db

LISTED = f"{ADMIN}/resource/"


def page_of(image: Resource) -> str:
    return f"{ADMIN}/resource/{image.pk}/change/"


def order(client: Client, image: Resource, name: str) -> Any:
    return client.post(f"{ADMIN}/resource/{image.pk}/order/", {"order": name})


def names(client: Client, query: str = "") -> list[str]:
    return [row.name for row in client.get(f"{LISTED}?{query}").context["cl"].result_list]


@pytest.fixture
def operator(db: None, django_user_model: Any) -> Client:
    """A browser of an operator of everything."""
    user = django_user_model.objects.create(username="olga", is_staff=True)
    grant(user, Role.OPERATOR)
    browser = Client()
    browser.force_login(user)
    return browser


def test_test_of_a_resource_is_shown_on_its_page_from_order_to_result(
    client: Client, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = plane.image()
    sent: list[Message] = []
    monkeypatch.setattr(orders, "publish_on_commit", sent.extend)
    order(client, image, "check_now")
    run, address = Run.objects.get(), f"{ADMIN}/resource/{image.pk}/standing/"
    assert "by admin: ? unknown 3 waiting The run" in shown(client, address)
    assert f'href="{ADMIN}/run/{run.pk}/change/"' in client.get(address).content.decode()
    for message in sent:
        region = plane.regions[message.queue.removeprefix("probe.")]
        find = finding(Reason.TAG_NOT_FOUND) if region.slug == "us-east" else found
        ingest(region.report(region.open(message), find), now=timezone.now())
    page = shown(client, page_of(image))
    assert "by admin: ! degraded 3 done The run" in page
    assert "us-east ✗ unavailable tag_not_found" in page


def test_checks_of_many_are_as_many_runs_as_it_takes(
    client: Client, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_CHECKS", 6)
    chosen = [plane.image(f"ghcr.io/org/app-{number}:1").pk for number in range(3)]
    response = client.post(LISTED, {"action": "check_now", "_selected_action": chosen})
    assert messages_of(response)[0].startswith("Checks of 3 resources were sent to ap-south, eu-west, us-east.")
    assert sorted(run.checks.count() for run in Run.objects.all()) == [3, 6]


def test_operator_of_everything_orders_and_changes_nothing(operator: Client, plane: ControlPlane) -> None:
    image = plane.image()
    page = operator.get(page_of(image)).content.decode()
    assert 'id="kairos-trial"' in page
    assert 'value="retire"' not in page
    assert order(operator, image, "check_now").status_code == 302
    assert str(Run.objects.get().asked_by) == "olga"
    operator.post(LISTED, {"action": "pause", "_selected_action": [image.pk]})
    image.refresh_from_db()
    assert image.is_paused
    assert order(operator, image, "retire").status_code == 403
    operator.post(LISTED, {"action": "retire", "_selected_action": [image.pk]})
    operator.post(page_of(image), {"name": "theirs"})
    image.refresh_from_db()
    assert (image.retired_at, image.name) == (None, "")


def test_what_is_retired_is_left_out_unless_asked_for(client: Client, plane: ControlPlane) -> None:
    now = timezone.now()
    plane.image("ghcr.io/org/a:1", name="used")
    plane.image("ghcr.io/org/b:1", name="stale", stale_at=now)
    plane.image("ghcr.io/org/c:1", name="retired", stale_at=now, retired_at=now, paused_at=now)
    assert names(client) == ["stale", "used"]
    assert names(client, "listed=stale") == ["stale"]
    assert names(client, "listed=retired") == ["retired"]
    assert names(client, "listed=all") == ["retired", "stale", "used"]


def test_resource_is_marked_retired_and_restored(client: Client, plane: ControlPlane) -> None:
    image = plane.image(name="the app")
    client.post(LISTED, {"action": "mark_stale", "_selected_action": [image.pk]})
    assert "last listed" in shown(client, LISTED)
    assert "Its source lists it no more since" in shown(client, page_of(image))
    assert "One resource is retired" in messages_of(order(client, image, "retire"))[-1]
    page = shown(client, page_of(image))
    assert "nothing is checked or counted" in page
    assert "Restore" in page
    assert "Resume" not in page
    assert "— retired" in shown(client, f"{LISTED}?listed=retired")
    assert "in use again" in messages_of(order(client, image, "restore"))[-1]
    image.refresh_from_db()
    assert (image.stale_at, image.retired_at, image.paused_at) == (None, None, None)
    assert "Restored." in shown(client, f"{ADMIN}/resource/{image.pk}/history/")


def test_what_somebody_had_paused_stays_so_when_it_is_restored(client: Client, plane: ControlPlane) -> None:
    image = plane.image(paused_at=timezone.now() - timedelta(days=1))
    order(client, image, "retire")
    order(client, image, "restore")
    image.refresh_from_db()
    assert image.is_paused
