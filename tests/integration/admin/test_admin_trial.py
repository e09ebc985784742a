"""Testing a resource from its page: what is ordered, and what the page is answered until all regions have."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from probes.actions import probing
from probes.actions.ingest import ingest
from probes.admin import trial
from probes.models import Credential, Region, Resource, Run
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found
from tests.integration.admin.pages import ADMIN, messages_of, shown

if TYPE_CHECKING:
    from probes.actions.plans import Message

pytestmark = pytest.mark.django_db

PART = {"X-Kairos-Part": "1"}
TYPED = f"{ADMIN}/resource/test/"


def address_of(image: Resource) -> str:
    return f"{ADMIN}/resource/{image.pk}/test/"


def result_of(run: Run) -> str:
    return f"{ADMIN}/resource/test/{run.uuid}/"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> "list[Message]":
    """What would go to the regions."""
    messages: list[Message] = []
    monkeypatch.setattr(trial, "publish_on_commit", messages.extend)
    return messages


def test_test_is_ordered_from_chosen_regions_and_shown_as_they_answer(
    client: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    image = plane.image()
    page = client.get(f"{ADMIN}/resource/{image.pk}/change/").content.decode()
    assert f'action="{address_of(image)}"' in page
    assert page.count('type="checkbox" name="regions" value="') == 3 + 3  # of the test, and of the form
    order = {"regions": ["eu-west", "us-east"], "depth": "blobs"}
    answer = client.post(address_of(image), order, headers=PART)
    told = answer.content.decode()
    run = Run.objects.get()
    assert (answer.status_code, run.depth, run.regions) == (200, "blobs", ["eu-west", "us-east"])
    assert f'data-address="{result_of(run)}" data-again-ms="1000"' in told
    assert '<progress value="0" max="2">' in told
    for message in sent:
        region = plane.regions[message.queue.removeprefix("probe.")]
        find = finding(Reason.TAG_NOT_FOUND) if region.slug == "us-east" else found
        ingest(region.report(region.open(message), find), now=timezone.now())
        if len(sent) == 2 and message is sent[0]:
            assert "1 of 2 answered" in shown(client, result_of(run))
    whole = client.get(result_of(run)).content.decode()
    assert "data-again-ms" not in whole
    assert f'href="{ADMIN}/run/{run.pk}/change/"' in whole
    words = shown(client, result_of(run))
    assert "! degraded ordered" in words
    assert "us-east ✗ unavailable tag_not_found" in words
    assert "The registry knows no such tag." in words
    assert "Asked for a check." in shown(client, f"{ADMIN}/resource/{image.pk}/history/")
    assert "us-east ✗ unavailable tag_not_found" in shown(client, f"{ADMIN}/run/{run.pk}/change/")


def test_without_a_script_the_button_leads_to_the_run(
    client: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    response = client.post(address_of(plane.image()), {"regions": ["eu-west"]})
    assert response["Location"] == f"{ADMIN}/run/{Run.objects.get().pk}/change/"
    assert "eu-west — waiting …" in shown(client, response["Location"])


def test_what_nobody_answers_is_told_when_time_is_up(
    client: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    client.post(address_of(plane.image()), {"regions": ["eu-west"]}, headers=PART)
    run = Run.objects.get()
    past = timezone.now() - timedelta(minutes=10)
    Run.objects.update(asked_at=past, ends_at=past)
    words = shown(client, result_of(run))
    assert "? unknown ordered" in words
    assert "eu-west ? no answer in time" in words
    assert "data-again-ms" not in client.get(result_of(run)).content.decode()


@pytest.mark.parametrize(
    ("order", "words"),
    [({}, "Choose a region."), ({"regions": ["mars"]}, "mars")],
)
def test_order_that_cannot_be_is_told_in_place(
    client: Client, plane: ControlPlane, order: dict[str, Any], words: str
) -> None:
    image = plane.image()
    answer = client.post(address_of(image), order, headers=PART)
    assert (answer.status_code, Run.objects.exists()) == (400, False)
    assert words in answer.content.decode()
    response = client.post(address_of(image), order)
    assert response["Location"] == f"{ADMIN}/resource/{image.pk}/change/"
    assert messages_of(response)[0].startswith("Nothing was tested.")


def typed(**values: Any) -> dict[str, Any]:
    return {"reference": " ghcr.io/org/new:1 ", "platforms": "linux/amd64, linux/arm64", **values}


def test_what_is_typed_is_tested_before_it_is_saved(
    client: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    page = client.get(f"{ADMIN}/resource/add/").content.decode()
    assert f'action="{TYPED}"' in page
    near = plane.region("eu-west")
    answer = client.post(TYPED, typed(regions=[near.pk], depth="manifest", slug="new"), headers=PART)
    run = Run.objects.get()
    assert (answer.status_code, run.reference, run.regions) == (200, "ghcr.io/org/new:1", ["eu-west"])
    assert (run.depth, run.platforms) == ("manifest", ["linux/amd64", "linux/arm64"])
    assert not Resource.objects.exists()
    client.post(TYPED, typed(), headers=PART)
    assert len(Run.objects.latest("id").regions) == 3


def test_url_that_is_typed_is_asked_by_a_plain_get(
    client: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    page = client.get(f"{ADMIN}/resource/add/?kind=http").content.decode()
    assert f'action="{TYPED}"' in page
    assert '<input type="hidden" name="kind" value="http">' in page
    plane.hear_all()
    answer = client.post(TYPED, {"kind": "http", "reference": "https://api.example/health"}, headers=PART)
    run = Run.objects.get()
    assert (answer.status_code, run.reference, run.depth) == (200, "https://api.example/health", None)
    assert not Resource.objects.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"reference": ""}, "Write first what it is."),
        ({"reference": "https://ghcr.io/org/app"}, "A reference of an image has no scheme."),
        ({"kind": "http"}, "Write a URL with http:// or https://."),
        ({"reference": "ghcr.io/UPPER/x"}, "Repository must be lowercase"),
        ({"reference": "10.0.0.1:5000/app"}, "10.0.0.1"),
        ({"platforms": "vax"}, "vax"),
        ({"regions": ["0"]}, "There is no active region to test it from."),
        ({"depth": "x", "regions": ["x"], "reference": "<b>"}, "&#x27;&lt;&#x27;"),
    ],
)
def test_what_cannot_be_tested_is_told_in_place(
    client: Client, plane: ControlPlane, values: dict[str, Any], words: str
) -> None:
    answer = client.post(TYPED, typed(**values), headers=PART)
    assert (answer.status_code, Run.objects.exists()) == (400, False)
    assert words in answer.content.decode()


def test_too_many_tests_at_once_are_refused(
    client: Client, plane: ControlPlane, sent: "list[Message]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MOST_OPEN_PER_PERSON", 1)
    assert [client.post(TYPED, typed(), headers=PART).status_code for _ in range(2)] == [200, 429]


def test_credential_of_another_registry_is_not_shown(client: Client, plane: ControlPlane) -> None:
    other = Credential.objects.create(registry=plane.image("quay.io/org/app:1").registry, label="robot")
    answer = client.post(TYPED, typed(credential=other.pk), headers=PART)
    assert (answer.status_code, Run.objects.exists()) == (400, False)


def test_onlooker_tests_nothing_and_sees_no_tests_of_others(
    client: Client, plane: ControlPlane, sent: "list[Message]", django_user_model: Any
) -> None:
    image = plane.image()
    client.post(address_of(image), {"regions": ["eu-west"]}, headers=PART)
    onlooker = Client()
    user = django_user_model.objects.create_user("onlooker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_resource"))
    onlooker.force_login(user)
    assert onlooker.post(address_of(image), {"regions": ["eu-west"]}).status_code == 403
    assert onlooker.post(TYPED, typed()).status_code == 403
    assert onlooker.get(result_of(Run.objects.get())).status_code == 404
    assert onlooker.get(TYPED).status_code == 405
    assert Client().post(TYPED, typed())["Location"].startswith("/admin/login/")
    user.user_permissions.add(Permission.objects.get(codename="view_run"))
    assert onlooker.get(result_of(Run.objects.get())).status_code == 200


def test_page_of_what_is_retired_or_nowhere_checked_offers_no_test(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    Region.objects.update(paused_at=timezone.now())
    page = shown(client, f"{ADMIN}/resource/{image.pk}/change/")
    assert "No active region checks this." in page
    Resource.objects.update(paused_at=timezone.now(), retired_at=timezone.now())
    assert "kairos-trial" not in client.get(f"{ADMIN}/resource/{image.pk}/change/").content.decode().replace(
        "trial.js", ""
    )


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"credential": "9" * 5000}, "The credential is gone"),
        ({"credential": "9"}, "The credential is gone"),
        ({"credential": "nobody"}, "The credential is gone"),
        ({"regions": ["999"]}, "There is no active region"),
        ({"platforms": "linux/\0"}, "did not validate"),
    ],
)
def test_what_is_typed_and_is_not_there_is_told(
    client: Client, plane: ControlPlane, sent: "list[Message]", typed: dict[str, Any], why: str
) -> None:
    answer = client.post(TYPED, {"reference": "ghcr.io/org/app:1", **typed}, headers=PART)
    assert answer.status_code == 400
    assert why in answer.content.decode()
    assert not sent


def test_numbers_that_no_region_has_are_passed_over(
    client: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    here = plane.region("eu-west")
    chosen = {"reference": "ghcr.io/org/app:1", "regions": ["9" * 5000, str(here.pk)]}
    assert client.post(TYPED, chosen, headers=PART).status_code == 200
    assert Run.objects.get().regions == ["eu-west"]


@pytest.mark.parametrize("region", ["nowhere", "\0"])
def test_region_that_is_none_is_told(client: Client, plane: ControlPlane, sent: "list[Message]", region: str) -> None:
    answer = client.post(address_of(plane.image()), {"regions": [region]}, headers=PART)
    assert answer.status_code == 400
    assert "No active region" in answer.content.decode()
    assert not sent


def test_what_was_retired_meanwhile_is_not_tested(client: Client, plane: ControlPlane, sent: "list[Message]") -> None:
    image = plane.image()
    Resource.objects.filter(pk=image.pk).update(paused_at=timezone.now(), retired_at=timezone.now())
    answer = client.post(address_of(image), {"regions": ["eu-west"]}, headers=PART)
    assert answer.status_code == 400
    assert "It is retired" in answer.content.decode()
    assert not Run.objects.exists()
