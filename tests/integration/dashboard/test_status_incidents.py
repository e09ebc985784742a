"""What a status page tells of incidents: together or one by one, and no more of them than was chosen."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from dashboard.status import reading
from probes.models import (
    Incident,
    Resource,
    ResourceGroup,
    StatusGroup,
    StatusPage,
)
from probes.policy.rollup import HOUR
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.public import shown

pytestmark = pytest.mark.django_db


def test_what_else_is_told_of_incidents_was_chosen(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    plane.hear_all(behind=timedelta(minutes=4))
    image = plane.image(group=group)
    plane.check(image)
    plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    facts = {"shows_reasons": "what is pulled is not there", "shows_hosts": "ghcr.io", "shows_regions": "eu-west"}
    assert not [text for text in facts.values() if text in shown(client).html]
    for chosen, text in facts.items():
        StatusPage.objects.update(**{name: name == chosen for name in facts})
        html = shown(client).html
        assert [other for other in facts.values() if other in html] == [text]


def test_outage_of_many_is_one_incident_of_each_group(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    now = datetime.now(UTC)
    known = {"level": "unavailable", "worst": "unavailable", "severity": "critical"}
    times = {"began_at": now - HOUR, "opened_at": now - HOUR}
    outage = Incident.objects.create(scope_kind="registry", scope_name="ghcr.io", **known, **times)
    for number in range(40):
        image = Resource.objects.create(
            reference=f"ghcr.io/org/app:{number}", tag=str(number), registry=plane.image().registry, group=group
        )
        Incident.objects.create(resource=image, parent=outage, **known, **times)
    headings = [heading.text for heading in shown(client).all("h3")]
    assert headings == ["Unavailable: Payments", "Payments"]
    # By references all are told of, and how many; by names it is not told how many have none.
    for naming, title in (("references", "Payments, 40 images"), ("names", "Payments")):
        StatusGroup.objects.update(naming=naming)
        summary = json.loads(client.get("/status/registry-status/summary.json").content)
        assert [item["title"] for item in summary["incidents"]] == [title]


def test_what_is_over_is_told_however_much_is_going_on(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, registry = datetime.now(UTC), plane.image().registry
    StatusGroup.objects.update(naming="references")
    for number in range(35):
        image = Resource.objects.create(
            reference=f"ghcr.io/org/app:{number}", tag=str(number), registry=registry, group=group
        )
        over = {"resolved_at": now - HOUR, "cause": "recovered"} if number == 0 else {}
        began = now - {0: 2 * HOUR, 1: 3 * HOUR}.get(number, HOUR / 2)
        Incident.objects.create(
            resource=image,
            level="degraded",
            worst="degraded",
            severity="info",
            began_at=began,
            opened_at=began,
            **over,
        )
    told = json.loads(client.get("/status/registry-status/summary.json").content)["incidents"]
    assert [item["title"] for item in told if item["resolved_at"]] == ["Payments, ghcr.io/org/app:0"]
    assert "No incident that is over." not in shown(client).html
    monkeypatch.setattr(reading, "MOST_OF_MONTH", 30)
    month = "/status/registry-status/history/?month={:%Y-%m}"
    assert "There was more than is listed" in shown(client, month.format(now - HOUR / 2)).html
    # Told of together, it began with the first of all of them.
    StatusGroup.objects.update(naming="together")
    (told,) = json.loads(client.get("/status/registry-status/summary.json").content)["incidents"]
    assert told["began_at"].startswith(f"{now - 3 * HOUR:%Y-%m-%dT%H:%M}")
    feed = client.get("/status/registry-status/feed.atom").content.decode()
    assert feed.count("<entry>") == feed.count(told["id"].removeprefix("urn:uuid:")) // 2 == 1, (
        "another id than before"
    )
    (heading,) = (found := shown(client, month.format(now - 3 * HOUR))).all("h3")
    assert heading.text == "Degraded: Payments"
    assert f'datetime="{now - 3 * HOUR:%Y-%m-%dT%H:%M}' in found.html
    assert "There was more than is listed" not in found.html


def test_group_that_is_told_of_together_does_not_tell_how_many_of_it_fail(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    """Three that fail by themselves at the same time are one incident to others, which begins with the first."""
    now = datetime.now(UTC)
    page.shows_reasons = True
    page.save()
    known = {"level": "unavailable", "worst": "unavailable", "severity": "critical"}
    # From so many hours ago to so many, each for a reason of its own.
    spans = ((9, 7, "tag_not_found"), (8, None, "no_service"), (3, 2, "layer_missing"), (12, 11, "tls_expired"))
    for number, (began, over, failure) in enumerate(spans):
        image = plane.image(f"ghcr.io/org/app:{number}", group=group)
        times = {"began_at": now - began * HOUR, "opened_at": now - began * HOUR}
        resolved = {"resolved_at": now - over * HOUR, "cause": "recovered"} if over else {}
        Incident.objects.create(resource=image, failure=failure, **known, **times, **resolved)
    told = json.loads(client.get("/status/registry-status/summary.json").content)["incidents"]
    assert [item["resolved_at"] is None for item in told] == [True, False]
    assert told[0]["facts"] == {
        "Reason": "parts of what is pulled are missing, the server does not answer as it should, "
        "what is pulled is not there"
    }
    assert told[0]["began_at"].startswith(f"{now - 9 * HOUR:%Y-%m-%dT%H:%M}")
    feed = client.get("/status/registry-status/feed.atom").content.decode()
    assert feed.count("<entry>") == 2
    # Where images are told of each, each is told; by names those that have one, and the others together.
    Resource.objects.filter(tag__in="03").update(name="Web shop")
    for naming, titles in (
        ("references", {"Payments, Web shop": 2, "Payments, ghcr.io/org/app:1": 1, "Payments, ghcr.io/org/app:2": 1}),
        ("names", {"Payments, Web shop": 2, "Payments": 1}),
    ):
        StatusGroup.objects.update(naming=naming)
        summary = json.loads(client.get("/status/registry-status/summary.json").content)
        assert Counter(item["title"] for item in summary["incidents"]) == titles
