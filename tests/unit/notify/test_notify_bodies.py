"""What receivers get of a notice: JSON, an alert, an e-mail."""

import hashlib
import hmac
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from probes.notify import alertmanager, mail, webhook
from probes.policy.delivery import ChannelKind, Destination, Parcel
from probes.policy.notices import Announcement, Topic
from probes.policy.terms import Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGE = Path(__file__).parents[3] / "docs/reference/webhook.md"

INCIDENT: dict[str, Any] = {
    "id": 12,
    "level": "unavailable",
    "worst": "unavailable",
    "began_at": "2026-03-01T11:58:00.000Z",
    "opened_at": "2026-03-01T12:00:00.000Z",
    "resolved_at": None,
    "cause": None,
    "scope": None,
    "extent": 0,
}
RESOURCE = {
    "id": 7,
    "name": "the app",
    "kind": "image",
    "reference": "ghcr.io/org/app:1",
    "registry": "ghcr.io",
    "group": "payments",
    "labels": {"team": "payments"},
}
OPENED = Announcement(
    topic=Topic.INCIDENT_OPENED,
    key="incident-12/opened",
    at=NOW,
    severity=Severity.CRITICAL,
    title="the app <1> is unavailable",
    text="3 of 3 regions fail: tag_not_found.",
    resource_id=7,
    registry_id=2,
    incident_id=12,
    facts={"incident": INCIDENT, "resource": RESOURCE},
)
RESOLVED = replace(
    OPENED,
    topic=Topic.INCIDENT_RESOLVED,
    key="incident-12/resolved",
    facts={"incident": INCIDENT | {"resolved_at": "2026-03-01T12:09:00.000Z"}, "resource": RESOURCE},
)
SCOPE = replace(
    OPENED,
    resource_id=None,
    facts={
        "incident": INCIDENT | {"scope": {"kind": "registry", "name": "ghcr.io"}, "extent": 400},
        "resource": None,
    },
)
SILENT = Announcement(
    topic=Topic.REGION_CONDITION,
    key="region-event-3",
    at=NOW,
    severity=Severity.CRITICAL,
    title="region Europe West is silent",
    region_id=1,
    facts={"region": "eu-west", "worker": None, "before": "active", "after": "silent", "is_over": False},
)
BACK = replace(SILENT, key="region-event-4", facts={**SILENT.facts, "is_over": True})
MOVED = replace(SILENT, topic=Topic.TAG_MOVED, key="event/tag/7", facts={"before": "sha256:aa", "region": ""})
TEST = replace(SILENT, topic=Topic.TEST, key="test/1", facts={})
MAIL = Destination(
    id=1,
    kind=ChannelKind.EMAIL,
    url="smtp://mail.example",
    sender="kairos@example.com",
    recipients=("oncall@example.com", "lead@example.com"),
)


def parcel(told: Announcement) -> Parcel:
    return Parcel(id=5, uid="0b6f0b7a-6c1e-4f6f-9c93-000000000001", attempt=1, made_at=NOW, announcement=told)


def alert(told: Announcement) -> dict[str, Any]:
    return alertmanager.alert_of(parcel(told), now=NOW + 5 * MINUTE)


@pytest.mark.parametrize("told", [OPENED, RESOLVED, SCOPE, SILENT, MOVED, TEST])
def test_body_of_a_webhook_is_what_its_page_says(told: Announcement) -> None:
    schema = json.loads(re.search(r"```json schema\n(.+?)```", PAGE.read_text(), re.DOTALL)[1])  # type: ignore[index]  # it is there
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(webhook.body_of(parcel(told))))


def test_example_of_the_page_is_a_body() -> None:
    page = PAGE.read_text()
    schema = json.loads(re.search(r"```json schema\n(.+?)```", page, re.DOTALL)[1])  # type: ignore[index]  # likewise
    example = json.loads(re.search(r"```json\n(.+?)```", page, re.DOTALL)[1])  # type: ignore[index]  # likewise
    Draft202012Validator(schema).validate(example)


def test_body_is_the_same_at_each_attempt() -> None:
    assert webhook.body_of(parcel(OPENED)) == webhook.body_of(replace(parcel(OPENED), attempt=7))


def test_body_is_signed_with_its_time() -> None:
    body = webhook.body_of(parcel(OPENED))
    signature = webhook.signature_of(body, "the key", NOW)
    time, _, digest = signature.partition(",v1=")
    assert time == f"t={int(NOW.timestamp())}"
    assert digest == hmac.new(b"the key", time[2:].encode() + b"." + body, hashlib.sha256).hexdigest()


def test_alert_of_an_incident_stands_from_its_beginning_while_it_is_told_again() -> None:
    found = alert(OPENED)
    assert found["labels"] == {
        "alertname": "KairosIncident",
        "severity": "critical",
        "incident": "12",
        "resource": "the app",
        "kind": "image",
        "registry": "ghcr.io",
        "group": "payments",
    }
    assert found["startsAt"] == "2026-03-01T11:58:00.000Z"
    assert found["endsAt"] == "2026-03-01T12:15:00.000Z"
    assert found["annotations"]["summary"] == OPENED.title


def test_alert_that_is_over_has_its_end_and_the_same_labels() -> None:
    assert alert(RESOLVED)["labels"] == alert(OPENED)["labels"]
    assert alert(RESOLVED)["endsAt"] == "2026-03-01T12:09:00.000Z"


def test_alert_of_a_scope_names_it() -> None:
    assert alert(SCOPE)["labels"] == {
        "alertname": "KairosIncident",
        "severity": "critical",
        "incident": "12",
        "scope": "registry",
        "registry": "ghcr.io",
    }


@pytest.mark.parametrize(
    ("told", "name", "ends_at"),
    [
        (SILENT, "KairosRegionCondition", "2026-03-01T13:00:00.000Z"),
        (BACK, "KairosRegionCondition", "2026-03-01T12:00:00.000Z"),
        (MOVED, "KairosTagMoved", "2026-03-01T13:00:00.000Z"),
        (TEST, "KairosTest", "2026-03-01T12:05:00.000Z"),
    ],
)
def test_alert_of_what_happened_at_a_moment_stands_for_a_while(told: Announcement, name: str, ends_at: str) -> None:
    found = alert(told)
    assert (found["labels"]["alertname"], found["endsAt"]) == (name, ends_at)


def test_alert_of_an_event_that_comes_late_is_not_over_before_it_arrives() -> None:
    late = alertmanager.alert_of(parcel(MOVED), now=NOW + 90 * MINUTE)
    assert late["endsAt"] == "2026-03-01T13:40:00.000Z"


def test_region_that_is_back_is_the_end_of_the_same_alert() -> None:
    assert alert(BACK)["labels"] == alert(SILENT)["labels"]


def test_worker_of_a_region_has_an_alert_of_its_own() -> None:
    worker = replace(SILENT, facts={**SILENT.facts, "worker": "a-worker"})
    assert alert(worker)["labels"]["worker"] == "a-worker"


def test_e_mail_says_it_as_text_and_as_html() -> None:
    message = mail.message_of(parcel(OPENED), MAIL)
    assert message["Subject"] == "[critical] the app <1> is unavailable"
    assert message["To"] == "oncall@example.com, lead@example.com"
    text, page = (part.get_content() for part in message.iter_parts())
    assert text.startswith("the app <1> is unavailable\n\n3 of 3 regions fail: tag_not_found.\n")
    assert "Registry: ghcr.io\n" in text
    assert "<h2>the app &lt;1&gt; is unavailable</h2>" in page


def test_e_mail_has_the_same_id_at_each_attempt_and_an_incident_is_one_conversation() -> None:
    first, again = (mail.message_of(item, MAIL) for item in (parcel(OPENED), replace(parcel(OPENED), attempt=2)))
    assert first["Message-ID"] == again["Message-ID"] == f"<{parcel(OPENED).uid}@example.com>"
    assert first["References"] == mail.message_of(parcel(RESOLVED), MAIL)["References"]
    assert mail.message_of(parcel(MOVED), MAIL)["References"] is None


def test_e_mail_of_an_event_tells_its_facts() -> None:
    text, _ = mail.message_of(parcel(MOVED), MAIL).iter_parts()
    assert "Before: sha256:aa" in text.get_content()
