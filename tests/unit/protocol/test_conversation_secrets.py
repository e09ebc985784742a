"""What we sent never comes out again, whoever echoes it."""

import base64
from dataclasses import replace

import pytest

from probes.protocol.conversation import Memory, Send, advance, start
from probes.protocol.conversation.turn import headers_for
from probes.protocol.plan import Plan, Secret
from probes.protocol.redaction import WITHHELD
from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.contents import child
from tests.fakes.dialogue import ALICE, BEARING, HOST, REFRESHING, Amends, Registry, Says, moved

REFERENCE = f"{HOST}/team/app:1"
SPACED = Secret(username="", password="wonder  land")


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1")
    made.wants_token()
    return made


@pytest.mark.parametrize("echo", ["wonder  land", "wonder land", "wonder++land", "OndvbmRlciAgbGFuZA=="])
def test_password_echoed_by_the_token_service_is_not_shown(registry: Registry, echo: str) -> None:
    """T35, S19: as it is, as cleaning leaves it, as a form or as Basic carries it."""
    registry.wants_token(anyone=False)
    registry.once("GET token", Says(401, {"details": f"no such password: {echo}"}))
    outcome = registry.check(REFERENCE, secret=SPACED)
    assert (outcome.reason, outcome.detail) == (Reason.AUTH_BAD_CREDENTIALS, "no such password: …")


def test_identity_token_echoed_is_not_shown(registry: Registry) -> None:
    registry.wants_token(anyone=False)
    registry.once("POST token", Says(401, {"details": "not valid: looking-glass"}))
    assert registry.check(REFERENCE, secret=REFRESHING).detail == "not valid: …"


def test_static_bearer_echoed_by_the_registry_is_not_shown(registry: Registry) -> None:
    """T35."""
    registry.knows(BEARING)
    registry.once("GET manifest", Says(403, "not for a-looking-glass"))
    assert registry.check(REFERENCE, secret=BEARING).detail == "not for …"


@pytest.mark.parametrize("token", ["t0ken-t0ken", "t0ken" * 60], ids=["short", "cut"])
def test_token_echoed_by_the_registry_is_not_shown(registry: Registry, token: str) -> None:
    """T35: nor the beginning of one that a cut has left."""
    registry.valid_tokens.add(token)
    registry.once("GET token", Says(200, {"token": token}))
    registry.once("GET manifest", Says(403, f"refused: {token}"))
    outcome = registry.check(REFERENCE)
    assert outcome.detail == "refused: …"


def test_beginning_of_a_secret_before_words_of_ours_is_not_shown_either(registry: Registry) -> None:
    """T34, T35: a cut leaves it at the end of what the token service said, and our words follow."""
    padding = "x" * 192
    registry.once("GET token", Says(401, {"details": f"{padding}wonderland"}))
    outcome = registry.check(REFERENCE, secret=ALICE)
    assert outcome.detail == f"{padding}…; anonymous_ok: it can be had without a login"


def test_beginning_of_a_token_before_words_of_ours_is_not_shown_either(registry: Registry) -> None:
    """T33, T35."""
    token = "e30." + base64.urlsafe_b64encode(b'{"access": []}').decode() + ".signature"
    padding = "x" * 192
    registry.once("GET token", Says(200, {"token": token}))
    registry.once("HEAD 1", Says(404))
    challenge = {"WWW-Authenticate": registry.challenges[0]}
    registry.once("GET 1", Says(401, headers=challenge), Says(401, padding + token, challenge))
    assert registry.check(REFERENCE).detail == f"{padding}…; the token grants no access"


def test_secret_in_a_notice_is_not_shown(registry: Registry) -> None:
    """M26, S19."""
    registry.knows(ALICE)
    registry.once(
        "HEAD 1", Amends({"Warning": '299 - "hello wonderland"'}), Amends({"Warning": '299 - "it is token-1"'})
    )
    outcome = registry.check(REFERENCE, secret=ALICE, depth=Depth.RESOLVE)
    assert outcome.notices == ("hello …", "it is …")


def test_source_of_a_quota_is_scrubbed_too(registry: Registry) -> None:
    quota = {"RateLimit-Limit": "100;w=21600", "Docker-RateLimit-Source": "user-wonderland"}
    registry.knows(ALICE)
    registry.once("HEAD 1", Amends(quota), Amends(quota))
    outcome = registry.check(REFERENCE, secret=ALICE, depth=Depth.RESOLVE)
    assert outcome.rate_limit is not None
    assert outcome.rate_limit.source == "user-…"


def test_host_that_a_redirect_made_of_a_secret_is_not_shown(registry: Registry) -> None:
    """S19: neither where the check ended, nor in the steps."""
    registry.knows(REFRESHING)
    registry.once("GET manifest", moved("https://looking-glass.evil.test/x"))
    registry.once("GET looking-glass.evil.test/x", Says(404))
    outcome = registry.check(REFERENCE, secret=REFRESHING)
    assert outcome.reason is Reason.TAG_DIGEST_INCONSISTENT
    assert outcome.host == WITHHELD


def test_platform_that_an_index_names_after_a_secret_is_not_shown(registry: Registry) -> None:
    """S19."""
    registry.knows(REFRESHING)
    registry.index("team/app:2", child("looking-glass/amd64"), child("linux/arm64"))
    outcome = registry.check(f"{HOST}/team/app:2", secret=REFRESHING, platforms=("all",))
    assert [item.platform for item in outcome.platforms] == [WITHHELD, "linux/arm64"]


def test_driver_is_told_what_its_steps_may_not_show(registry: Registry) -> None:
    registry.knows(ALICE)
    registry.check(REFERENCE, secret=ALICE)
    assert registry.done is not None
    assert {"wonderland", "YWxpY2U6d29uZGVybGFuZA==", "token-1"} <= set(registry.done.secrets)


def test_password_is_bound_to_the_origin_of_its_realm(registry: Registry) -> None:
    """S8: whatever else lets a token request go astray, its headers are built here."""
    registry.knows(ALICE)
    move = start(Plan(reference=REFERENCE), ALICE)
    assert isinstance(move, Send)
    move = advance(move.state, registry.answer(move.asks[0]))
    assert isinstance(move, Send)
    [errand] = move.state.in_flight.values()
    assert "Authorization" in dict(headers_for(move.state, errand))
    astray = replace(errand, url="https://elsewhere.test/token")
    assert "Authorization" not in dict(headers_for(move.state, astray))


def test_login_is_bound_to_the_origin_of_the_registry(registry: Registry) -> None:
    """S8: likewise, though no errand should stand elsewhere and not have left home."""
    move = start(Plan(reference=REFERENCE), memory=Memory(header="Bearer t0ken"))
    assert isinstance(move, Send)
    [errand] = move.state.in_flight.values()
    assert "Authorization" in dict(headers_for(move.state, errand))
    astray = replace(errand, url="https://elsewhere.test/x")
    assert "Authorization" not in dict(headers_for(move.state, astray))


def test_nothing_secret_is_in_the_repr_of_what_is_passed_around(registry: Registry) -> None:
    """S19: a log line or a traceback may print any of it."""
    registry.knows(ALICE)
    registry.check(REFERENCE, secret=ALICE)
    everything = repr((registry.asks, registry.done, registry.memory, ALICE, REFRESHING, BEARING))
    move = start(Plan(reference=REFERENCE), ALICE, registry.memory)
    assert isinstance(move, Send)
    for secret in ("wonderland", "looking-glass", "YWxpY2U6", "token-1"):
        assert secret not in everything + repr(move)
