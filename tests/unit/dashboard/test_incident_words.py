"""Incidents in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.incident_words import Story, line, story, wrong_now
from dashboard.words import Look
from probes.models import Incident, IncidentEntry, Registry, Resource
from probes.policy.incidents import Cause, EntryKind
from probes.policy.scopes import Kind
from probes.policy.verdict import Presence
from probes.selectors.incidents import OpenIncidents, Timeline

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=40)


def incident(**values: Any) -> Incident:
    fields = {
        "id": 7,
        "resource": Resource(name="the app", registry=Registry(host="ghcr.io")),
        "level": "unavailable",
        "worst": "unavailable",
        "severity": "critical",
        "began_at": BEGAN,
        "opened_at": BEGAN + timedelta(minutes=2),
        "explanation": "2 of 3 fresh regions cannot read a layer: blobs.example: layer missing since 13:50 UTC",
        **values,
    }
    return Incident(**fields)


KEPT_SINCE = NOW - timedelta(days=90)


def tell(shown: Incident, *entries: IncidentEntry) -> Story:
    return story(shown, Timeline(entries, has_earlier=False), (), NOW, kept_since=KEPT_SINCE)


def told(**values: Any) -> Any:
    (found,) = tell(incident(), IncidentEntry(at=NOW, **{"kind": EntryKind.REGION.value, **values})).entries
    return found


def test_open_incident_looks_like_its_level() -> None:
    found = line(incident(), NOW)
    assert (found.look, found.label, found.name) == (Look.UNAVAILABLE, "Unavailable", "the app")
    assert found.sentence == "2 of 3 fresh regions cannot read a layer: blobs.example: layer missing."
    later = line(incident(explanation="1 of 3 fresh regions fail since 27 Nov 14:10 UTC; 1 is well"), NOW)
    assert later.sentence == "1 of 3 fresh regions fail since 27 Nov 14:10 UTC; 1 is well.", "not when it began"
    for day, said in (
        ("23 Nov", "1 of 3 fresh regions fail."),
        ("22 Nov", "1 of 3 fresh regions fail since 22 Nov 13:50 UTC."),
    ):
        assert line(incident(explanation=f"1 of 3 fresh regions fail since {day} 13:50 UTC"), NOW).sentence == said
    assert line(incident(explanation="1 of 3 fresh regions fail: policy…"), NOW).sentence.endswith(": policy…")
    assert found.since.replace("\N{NO-BREAK SPACE}", " ") == "since 13:50 (40 min)"
    assert (found.tags, found.seen_to) == ([], "")


@pytest.mark.parametrize(
    ("cause", "look"),
    [(Cause.RECOVERED, Look.AVAILABLE), (Cause.PAUSED, Look.PAUSED), (Cause.REPLACED, Look.UNCHECKED)],
)
def test_incident_that_is_over_looks_like_its_end(cause: Cause, look: Look) -> None:
    found = line(incident(resolved_at=NOW, cause=cause.value), NOW)
    assert (found.look, found.label) == (look, "Resolved")
    assert found.sentence.startswith("Last told: 2 of 3 fresh regions"), "what holds no more is not told as if it did"
    assert found.since.replace("\N{NO-BREAK SPACE}", " ") == "13:50 to 14:30 (40 min)"


def test_what_is_notable_is_tagged() -> None:
    assert line(incident(severity="warning", is_flapping=True), NOW).tags == ["warning", "flapping"]


@pytest.mark.parametrize("kind", Kind)
def test_scope_is_named_with_what_it_is(kind: Kind) -> None:
    found = line(incident(resource=None, scope_kind=kind.value, scope_name="ghcr.io", extent=12), NOW)
    assert found.name == "ghcr.io"
    assert found.kind.replace("login", "auth").replace(" ", "_") == kind.value
    assert found.tags == ["12 incidents explained"]


def test_worst_is_shown_where_it_was_worse() -> None:
    facts = dict(tell(incident(level="degraded")).facts)
    assert facts["Worst"] == "unavailable"


def test_more_than_is_shown_is_counted() -> None:
    assert wrong_now(OpenIncidents([incident()], 1), NOW).others == ""
    assert wrong_now(OpenIncidents([incident()], 2), NOW).others == "1 more incident is open"
    assert wrong_now(OpenIncidents([incident()], 13), NOW).others == "12 more incidents are open"
    assert wrong_now(OpenIncidents([], 0), NOW).lines == []


def test_outage_that_fails_by_something_else_is_as_bad_as_before() -> None:
    found = told(kind=EntryKind.TURNED.value, text="tag_not_found")
    assert (found.look, found.said) == (None, "Fails by something else now: tag not found.")


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_of_entry_is_said(kind: EntryKind) -> None:
    after = "unavailable" if kind in {EntryKind.OPENED, EntryKind.TURNED, EntryKind.DEPTH} else ""
    found = told(kind=kind.value, after=after, text="recovered" if kind is EntryKind.RESOLVED else "why")
    assert found.said or found.quote
    assert "_" not in found.said


@pytest.mark.parametrize(
    ("after", "reason", "look", "said"),
    [
        ("bad", "tag_not_found", Look.UNAVAILABLE, "bad: tag not found"),
        ("good", "", Look.AVAILABLE, "good"),
        ("impaired", "endpoint_slow", Look.DEGRADED, "impaired: slower than it may be"),
        ("unproved", "", Look.UNCHECKED, "nothing proved"),
        ("indeterminate", "rate_limited", Look.INDETERMINATE, "has no vote: its check could not tell"),
        ("", "", Look.UNKNOWN, "checks it no longer"),
        ("of_tomorrow", "", Look.UNKNOWN, "has no vote: of tomorrow"),
    ],
)
def test_turn_of_a_region_looks_like_what_it_says_now(after: str, reason: str, look: Look, said: str) -> None:
    found = told(region="us-east", before="good", after=after, text=reason)
    assert (found.who, found.look, found.said) == ("us-east", look, said)


@pytest.mark.parametrize("presence", [item for item in Presence if item is not Presence.PRESENT])
def test_every_absence_is_said(presence: Presence) -> None:
    assert told(region="us-east", after=presence.value).said.startswith("has no vote: ")


def test_what_a_person_wrote_is_quoted_and_somebody_is_gone() -> None:
    found = told(kind=EntryKind.COMMENT.value, text="A disk.\nOr two.")
    assert (found.who, found.said, found.quote) == ("somebody", "", "A disk.\nOr two.")


def test_one_that_is_over_or_seen_to_is_not_acknowledged_again() -> None:
    for values, may in (({}, True), ({"acknowledged_at": NOW}, False), ({"resolved_at": NOW}, False)):
        assert tell(incident(**values)).may_acknowledge is may


@pytest.mark.parametrize(
    ("after", "slot", "leads"),
    [
        ("bad", NOW, True),
        ("indeterminate", NOW, True),
        ("bad", KEPT_SINCE - timedelta(seconds=1), False),
        ("good", NOW, False),
        ("silent", None, False),
    ],
)
def test_failure_leads_to_its_outcome_as_long_as_that_is_kept(
    after: str, slot: datetime | None, *, leads: bool
) -> None:
    found = told(region="us-east", after=after, text="layer_missing", slot=slot)
    assert found.outcome == ("from=us-east&slot=2026-11-23T14%3A30%3A00.000Z" if leads else "")


@pytest.mark.parametrize(
    ("after", "reason", "look", "said"),
    [
        ("available", "ok", Look.AVAILABLE, "looked at config and layers: they are all there"),
        ("unavailable", "layer_missing", Look.UNAVAILABLE, "looked at config and layers: layer missing"),
        ("degraded", "blob_denied", Look.DEGRADED, "looked at config and layers: layers denied"),
    ],
)
def test_check_of_layers_is_told_with_what_it_found(after: str, reason: str, look: Look, said: str) -> None:
    found = told(kind=EntryKind.DEPTH.value, region="us-east", after=after, text=reason, slot=NOW)
    assert (found.who, found.look, found.said, bool(found.outcome)) == ("us-east", look, said, look != "available")


def test_credential_is_called_what_people_call_it() -> None:
    of_one = {"resource": None, "scope_kind": "credential", "scope_name": "17"}
    called = incident(**of_one, scope_label="robot at ghcr.io/team")
    assert (line(called, NOW).name, called.subject) == ("robot at ghcr.io/team", "credential robot at ghcr.io/team")
    assert str(called).startswith("robot at ghcr.io/team unavailable")
    assert incident(**of_one).subject == "credential 17"


def test_day_is_said_once_where_it_was_over_on_the_same() -> None:
    days = timedelta(days=1)
    began = NOW - 3 * days
    same = line(incident(began_at=began, resolved_at=began + timedelta(minutes=5), cause="recovered"), NOW).since
    other = line(incident(began_at=began, resolved_at=began + days, cause="recovered"), NOW).since
    assert same.replace("\N{NO-BREAK SPACE}", " ").endswith("14:30 to 14:35 (5 min)")
    assert other.count(f"{began:%b}") == 2
