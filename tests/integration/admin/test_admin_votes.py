"""Groups, terms, changes of verdicts and incidents, as people see and change them."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from probes.models import GlobalTerms, Incident, Resource, ResourceGroup, Verdict, VerdictChange
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown, text_of

pytestmark = pytest.mark.django_db

GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))
EMPTY = dict.fromkeys(
    (
        "quorum_votes",
        "quorum_percent",
        "minimum_votes",
        "failures",
        "recoveries",
        "fresh_intervals",
        "severity",
        "degraded_after_seconds",
        "uptime_target_percent",
    ),
    "",
)


@pytest.fixture
def outage(plane: ControlPlane) -> Incident:
    image = plane.image(name="the app")
    plane.check(image)
    plane.check(image, finds=GONE)
    return Incident.objects.get()


def test_group_is_made_and_its_images_follow_its_terms(client: Client, plane: ControlPlane) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    image = plane.image(name="the app", group=group)
    plane.check(image)
    lapses = Verdict.objects.get().stale_at
    client.post(f"{ADMIN}/resourcegroup/{group.pk}/change/", {"name": "Shop", "notes": "", **EMPTY, "failures": "7"})
    group.refresh_from_db()
    assert group.failures == 7
    assert Verdict.objects.get().stale_at != lapses
    assert Verdict.objects.filter(stale_at__lte=timezone.now()).exists()
    assert "Shop 1" in shown(client, f"{ADMIN}/resourcegroup/")


def test_two_quorums_are_refused(client: Client) -> None:
    values = {"name": "Shop", "notes": "", **EMPTY, "quorum_votes": "2", "quorum_percent": "50"}
    errors = errors_of(client.post(f"{ADMIN}/resourcegroup/add/", values))
    assert errors["quorum_percent"][0] == "A number of regions or a share of them, not both."


@pytest.mark.parametrize("target", ["0", "100", "-1", "99.99999", "much"])
def test_target_that_is_none_is_refused(client: Client, target: str) -> None:
    values = {"name": "Shop", "notes": "", **EMPTY, "uptime_target_percent": target}
    assert list(errors_of(client.post(f"{ADMIN}/resourcegroup/add/", values))) == ["uptime_target_percent"]


def test_group_has_an_uptime_target(client: Client) -> None:
    client.post(
        f"{ADMIN}/resourcegroup/add/", {"name": "Shop", "notes": "", **EMPTY, "uptime_target_percent": "99.95"}
    )
    assert str(ResourceGroup.objects.get().uptime_target_percent) == "99.9500"


def test_terms_of_all_are_one_page(client: Client) -> None:
    GlobalTerms.objects.all().delete()
    address = client.get(f"{ADMIN}/globalterms/")["Location"]
    assert "as Kairos has it: 51 % of the regions with a vote, 2 votes at least" in shown(client, address)
    client.post(address, {**EMPTY, "recoveries": "4", "severity": "warning"})
    terms = GlobalTerms.objects.get()
    assert (terms.recoveries, terms.severity, terms.failures) == (4, "warning", None)
    assert client.get(f"{ADMIN}/globalterms/add/").status_code == 403
    assert client.post(f"{address.replace('change', 'delete')}", {"post": "yes"}).status_code == 403


def test_onlooker_reads_terms_and_changes_none(onlooker: Client) -> None:
    address = onlooker.get(f"{ADMIN}/globalterms/")["Location"]
    shown(onlooker, address)
    assert onlooker.post(address, {**EMPTY, "failures": "9"}).status_code == 403


def test_image_has_terms_of_its_own(client: Client, plane: ControlPlane) -> None:
    image = plane.image(name="the app")
    page = client.get(f"{ADMIN}/resource/{image.pk}/change/")
    initial: dict[str, Any] = page.context["adminform"].form.initial
    values = {name: value for name, value in initial.items() if isinstance(value, (str, int)) and value is not None}
    values |= {"platforms": "linux/amd64", "labels": "", **EMPTY, "quorum_votes": "1"}
    response = client.post(f"{ADMIN}/resource/{image.pk}/change/", values)
    assert response.status_code == 302, errors_of(response)
    image.refresh_from_db()
    assert image.quorum_votes == 1


def test_changes_of_verdicts_are_told_with_their_votes(client: Client, outage: Incident) -> None:
    change = VerdictChange.objects.latest("id")
    listed = shown(client, f"{ADMIN}/verdictchange/")
    assert "2 of 3 fresh regions cannot read the manifest: ghcr.io: tag not found since" in listed
    page = shown(client, f"{ADMIN}/verdictchange/{change.pk}/change/")
    assert page.startswith("the app: degraded → unavailable")
    assert "us-east good" in page
    assert "us-east bad" not in page  # it had not yet reported


def test_page_of_an_image_says_why(client: Client, outage: Incident) -> None:
    page = shown(client, f"{ADMIN}/resource/{outage.resource_id}/change/")
    assert "3 of 3 fresh regions cannot read the manifest: ghcr.io: tag not found since" in page


def test_incident_is_told_from_its_beginning(client: Client, outage: Incident) -> None:
    assert "the app" in shown(client, f"{ADMIN}/incident/?state=open")
    assert "the app" not in shown(client, f"{ADMIN}/incident/?state=resolved")
    page = shown(client, f"{ADMIN}/incident/{outage.pk}/change/")
    assert page.startswith("the app: unavailable")
    assert "opened unavailable" in page
    assert "us-east good → bad tag_not_found" in page


def test_incident_of_a_credential_is_listed_by_the_name_that_people_know(client: Client, outage: Incident) -> None:
    fields = {"level": "degraded", "worst": "degraded", "severity": "critical"}
    times = {"began_at": outage.began_at, "opened_at": outage.opened_at}
    of_login = {"scope_kind": "credential", "scope_name": "17", "scope_label": "robot at ghcr.io/team"}
    incident = Incident.objects.create(**of_login, **fields, **times)
    assert "credential robot at ghcr.io/team" in shown(client, f"{ADMIN}/incident/")
    page = shown(client, f"{ADMIN}/incident/{incident.pk}/change/")
    assert page.startswith("credential robot at ghcr.io/team: degraded")


def test_incidents_are_narrowed(client: Client, outage: Incident) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    Resource.objects.filter(incidents=outage).update(group=group)
    for query in ("level__exact=unavailable", f"resource__group__id__exact={group.pk}", "severity__exact=critical"):
        assert "the app" in shown(client, f"{ADMIN}/incident/?{query}"), query
    assert "the app" not in shown(client, f"{ADMIN}/incident/?level__exact=degraded")


def test_incident_is_acknowledged_and_commented(client: Client, outage: Incident) -> None:
    note = f"{ADMIN}/incident/{outage.pk}/note/"
    response = client.post(note, {"order": "acknowledge", "text": "I am at it.\0"})
    assert messages_of(response) == ["Acknowledged."]
    again = client.post(note, {"order": "acknowledge"})
    assert messages_of(again)[-1] == "It is over, or somebody is at it already."
    client.post(note, {"order": "comment", "text": "<b>A disk</b>"})
    response = client.get(f"{ADMIN}/incident/{outage.pk}/change/")
    page = text_of(response)
    assert "admin acknowledged" in page
    assert "admin comment I am at it." in page
    assert "<b>A disk" not in response.content.decode()
    assert ">Acknowledge<" not in response.content.decode()


def test_onlooker_reads_incidents_and_notes_nothing(onlooker: Client, outage: Incident) -> None:
    page = onlooker.get(f"{ADMIN}/incident/{outage.pk}/change/")
    assert "Add the comment" not in page.content.decode()
    assert onlooker.post(f"{ADMIN}/incident/{outage.pk}/note/", {"text": "x"}).status_code == 403


def test_note_is_a_post_of_an_incident_that_is_there(client: Client, outage: Incident) -> None:
    assert client.get(f"{ADMIN}/incident/{outage.pk}/note/").status_code == 405
    assert client.post(f"{ADMIN}/incident/{outage.pk + 1}/note/", {"text": "x"}).status_code == 404
