"""Who is told of what, and when: announcements, the rules of channels, and what is better left unsaid.

An announcement is made once, in the transaction of what it tells of, and becomes a notice for each channel that
wants it. That an incident opened is held for a minute first: what its scope explains, what is over by then, and what
turns out to flap is never told. Whoever was told that an incident opened is told that it is over, and nobody else is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from probes.policy.terms import Severity
from probes.protocol.outcome import rfc3339

HOLD: Final = timedelta(seconds=60)
"""How long it is kept back that an incident opened: a scope is found in that time, or it is over."""


class Topic(StrEnum):
    """What an announcement tells. A rule chooses among them."""

    INCIDENT_OPENED = "incident_opened"
    INCIDENT_WORSE = "incident_worse"
    INCIDENT_FLAPPING = "incident_flapping"
    INCIDENT_REMINDER = "incident_reminder"
    INCIDENT_RESOLVED = "incident_resolved"
    REGION_CONDITION = "region_condition"
    TAG_MOVED = "tag_moved"
    IMMUTABLE_TAG_MOVED = "immutable_tag_moved"
    SPLIT_TAG = "split_tag"
    PLATFORM_CHANGED = "platform_changed"
    EXPIRY = "expiry"
    QUOTA = "quota"
    TEST = "test"  # of one channel, by hand: no rule is asked

    @property
    def is_of_incident(self) -> bool:
        return self.value.startswith("incident_")


ASKED_FOR: Final = tuple(topic for topic in Topic if topic is not Topic.TEST)
"""What rules choose among."""

_QUIET_BENEATH_A_PARENT: Final = frozenset(
    {Topic.INCIDENT_OPENED, Topic.INCIDENT_WORSE, Topic.INCIDENT_FLAPPING, Topic.INCIDENT_REMINDER}
)
_SEVERITIES: Final = {severity: rank for rank, severity in enumerate(Severity)}


class NoticeState(StrEnum):
    """What has become of a notice."""

    PENDING = "pending"  # held, due, on its way, or to be tried again
    SENT = "sent"
    FAILED = "failed"  # given up
    SUPPRESSED = "suppressed"  # better left unsaid


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Something that happened and that somebody may want to know.

    `key` names it for ever, such as `incident-12/opened`: no channel is told twice under one key. `title` is a plain
    line, `text` a sentence or more. `facts` is JSON: names and figures for programs.
    """

    topic: Topic
    key: str
    at: datetime
    severity: Severity
    title: str
    text: str = ""
    resource_id: int | None = None
    registry_id: int | None = None
    credential_id: int | None = None
    region_id: int | None = None
    incident_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic.value,
            "key": self.key,
            "at": rfc3339(self.at),
            "severity": self.severity.value,
            "title": self.title,
            "text": self.text,
            "resource_id": self.resource_id,
            "registry_id": self.registry_id,
            "credential_id": self.credential_id,
            "region_id": self.region_id,
            "incident_id": self.incident_id,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises `KeyError` and `ValueError` on anything else."""
        return cls(
            topic=Topic(document["topic"]),
            key=document["key"],
            at=datetime.fromisoformat(document["at"]),
            severity=Severity(document["severity"]),
            title=document["title"],
            text=document["text"],
            resource_id=document["resource_id"],
            registry_id=document["registry_id"],
            credential_id=document["credential_id"],
            region_id=document["region_id"],
            incident_id=document["incident_id"],
            facts=document["facts"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a rule looks at of something that an announcement concerns. A scope's concerns all its resources."""

    group: int | None = None
    registry: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a channel wants to be told. What is empty asks for nothing; the rest must hold together, of one subject.

    `labels` are a resource's: each must be there with that value, or with any where the value is empty.
    """

    topics: frozenset[Topic] = frozenset()
    severity: Severity = Severity.INFO  # this much at least
    groups: frozenset[int] = frozenset()
    registries: frozenset[int] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)

    def covers(self, topic: Topic) -> bool:
        return not self.topics or topic in self.topics

    def wants(self, announcement: Announcement, subjects: Sequence[Subject]) -> bool:
        """Tell whether the channel is to be told. Without subjects only a rule that asks for none is met."""
        if not self.covers(announcement.topic):
            return False
        if _SEVERITIES[announcement.severity] > _SEVERITIES[self.severity]:
            return False
        if not (self.groups or self.registries or self.labels):
            return True
        return any(self._fits(subject) for subject in subjects)

    def _fits(self, subject: Subject) -> bool:
        return (
            (not self.groups or subject.group in self.groups)
            and (not self.registries or subject.registry in self.registries)
            and all(
                name in subject.labels and value in ("", subject.labels[name]) for name, value in self.labels.items()
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A notice of the same incident that the same channel has already. `attempts` counts those to deliver it.

    `id` is whatever the caller knows it by.
    """

    id: int
    key: str
    topic: Topic
    state: NoticeState
    due_at: datetime
    attempts: int = 0

    def is_held(self, now: datetime) -> bool:
        """Tell whether nobody can have received it yet, since it was kept back until now."""
        return self.state is NoticeState.PENDING and self.attempts == 0 and self.due_at > now

    def is_told(self, now: datetime) -> bool:
        """Tell whether it was received, or will be."""
        return self.state is NoticeState.SENT or (self.state is NoticeState.PENDING and not self.is_held(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What becomes of an announcement in one channel.

    It is told at `due_at`; or not at all, `because` of something. `withdraw` are notices that are no longer told, and
    `replace` one that tells this instead of what it did. `again` is one under the same key, which was not told then.
    """

    due_at: datetime | None = None
    because: str = ""
    withdraw: tuple[int, ...] = ()
    replace: int | None = None
    again: int | None = None


NOBODY_KNOWS: Final = "over before anybody was told"
OVERTAKEN: Final = "no longer so by the end of maintenance"
_FLAPS: Final = "told as flapping instead"


def course(announcement: Announcement, earlier: Sequence[Earlier], *, now: datetime) -> Course | None:
    """Return what becomes of an announcement in a channel that wants it; None where it is told there already."""
    same = next((item for item in earlier if item.key == announcement.key), None)
    if same is not None and same.state is not NoticeState.SUPPRESSED:
        return None
    again = same.id if same else None
    held = [item for item in earlier if item.is_held(now)]
    told = any(item.is_told(now) for item in earlier)
    withdraw = tuple(item.id for item in held)
    match announcement.topic:
        case Topic.INCIDENT_OPENED:
            return Course(due_at=now + HOLD, again=again)
        case Topic.INCIDENT_WORSE if held:
            return Course(replace=held[0].id)
        case Topic.INCIDENT_FLAPPING if held:
            return Course(due_at=min(item.due_at for item in held), withdraw=withdraw, because=_FLAPS, again=again)
        case Topic.INCIDENT_WORSE | Topic.INCIDENT_FLAPPING if not told:
            return Course(due_at=now + HOLD, again=again)
        case Topic.INCIDENT_RESOLVED if not told:
            return Course(because=NOBODY_KNOWS, withdraw=withdraw, again=again)
        case Topic.INCIDENT_RESOLVED:
            return Course(due_at=now, because=NOBODY_KNOWS, withdraw=withdraw, again=again)
    return Course(due_at=now, again=again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand when a notice is due, with what it tells of."""

    parent: str = ""  # the title of the open incident that explains this one
    is_known: bool = True  # the channel was told something of the incident
    is_open: bool = True
    is_flapping: bool = False
    is_acknowledged: bool = False
    is_overtaken: bool = False  # it was kept back in maintenance, and is not worth telling after it
    maintenance_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Tell it now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is told before then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Suppress:
    """Do not tell it, because of something."""

    because: str


def judge(topic: Topic, standing: Standing) -> Send | Wait | Suppress:
    """Return whether a notice that is due is told, as things stand now."""
    if topic is Topic.TEST:
        return Send()
    if standing.parent and topic in _QUIET_BENEATH_A_PARENT:
        return Suppress(f"explained by: {standing.parent}")
    if topic is Topic.INCIDENT_REMINDER:
        return _judge_reminder(standing)
    if topic is Topic.INCIDENT_RESOLVED and not standing.is_known:
        return Suppress(NOBODY_KNOWS)
    if standing.maintenance_until is not None:
        return Wait(standing.maintenance_until)
    return Suppress(OVERTAKEN) if standing.is_overtaken else Send()


def _judge_reminder(standing: Standing) -> Send | Suppress:
    if not standing.is_open:
        return Suppress("over by then")
    if standing.is_acknowledged:
        return Suppress("somebody is at it")
    if standing.is_flapping:
        return Suppress("it flaps")
    if standing.maintenance_until is not None:
        return Suppress("in maintenance")
    return Send()


def reminders_due(told_at: datetime, every: timedelta, *, now: datetime) -> int:
    """Return how many reminders were due by now, of an incident that a channel was told of at `told_at`.

    After a long stop only the last of them is worth sending.
    """
    return max(0, (now - told_at) // every)
