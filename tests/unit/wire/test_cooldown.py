"""How long a host that throttled us is left alone, by a clock that the test turns."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Headers, Method, Reply
from probes.protocol.taxonomy import Stage
from probes.protocol.urls import Origin
from probes.wire.cooldown import CoolDowns, Identity

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPENT = (
    b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit. You may increase the '
    b'limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"}]}'
)
HUB = Identity(Origin("https", "registry.example", 443), "by itself", "alice")


def ask(method: Method = "HEAD", stage: Stage = Stage.MANIFEST) -> Ask:
    return Ask(id=7, method=method, url="https://registry.example/v2/", stage=stage)


class Clock:
    """Asks at a second since noon and is answered in the same moment."""

    def __init__(self, capacity: int = 10) -> None:
        self.pauses = CoolDowns(capacity)

    def answered(
        self,
        second: float,
        status: int,
        retry_after: str = "",
        *,
        sent: float | None = None,
        question: Ask | None = None,
        identity: Identity = HUB,
        body: bytes = b"",
    ) -> None:
        headers = Headers.of([("Retry-After", retry_after)] if retry_after else [])
        reply = Reply(
            ask_id=7, status=status, headers=headers, body=body, received_at=NOON + timedelta(seconds=second)
        )
        self.pauses.note(identity, question or ask(), reply, sent=second if sent is None else sent, now=second)

    def waits(self, second: float, identity: Identity = HUB, *, question: Ask | None = None) -> bool:
        return self.pauses.waiting(identity, question or ask(), second) is not None

    def held(self, second: float) -> dict[str, bool]:
        """Return which methods wait."""
        methods: tuple[Method, ...] = ("HEAD", "GET", "POST")
        return {method: self.waits(second, question=ask(method)) for method in methods}

    def pause(self, second: float) -> float:
        """Return how long it waits from `second` on."""
        fault = self.pauses.waiting(HUB, ask(), second)
        assert fault is not None
        assert fault.retry_at is not None
        return (fault.retry_at - NOON).total_seconds() - second


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_host_is_left_alone_for_as_long_as_it_says(clock: Clock) -> None:
    """E13."""
    clock.answered(0, 429, "120")
    assert [clock.waits(119.9), clock.waits(120)] == [True, False]


def test_host_that_does_not_say_is_left_alone_for_a_minute(clock: Clock) -> None:
    """E13."""
    clock.answered(0, 429)
    assert [clock.waits(59.9), clock.waits(60)] == [True, False]


def test_pause_doubles_with_each_further_429_up_to_a_quarter_of_an_hour(clock: Clock) -> None:
    """E.2."""
    second, pauses = 0.0, []
    for _ in range(6):
        clock.answered(second, 429)
        pauses.append(clock.pause(second))
        second += pauses[-1]
    assert pauses == [60, 120, 240, 480, 900, 900]


def test_many_429_of_one_burst_are_one_offence(clock: Clock) -> None:
    for second in range(20):
        clock.answered(second, 429, sent=0)
    assert clock.pause(20) == 60 - 1  # of the last one that was sent before the pause: 19 + 60, seen at 20


def test_burst_is_waited_out_to_the_last_word(clock: Clock) -> None:
    clock.answered(0, 429, "10", sent=-1)
    clock.answered(1, 429, "300", sent=-1)
    clock.answered(2, 429, "5", sent=-1)
    assert clock.pause(3) == 298


def test_success_after_the_pause_ends_the_matter(clock: Clock) -> None:
    clock.answered(0, 429)
    clock.answered(60, 200)
    clock.answered(61, 429)
    assert clock.pause(61) == 60


def test_success_that_was_under_way_ends_nothing(clock: Clock) -> None:
    clock.answered(0, 429)
    clock.answered(1, 200, sent=-5)
    assert clock.waits(2)


def test_success_of_a_head_says_nothing_of_throttled_gets(clock: Clock) -> None:
    """E.3: HEAD is free where GET is counted, so a quota that is spent answers HEAD as ever."""
    clock.answered(0, 429, question=ask("GET"))
    clock.answered(60, 200, question=ask("HEAD"))
    clock.answered(61, 429, question=ask("GET"))
    assert clock.pause(61) == 120


def test_head_goes_on_while_a_pull_quota_is_spent(clock: Clock) -> None:
    """E15, E.3: it does not count against the quota, and finds out whether the image is there."""
    clock.answered(0, 429, "3600", question=ask("GET"), body=SPENT)
    assert clock.held(1) == {"HEAD": False, "GET": True, "POST": True}
    clock.answered(2, 200, question=ask("HEAD"))
    assert clock.held(3) == {"HEAD": False, "GET": True, "POST": True}


@pytest.mark.parametrize(
    ("question", "body"),
    [
        (ask("GET"), b""),
        (ask("GET"), b"Rate exceeded"),
        (ask("GET"), b"Data limit exceeded"),
        (ask("GET"), b"Quota exceeded, see https://cloud.example/quotas"),
        (ask("GET", Stage.TOKEN), SPENT),
        (ask("HEAD"), SPENT),
    ],
    ids=["bare", "rate", "data", "link", "token", "head"],
)
def test_any_other_429_holds_back_everything(clock: Clock, question: Ask, body: bytes) -> None:
    """E13: what does not name the pull quota may be of all requests, and then one more is one too many."""
    clock.answered(0, 429, question=question, body=body)
    assert clock.held(1) == {"HEAD": True, "GET": True, "POST": True}


def test_throttled_head_holds_back_heads_for_its_own_pause_and_gets_for_the_longer(clock: Clock) -> None:
    clock.answered(0, 429, "3600", question=ask("GET"), body=SPENT)
    clock.answered(10, 429, "30", question=ask("HEAD"))
    assert clock.held(39) == {"HEAD": True, "GET": True, "POST": True}
    assert clock.held(40) == {"HEAD": False, "GET": True, "POST": True}
    assert clock.pauses.retry_at(HUB, ask("GET")) == NOON + timedelta(hours=1)
    assert clock.pauses.retry_at(HUB, ask("HEAD")) == NOON + timedelta(seconds=40)
    assert clock.held(3600) == {"HEAD": False, "GET": False, "POST": False}


def test_quota_that_was_spent_ends_with_a_get_that_succeeds(clock: Clock) -> None:
    clock.answered(0, 429, question=ask("GET"), body=SPENT)
    clock.answered(60, 200, question=ask("GET"))
    assert clock.pauses.is_empty


@pytest.mark.parametrize("status", [401, 404, 500])
def test_failure_of_another_kind_ends_nothing(clock: Clock, status: int) -> None:
    clock.answered(0, 429)
    clock.answered(60, status)
    clock.answered(61, 429)
    assert clock.pause(61) == 120


def test_fault_tells_nothing(clock: Clock) -> None:
    event: Event = Fault(ask_id=7, kind=FaultKind.CONNECT_REFUSED)
    clock.pauses.note(HUB, ask(), event, sent=0, now=0)
    assert not clock.waits(0)


@pytest.mark.parametrize(
    ("question", "body", "kind"),
    [
        (ask(), b"", FaultKind.RATE_LIMITED),
        (ask("GET", Stage.TOKEN), b"", FaultKind.RATE_LIMITED_AUTH),
        (ask("GET"), b'{"errors":[{"message":"too many requests to upstream registry"}]}',
         FaultKind.RATE_LIMITED_UPSTREAM),
    ],
)  # fmt: skip
def test_who_waits_ends_as_the_throttled_did(clock: Clock, question: Ask, body: bytes, kind: FaultKind) -> None:
    """E13, E14, T27."""
    clock.answered(0, 429, question=question, body=body)
    waiting = clock.pauses.waiting(HUB, ask(), 1)
    assert waiting is not None
    assert (waiting.kind, waiting.ask_id) == (kind, 7)
    assert waiting.detail == (
        "nothing was sent: registry.example throttled us at 12:00:00 UTC, and we wait until 12:01:00 UTC"
    )


@pytest.mark.parametrize(
    "other",
    [
        Identity(HUB.origin, HUB.profile, "bob"),
        Identity(HUB.origin, HUB.profile, ""),
        Identity(HUB.origin, "by a proxy", "alice"),
        Identity(Origin("https", "registry.example", 5000), HUB.profile, "alice"),
        Identity(Origin("https", "other.example", 443), HUB.profile, "alice"),
    ],
)
def test_pause_is_of_one_identity_at_one_host(clock: Clock, other: Identity) -> None:
    clock.answered(0, 429)
    assert not clock.waits(1, other)


def test_pauses_are_bounded_in_number() -> None:
    clock = Clock(capacity=10)
    made = [Identity(HUB.origin, HUB.profile, str(number)) for number in range(100)]
    for identity in made:
        clock.answered(0, 429, identity=identity)
    assert [clock.waits(1, identity) for identity in made] == [False] * 90 + [True] * 10
