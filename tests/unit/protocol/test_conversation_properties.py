"""What holds of every conversation, with whatever a registry may say, in whatever order it says it.

Each example is a dialogue with a registry that tells the truth most of the time and else plays a trick drawn
from a seed: a status, headers that lead elsewhere, a document of another kind, an echo of what we sent, silence.
"""

import base64
import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.protocol.conversation import Document, Done, Known, Memory, Send, UnexpectedEventError, advance, start
from probes.protocol.conversation.conclusion import first_of
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Headers, Reply
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.taxonomy import Depth
from tests.fakes import contents
from tests.fakes.contents import child
from tests.fakes.dialogue import HOST, NOON, Registry

SECRETS: Final = (
    ANONYMOUS,
    Secret(username="alice", password="wonder-land-9"),
    Secret(identity_token="looking-glass-7"),
    Secret(bearer="a-looking-glass-7"),
    Secret(username="alice", password="wonder-land-9", identity_token="looking-glass-7"),
)
KEPT: Final = ("wonder-land-9", "looking-glass-7", base64.b64encode(b"alice:wonder-land-9").decode())
MAY_SEE_LOGINS: Final = {HOST, f"auth.{HOST}"}
STORAGE: Final = "https://storage.test"
PLACES: Final = (
    f"https://{HOST}/v2/team/app/manifests/1",
    f"https://{HOST}:444/x",
    f"http://{HOST}/x",
    f"https://auth.{HOST}/token",
    "https://evil.test/token?echo=",
    "http://169.254.169.254/latest",
    "//evil.test/x",
    "/token",
    "https://user:pw@evil.test/",
    "https://[::1]/x",
    "",
)
STATUSES: Final = (200, 200, 200, 206, 301, 304, 307, 400, 401, 401, 401, 403, 404, 405, 407, 412, 416, 429, 500, 503)
seeds = st.integers(min_value=0, max_value=2**32 - 1)
examples = settings(max_examples=60, derandomize=True, database=None, deadline=None)


class Trickster:
    """One dialogue, the same for the same seed. Remembers what was asked, and which tokens it gave away."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.tricks = self.random.choice((0.05, 0.15, 0.4))
        self.registry = Registry()
        self.registry.users["alice"] = "wonder-land-9"
        self.registry.identity_tokens.add("looking-glass-7")
        self.registry.valid_tokens.add("a-looking-glass-7")
        inner = contents.index(child("linux/arm64"), name="inner")
        index = self.registry.index("team/app:1", child("linux/amd64", layers=5), child("linux/arm64"), inner)
        self.known = Known(
            lacks_head=self.random.random() < 0.1,
            documents={item.digest: Document(item.digest, item.body, item.media_type) for item in index.contents},
        )
        if self.random.random() < 0.7:
            self.registry.wants_token()
        if self.random.random() < 0.3:
            self.registry.storage = STORAGE
            self.registry.guests[STORAGE] = "token-for-anyone"
        self.asks: list[Ask] = []
        self.states: list[Send] = []

    @property
    def secret(self) -> Secret:
        return self.random.choice(SECRETS)

    def talk(self) -> Done:
        """Talk to the end, with the replies in any order."""
        random = self.random
        plan = Plan(
            reference=f"{HOST}/team/app:1",
            depth=random.choice(list(Depth)),
            platforms=random.choice((("linux/amd64",), ("all",), ("linux/arm64", "linux/arm/v7"))),
            reread=random.random() < 0.5,
            strict_platform=random.random() < 0.2,
            sample_blobs=random.random() < 0.2,
        )
        memory = random.choice((None, Memory(header="Bearer token-of-old")))
        move = start(plan, self.secret, memory, self.known)
        in_flight: list[Ask] = []
        while isinstance(move, Send):
            self.states.append(move)
            in_flight += move.asks
            self.asks += move.asks
            assert in_flight, "it waits for nothing"
            assert len(self.asks) <= 200
            move = advance(move.state, self.answer(in_flight.pop(random.randrange(len(in_flight)))))
        return move

    def answer(self, ask: Ask) -> Event:
        random = self.random
        host = urlsplit(ask.url).hostname or ""
        if (
            random.random() >= self.tricks
            and host in MAY_SEE_LOGINS
            and "/v2/" in ask.url + "/v2/" * (ask.stage == "token")
        ):
            return self.truth(ask)
        if random.random() >= self.tricks and host.endswith("storage.test"):
            return self.storage(ask)
        if random.random() < 0.2:
            return Fault(ask_id=ask.id, kind=random.choice(list(FaultKind)), detail=self.echo(ask))
        return Reply(
            ask_id=ask.id,
            status=random.choice(STATUSES),
            headers=Headers.of(self.header(ask) for _ in range(random.randrange(4))),
            body=self.body(ask),
            received_at=NOON,
        )

    def truth(self, ask: Ask) -> Event:
        try:
            return self.registry.answer(ask)
        except AssertionError:  # a place that only a trick led to
            return Reply(ask_id=ask.id, status=404, headers=Headers(), received_at=NOON)

    def storage(self, ask: Ask) -> Event:
        """Answer for the blobs' own host, which wants a token that anyone may have (C21)."""
        if ask.stage == "token":
            body = b'{"token": "token-for-anyone"}'
            return Reply(ask_id=ask.id, status=200, headers=Headers(), body=body, received_at=NOON)
        if "Authorization" in dict(ask.headers):
            return self.truth(ask)
        headers = Headers.of([("WWW-Authenticate", 'Bearer realm="https://auth.storage.test/token"')])
        return Reply(ask_id=ask.id, status=401, headers=headers, received_at=NOON)

    def echo(self, ask: Ask) -> str:
        sent = [value for _, value in ask.headers] + [ask.body.decode()]
        return f"you said {' '.join(sent)}"[: self.random.choice((12, 40, 400, 4000))]

    def header(self, ask: Ask) -> tuple[str, str]:
        random = self.random
        realm = random.choice(PLACES)
        extra = random.choice(("", ',error="invalid_token"', ',scope="repository:other:pull"', ',scope="*"'))
        return random.choice(
            (
                ("Location", random.choice(PLACES) + random.choice(("", str(random.random())))),
                ("WWW-Authenticate", f'Bearer realm="{realm}"{extra}'),
                ("WWW-Authenticate", 'Basic realm="x"'),
                ("Docker-Content-Digest", f"sha256:{random.choice('ab') * 64}"),
                ("Content-Length", "7"),
                ("Content-Type", "application/vnd.oci.image.index.v1+json"),
                ("Content-Encoding", "gzip"),
                ("Content-Range", "bytes 0-0/7"),
                ("Retry-After", random.choice(("2", "3600", "soon"))),
                ("RateLimit-Remaining", "0"),
                ("Docker-RateLimit-Source", self.echo(ask)),
                ("Warning", f'299 - "{self.echo(ask)}"'),
            )
        )

    def body(self, ask: Ask) -> bytes:
        random = self.random
        document: object = random.choice(
            (
                {"token": f"token-{random.random()}"},
                {"access_token": "not\nvisible"},
                {"errors": [{"code": "DENIED", "message": self.echo(ask)}]},
                {"schemaVersion": 2, "manifests": []},
                {"schemaVersion": 2, "config": {}, "layers": []},
                [],
            )
        )
        return random.choice((b"", b"<html>", b"\xff\x00", self.echo(ask).encode(), json.dumps(document).encode()))


@examples
@given(seed=seeds)
def test_every_conversation_ends_within_its_requests(seed: int) -> None:
    """S16, S22."""
    dialogue = Trickster(seed)
    done = dialogue.talk()
    assert len(dialogue.asks) <= 200
    assert [ask.id for ask in sorted(dialogue.asks, key=lambda ask: ask.id)] == list(range(len(dialogue.asks)))
    assert done.conclusion.hint == done.conclusion.reason.meaning.hint


@settings(examples, max_examples=200)
@given(seed=seeds)
def test_login_goes_to_the_registry_and_to_its_own_realm_only(seed: int) -> None:
    """S1, S7, S8, S9."""
    dialogue = Trickster(seed)
    dialogue.talk()
    logins = {move.state.login.header for move in dialogue.states}
    guests = {(guest.header, str(guest.origin)) for move in dialogue.states if (guest := move.state.guest)}
    for ask in dialogue.asks:
        authorization = dict(ask.headers).get("Authorization", "")
        place = urlsplit(ask.url)
        if ask.body:
            assert (ask.method, ask.stage) == ("POST", "token")
        if authorization or ask.body:
            assert place.scheme == "https"
        if authorization and (authorization, f"https://{place.netloc}") in guests:
            assert authorization not in logins  # C21: what anyone may have, where it was had for
        elif authorization.startswith("Bearer"):
            assert place.netloc == HOST
        elif authorization or ask.body:
            assert place.hostname in MAY_SEE_LOGINS


@examples
@given(seed=seeds)
def test_rejected_credentials_are_the_verdict_however_anyone_else_fares(seed: int) -> None:
    """T34."""
    dialogue = Trickster(seed)
    done = dialogue.talk()
    settled = [move.state for move in dialogue.states if move.state.settled]
    for state in settled:
        found = first_of(*state.failures, state.settled)
        assert found is not None
        assert (done.conclusion.reason, done.conclusion.host) == (found.reason, found.host)


def test_generated_dialogues_reach_the_rarer_ways() -> None:
    """Else the properties above would say nothing of them."""
    ways: Counter[str] = Counter()
    for seed in range(200):
        dialogue = Trickster(seed)
        done = dialogue.talk()
        last = dialogue.states[-1].state
        ways["guest"] += any(
            (guest := move.state.guest) is not None and guest.header != "" and not move.state.settled
            for move in dialogue.states
        )
        ways["trial"] += last.settled is not None
        ways["notice"] += bool(done.conclusion.notices)
        ways["cached"] += done.conclusion.auth_path == "cached"
    assert all(ways[way] for way in ("guest", "trial", "notice", "cached")), ways


@examples
@given(seed=seeds)
def test_nothing_secret_is_in_the_conclusion(seed: int) -> None:
    """T35, S19."""
    done = Trickster(seed).talk()
    shown = repr(replace(done.conclusion, host=None))
    for secret in (*KEPT, *done.secrets):
        assert secret not in shown
        assert secret[:8] not in shown


@examples
@given(seed=seeds)
def test_equal_dialogues_give_equal_conclusions(seed: int) -> None:
    assert Trickster(seed).talk() == Trickster(seed).talk()


@settings(examples, max_examples=20)
@given(seed=seeds)
def test_state_that_is_advanced_from_stays_as_it_was(seed: int) -> None:
    dialogue = Trickster(seed)
    move = start(Plan(reference=f"{HOST}/team/app:1", platforms=("all",)), dialogue.secret)
    in_flight: list[Ask] = []
    while isinstance(move, Send):
        in_flight += move.asks
        state, before = move.state, deepcopy(move.state)
        move = advance(state, dialogue.answer(in_flight.pop()))
        assert state == before


@settings(examples, max_examples=20)
@given(seed=seeds, ask_id=st.integers(min_value=-1, max_value=300))
def test_event_out_of_nowhere_is_refused_at_any_point(seed: int, ask_id: int) -> None:
    dialogue = Trickster(seed)
    dialogue.talk()
    for move in dialogue.states:
        if ask_id not in move.state.in_flight:
            with pytest.raises(UnexpectedEventError):
                advance(move.state, Fault(ask_id=ask_id, kind=FaultKind.ABORTED))
