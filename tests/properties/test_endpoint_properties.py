"""What holds of the check of every endpoint, whatever that may answer."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final, cast, get_args
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.protocol.conversation import Done, UnexpectedEventError
from probes.protocol.endpoint import EndpointPlan, Expectation, problems
from probes.protocol.endpoint.conversation import Send, advance, start
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Headers, Method, Reply
from probes.protocol.plan import Secret
from probes.protocol.taxonomy import Reason, Stage, Status
from tests.fakes.service import HEALTH, NOON

SECRET: Final = "correct-horse-battery"
PLACES: Final = (
    HEALTH,
    "/ready",
    "https://api.example/back?token=hush",
    "https://api.example:8443/",
    "https://evil.example/collect",
    f"https://evil.example/{SECRET}",
    f"https://{SECRET}.evil.example/",
    "http://api.example/",
    "http://169.254.169.254/",
    "https://evil.example:22/",
    "//evil.example",
    "https://user:pass@evil.example/",
    "javascript:alert(1)",
    "",
    "x" * 9000,
)
BODIES: Final = (
    b"",
    b"all well",
    b'{"status": "ok"}',
    f'{{"status": "{SECRET}"}}'.encode(),
    b"[" * 50_000,
    b"\xff\xfe",
    b"\x1f\x8b broken",
)
seeds = st.integers(min_value=0, max_value=2**32 - 1)
examples = settings(max_examples=200, derandomize=True, database=None, deadline=None)


@dataclass
class Stranger:
    """An endpoint that says anything at all, by a seed: the check of it, and all that was asked."""

    seed: int
    asks: list[Ask] = field(default_factory=list)
    moves: list[Send] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        pick = self._random.choice
        self.secret = pick(
            (
                Secret(),
                Secret(username="alice", password=SECRET, client_identity="PEM"),
                Secret(bearer=SECRET),
            )
        )
        method = cast("Method", pick(get_args(Method)))
        of_body = method != "HEAD" and self._random.random() < 0.5
        self.plan = EndpointPlan(
            url=HEALTH,
            method=method,
            headers=(("Cookie", "ours=1"),),
            body="ours" if method in ("POST", "PUT") else "",
            follow_redirects=self._random.random() < 0.8,
            login_header=pick(("Authorization", "X-Key")),
            expect=Expectation(
                statuses=pick(("200-299", "200-399", "401,503")),
                contains=pick(("", "well")) if of_body else "",
                json_path="$.status" if of_body else "",
                json_equals='"ok"' if of_body else "",
                latency_ms=pick((0, 50)),
                certificate_days=pick((0, 14)),
            ),
        )
        assert problems(self.plan) == {}

    def talk(self) -> Done:
        move = start(self.plan, self.secret)
        while isinstance(move, Send):
            self.moves.append(move)
            self.asks.append(move.ask)
            assert len(self.asks) < 20
            move = advance(move.state, self.answer(move.ask))
        return move

    def answer(self, ask: Ask) -> Event:
        pick = self._random.choice
        if self._random.random() < 0.2:
            return Fault(ask_id=ask.id, kind=pick(list(FaultKind)), detail=f"it said {SECRET}")
        headers = {"Location": pick(PLACES), "Retry-After": pick(("", "2", "90", SECRET))}
        if self._random.random() < 0.1:
            headers["Content-Encoding"] = pick(("gzip", "br", SECRET))
        return Reply(
            ask_id=ask.id,
            status=pick((200, 204, 301, 302, 303, 307, 308, 401, 403, 404, 429, 500, 503)),
            headers=Headers.of(headers.items()),
            body=b"" if ask.method == "HEAD" else pick(BODIES),
            received_at=NOON,
            elapsed_ms=pick((1.0, 80.0)),
            is_cut=self._random.random() < 0.05,
            certificate_not_after=pick((None, NOON)),
        )


@examples
@given(seed=seeds)
def test_every_check_ends_within_its_requests(seed: int) -> None:
    """H6, H8, S16, S22: five redirects and one more try."""
    stranger = Stranger(seed)
    done = stranger.talk()
    assert len(stranger.asks) <= 7
    assert [ask.id for ask in stranger.asks] == list(range(len(stranger.asks)))
    assert sum(ask.delay_seconds for ask in stranger.asks) <= 5
    assert done.conclusion.hint == done.conclusion.reason.meaning.hint


@examples
@given(seed=seeds)
def test_what_is_ours_goes_to_the_own_origin_until_a_hop_leaves_it(seed: int) -> None:
    """H10, H11, S7, S8, S9."""
    stranger = Stranger(seed)
    stranger.talk()
    has_left = False
    for ask in stranger.asks:
        place = urlsplit(ask.url)
        has_left = has_left or place.netloc != "api.example"
        assert place.scheme == "https"
        if has_left:
            assert (ask.headers, ask.body, ask.shows_identity) == ((), b"", False)
            assert ask.method in ("GET", "HEAD")
        else:
            assert ask.headers[0] == ("Cookie", "ours=1")


@examples
@given(seed=seeds)
def test_nothing_secret_is_shown(seed: int) -> None:
    """H21, S19."""
    stranger = Stranger(seed)
    done = stranger.talk()
    if stranger.secret != Secret():
        assert SECRET not in repr(done.conclusion)
    assert "hush" not in repr(done.conclusion)
    assert all(SECRET not in repr(move.state) for move in stranger.moves)


@examples
@given(seed=seeds)
def test_available_is_only_what_was_expected(seed: int) -> None:
    """H2, H23."""
    stranger = Stranger(seed)
    found = stranger.talk().conclusion
    assert (found.status is Status.AVAILABLE) is (found.stage is None)
    if found.reason.meaning.only_impairs:
        assert found.status is Status.DEGRADED


@settings(examples, max_examples=50)
@given(seed=seeds)
def test_equal_dialogues_give_equal_conclusions(seed: int) -> None:
    assert Stranger(seed).talk() == Stranger(seed).talk()


@settings(examples, max_examples=50)
@given(seed=seeds, ask_id=st.integers(min_value=-1, max_value=30))
def test_event_out_of_nowhere_is_refused_at_any_point(seed: int, ask_id: int) -> None:
    stranger = Stranger(seed)
    stranger.talk()
    for move in stranger.moves:
        if move.ask.id != ask_id:
            with pytest.raises(UnexpectedEventError):
                advance(move.state, Fault(ask_id=ask_id, kind=FaultKind.ABORTED))


def test_dialogues_come_to_every_situation() -> None:
    """A property of what is never reached holds for nothing."""
    reached: Counter[str] = Counter()
    for seed in range(2000):
        stranger = Stranger(seed)
        found = stranger.talk().conclusion
        reached[found.reason] += 1
        reached["left home"] += any(move.state.has_left_home for move in stranger.moves)
        reached["second try"] += found.attempts > 1
        reached["redirect"] += any(ask.stage is Stage.REDIRECT for ask in stranger.asks)
    of_endpoints = {reason for reason in Reason if reason.value.startswith("endpoint_")} - {Reason.ENDPOINT_INVALID}
    wanted = {
        *of_endpoints,
        *(Reason.OK, Reason.CERTIFICATE_EXPIRING, Reason.REDIRECT_LOOP, Reason.REDIRECT_INSECURE),
        *(Reason.REDIRECT_FORBIDDEN, Reason.REDIRECT_AUTH_REQUIRED, Reason.TARGET_FORBIDDEN),
        *("left home", "second try", "redirect"),
    }
    assert {situation for situation in wanted if reached[situation] < 3} == set()
