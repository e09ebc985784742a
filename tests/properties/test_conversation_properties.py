"""What holds of every conversation, with whatever a registry may say, in whatever order it says it."""

from collections import Counter
from copy import deepcopy
from typing import Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.protocol.conversation import Done, Send, UnexpectedEventError, advance, start
from probes.protocol.conversation.conclusion import first_of
from probes.protocol.exchange import Ask, Fault, FaultKind
from probes.protocol.plan import Plan
from probes.protocol.redaction import scrub_host
from probes.protocol.taxonomy import Depth, Stage, Status
from probes.protocol.urls import origin_of
from tests.fakes.dialogue import HOST
from tests.fakes.trickster import MAY_SEE_LOGINS, Trickster

QUEUED: Final = (Stage.CHILD, Stage.CONFIG, Stage.LAYER)
seeds = st.integers(min_value=0, max_value=2**32 - 1)
examples = settings(max_examples=150, derandomize=True, database=None, deadline=None)


@examples
@given(seed=seeds)
def test_every_conversation_ends_within_its_requests(seed: int) -> None:
    """S16, S22: two hundred in all, and twelve besides those for children and blobs."""
    dialogue = Trickster(seed)
    done = dialogue.talk()
    assert len(dialogue.asks) <= 200
    assert sum(ask.stage not in QUEUED or ask.url.endswith("/v2/") for ask in dialogue.asks) <= 12
    assert [ask.id for ask in sorted(dialogue.asks, key=lambda ask: ask.id)] == list(range(len(dialogue.asks)))
    assert done.conclusion.hint == done.conclusion.reason.meaning.hint


@settings(examples, max_examples=200)
@given(seed=seeds)
def test_login_goes_to_the_registry_and_to_its_own_realm_only(seed: int) -> None:
    """S1, S7, S8, S9, C21, T5, T7, B11."""
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
            assert place.netloc in MAY_SEE_LOGINS
        assert not {"Cookie", "Referer"}.intersection(dict(ask.headers))


@examples
@given(seed=seeds)
def test_rejected_credentials_are_the_verdict_however_anyone_else_fares(seed: int) -> None:
    """T34."""
    dialogue = Trickster(seed)
    done = dialogue.talk()
    for state in (move.state for move in dialogue.states if move.state.settled):
        found = first_of(*state.failures, state.settled)
        assert found is not None
        assert done.conclusion.reason == found.reason
        assert done.conclusion.host == scrub_host(found.host, done.secrets)


@examples
@given(seed=seeds)
def test_errand_that_has_left_home_never_shows_a_login_again(seed: int) -> None:
    """S8: not even where a stranger sends it back to the registry. What a guest may have is none (C21)."""
    dialogue = Trickster(seed)
    dialogue.talk()
    for move in dialogue.states:
        for ask in move.asks:
            if move.state.in_flight[ask.id].has_left_home and (shown := dict(ask.headers).get("Authorization")):
                guest = move.state.guest
                assert guest is not None
                assert (shown, origin_of(ask.url)) == (guest.header, guest.origin)
                assert shown != move.state.login.header


@examples
@given(seed=seeds)
def test_only_admitted_schemes_are_asked(seed: int) -> None:
    """N1, T1, B16."""
    dialogue = Trickster(seed)
    dialogue.talk()
    assert {urlsplit(ask.url).scheme for ask in dialogue.asks} <= {"https"}


@examples
@given(seed=seeds)
def test_equal_dialogues_give_equal_conclusions(seed: int) -> None:
    assert Trickster(seed).talk() == Trickster(seed).talk()


@settings(examples, max_examples=40)
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


@settings(examples, max_examples=40)
@given(seed=seeds, ask_id=st.integers(min_value=-1, max_value=300))
def test_event_out_of_nowhere_is_refused_at_any_point(seed: int, ask_id: int) -> None:
    dialogue = Trickster(seed)
    dialogue.talk()
    for move in dialogue.states:
        if ask_id not in move.state.in_flight:
            with pytest.raises(UnexpectedEventError):
                advance(move.state, Fault(ask_id=ask_id, kind=FaultKind.ABORTED))


def test_dialogues_come_to_every_situation() -> None:
    """A property of what is never reached holds for nothing."""
    reached: Counter[str] = Counter()
    for seed in range(400):
        dialogue = Trickster(seed)
        assert isinstance(dialogue.talk(), Done)
        reached += dialogue.situations
    wanted = {
        *(f"stage {stage}" for stage in ("challenge", "token", "manifest", "child", "config", "layer")),
        *(f"login by {scheme}" for scheme in ("nothing", "Basic", "Bearer")),
        *(f"path {path}" for path in ("none", "cached", "fresh")),
        *(f"status {status}" for status in Status),
        *(f"depth {depth}" for depth in (None, *Depth)),
        *("refresh", "ping", "stranger asked", "storage asked", "retry", "pause", "fault"),
        *("errand waits for the login", "three in flight", "second exchange"),
        *("redirect", "left home", "restart", "inner index", "guest", "trial", "notice"),
    }
    assert {situation for situation in wanted if reached[situation] < 5} == set()
