"""What somebody wants to hear of, and what he is told. PURE."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

from probes.policy.access import Reach
from probes.policy.changes import ALL, Change

MOST_TOPICS: Final = 60
"""So many a page may ask for."""

MOST_TOLD: Final = 250
"""Of more at once it is told that everything changed: it reads itself again as a whole."""

_TOPIC: Final = re.compile(r"[a-z]{1,20}(?::[A-Za-z0-9._:\[\]*-]{1,260})?")
_EVERY: Final = ":*"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Topics, and how far it may reach who asked for them. `kinds` are those of which all are asked for."""

    reach: Reach
    topics: frozenset[str]
    kinds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, reach: Reach) -> Self:
        """Read topics, apart by spaces. `resource:*` is every resource within reach; one has its checks with it.

        Raises ValueError where there are none, too many, or what is none.
        """
        asked = set(text.split())
        if not asked or len(asked) > MOST_TOPICS or not all(map(_TOPIC.fullmatch, asked)):
            raise ValueError("topics are words such as incidents and resource:12")
        named = {topic for topic in asked if not topic.endswith(_EVERY)}
        checked = {f"checked:{topic.partition(':')[2]}" for topic in named if topic.startswith("resource:")}
        return cls(
            reach,
            frozenset(named | checked | {ALL}),
            frozenset(topic.removesuffix("*") for topic in asked if topic.endswith(_EVERY)),
        )

    def of_these(self, heard: Collection[str]) -> list[str]:
        """Return those of the topics that are asked for, in order."""
        found = self.topics.intersection(heard)
        if self.kinds:
            found |= {topic for topic in heard if topic[: topic.find(":") + 1] in self.kinds}
        return [ALL] if ALL in found or len(found) > MOST_TOLD else sorted(found)


def heard(changes: Iterable[Change], reach: Reach) -> frozenset[str]:
    """Return the topics of the changes within reach."""
    return frozenset().union(*(change.topics for change in changes if change.is_within(reach)))


def event(name: str, data: str, position: str) -> bytes:
    """Return an event as a stream has it. Neither part has a line's end in it: topics are words."""
    return f"id: {position}\nevent: {name}\ndata: {data}\n\n".encode()


def framed(part: bytes, *, chunked: bool) -> bytes:
    """Return a part of a body as HTTP/1.1 frames it; that of HTTP/1.0 goes as it is."""
    return b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
