"""Who is told of what, and what is better left unsaid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.notices import (
    ASKED_FOR,
    HOLD,
    NOBODY_KNOWS,
    OVERTAKEN,
    Announcement,
    Course,
    Earlier,
    NoticeState,
    Rule,
    Send,
    Standing,
    Subject,
    Suppress,
    Topic,
    Wait,
    course,
    judge,
    reminders_due,
)
from probes.policy.terms import Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

OPENED = Announcement(
    topic=Topic.INCIDENT_OPENED,
    key="incident-1/opened",
    at=NOW,
    severity=Severity.WARNING,
    title="ghcr.io/org/app:1 is unavailable",
    text="3 of 3 regions fail.",
    resource_id=7,
    registry_id=2,
    incident_id=1,
    facts={"incident": {"id": 1}},
)
WORSE = replace(OPENED, topic=Topic.INCIDENT_WORSE, key="incident-1/worse/a")
FLAPPING = replace(OPENED, topic=Topic.INCIDENT_FLAPPING, key="incident-1/flapping/a")
RESOLVED = replace(OPENED, topic=Topic.INCIDENT_RESOLVED, key="incident-1/resolved")
MOVED = replace(OPENED, topic=Topic.TAG_MOVED, key="event/tag", incident_id=None)

APP = Subject(group=3, registry=2, labels={"team": "payments", "tier": "1"})
OTHER = Subject(group=4, registry=5)

HELD = Earlier(
    id=10, key=OPENED.key, topic=Topic.INCIDENT_OPENED, state=NoticeState.PENDING, due_at=NOW + 20 * SECOND
)
SENT = replace(HELD, state=NoticeState.SENT, due_at=NOW - HOLD, attempts=1)
OVERDUE = replace(HELD, due_at=NOW)  # the channel cannot be reached, or nobody has looked yet
ON_ITS_WAY = replace(HELD, attempts=1)
UNSAID = replace(HELD, state=NoticeState.SUPPRESSED)
GIVEN_UP = replace(HELD, state=NoticeState.FAILED, attempts=9)


def test_announcement_survives_the_outbox() -> None:
    assert Announcement.from_json(OPENED.to_json()) == OPENED
    assert Announcement.from_json(MOVED.to_json()) == MOVED


def test_topics_of_incidents_are_known() -> None:
    assert [topic for topic in Topic if topic.is_of_incident] == list(Topic)[:5]


def test_rules_choose_among_all_topics_but_tests() -> None:
    assert set(Topic) - set(ASKED_FOR) == {Topic.TEST}


@pytest.mark.parametrize(
    ("rule", "subjects", "wanted"),
    [
        (Rule(), [APP], True),
        (Rule(), [], True),
        (Rule(topics=frozenset({Topic.INCIDENT_OPENED, Topic.EXPIRY})), [APP], True),
        (Rule(topics=frozenset({Topic.EXPIRY})), [APP], False),
        (Rule(severity=Severity.WARNING), [APP], True),
        (Rule(severity=Severity.CRITICAL), [APP], False),
        (Rule(groups=frozenset({3})), [APP], True),
        (Rule(groups=frozenset({4})), [APP], False),
        (Rule(groups=frozenset({4})), [APP, OTHER], True),
        (Rule(groups=frozenset({3})), [], False),
        (Rule(registries=frozenset({2, 9})), [APP], True),
        (Rule(registries=frozenset({5})), [APP], False),
        (Rule(groups=frozenset({3}), registries=frozenset({5})), [APP, OTHER], False),
        (Rule(labels={"team": "payments"}), [APP], True),
        (Rule(labels={"team": "payments", "tier": "2"}), [APP], False),
        (Rule(labels={"team": ""}), [APP], True),
        (Rule(labels={"owner": ""}), [APP], False),
    ],
)
def test_rule_wants_what_it_asks_for(rule: Rule, subjects: list[Subject], wanted: bool) -> None:  # noqa: FBT001 - a table
    assert rule.wants(OPENED, subjects) is wanted


@pytest.mark.parametrize(
    ("announcement", "earlier", "expected"),
    [
        (OPENED, [], Course(due_at=NOW + HOLD)),
        (OPENED, [SENT], None),
        (OPENED, [HELD], None),
        (OPENED, [GIVEN_UP], None),
        (OPENED, [UNSAID], Course(due_at=NOW + HOLD, again=10)),
        (WORSE, [HELD], Course(replace=10)),
        (WORSE, [SENT], Course(due_at=NOW)),
        (WORSE, [ON_ITS_WAY], Course(due_at=NOW)),
        (WORSE, [], Course(due_at=NOW + HOLD)),
        (WORSE, [UNSAID], Course(due_at=NOW + HOLD)),
        (FLAPPING, [], Course(due_at=NOW + HOLD)),
        (FLAPPING, [SENT], Course(due_at=NOW)),
        (FLAPPING, [HELD], Course(due_at=HELD.due_at, withdraw=(10,), because="told as flapping instead")),
        (RESOLVED, [SENT], Course(due_at=NOW, because=NOBODY_KNOWS)),
        (RESOLVED, [OVERDUE], Course(due_at=NOW, because=NOBODY_KNOWS)),
        (RESOLVED, [ON_ITS_WAY], Course(due_at=NOW, because=NOBODY_KNOWS)),
        (RESOLVED, [HELD], Course(because=NOBODY_KNOWS, withdraw=(10,))),
        (RESOLVED, [UNSAID], Course(because=NOBODY_KNOWS)),
        (RESOLVED, [GIVEN_UP], Course(because=NOBODY_KNOWS)),
        (MOVED, [], Course(due_at=NOW)),
    ],
    ids=[
        "opened is held",
        "opened once",
        "opened once, though held",
        "opened once, though given up",
        "a child that stands alone is told now",
        "worse by the time it is told",
        "worse",
        "worse, while it is being told",
        "worse is all that the channel wants",
        "worse, of a child",
        "flapping from the beginning",
        "flapping",
        "flapping in place of opened",
        "over",
        "over, and the channel is down",
        "over, while it is being told",
        "over before anybody was told",
        "over, of a child",
        "over, and it was never delivered",
        "an event",
    ],
)
def test_announcement_takes_its_course(
    announcement: Announcement, earlier: list[Earlier], expected: Course | None
) -> None:
    assert course(announcement, earlier, now=NOW) == expected


@pytest.mark.parametrize(
    ("topic", "standing", "verdict"),
    [
        (Topic.INCIDENT_OPENED, Standing(), Send()),
        (Topic.INCIDENT_OPENED, Standing(parent="registry ghcr.io"), Suppress("explained by: registry ghcr.io")),
        (Topic.INCIDENT_FLAPPING, Standing(parent="registry ghcr.io"), Suppress("explained by: registry ghcr.io")),
        (Topic.INCIDENT_RESOLVED, Standing(parent="registry ghcr.io", is_open=False), Send()),
        (Topic.INCIDENT_RESOLVED, Standing(is_open=False, is_known=False), Suppress(NOBODY_KNOWS)),
        (Topic.TAG_MOVED, Standing(parent="registry ghcr.io"), Send()),
        (Topic.INCIDENT_OPENED, Standing(maintenance_until=NOW), Wait(NOW)),
        (Topic.INCIDENT_RESOLVED, Standing(maintenance_until=NOW), Wait(NOW)),
        (Topic.TAG_MOVED, Standing(maintenance_until=NOW), Wait(NOW)),
        (Topic.REGION_CONDITION, Standing(maintenance_until=NOW, is_overtaken=True), Wait(NOW)),
        (Topic.REGION_CONDITION, Standing(is_overtaken=True), Suppress(OVERTAKEN)),
        (Topic.TEST, Standing(maintenance_until=NOW), Send()),
        (Topic.INCIDENT_REMINDER, Standing(), Send()),
        (Topic.INCIDENT_REMINDER, Standing(is_open=False), Suppress("over by then")),
        (Topic.INCIDENT_REMINDER, Standing(is_acknowledged=True), Suppress("somebody is at it")),
        (Topic.INCIDENT_REMINDER, Standing(is_flapping=True), Suppress("it flaps")),
        (Topic.INCIDENT_REMINDER, Standing(maintenance_until=NOW), Suppress("in maintenance")),
        (Topic.INCIDENT_OPENED, Standing(is_open=False), Send()),
    ],
)
def test_notice_that_is_due_is_judged_as_things_stand(
    topic: Topic, standing: Standing, verdict: Send | Wait | Suppress
) -> None:
    assert judge(topic, standing) == verdict


@pytest.mark.parametrize(
    ("passed", "count"),
    [(-MINUTE, 0), (0 * MINUTE, 0), (59 * MINUTE, 0), (60 * MINUTE, 1), (150 * MINUTE, 2)],
)
def test_reminders_are_counted_from_when_the_channel_was_told(passed: timedelta, count: int) -> None:
    assert reminders_due(NOW, 60 * MINUTE, now=NOW + passed) == count
