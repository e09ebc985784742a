"""What a check hands on to the next one of its repository, and what becomes of it there."""

from dataclasses import replace

import pytest

from probes.protocol.conversation import Memory
from probes.protocol.exchange import FaultKind
from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.dialogue import ALICE, HOST, Breaks, Registry, Says, error

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1", layers=3)
    made.wants_token()
    return made


def warm(registry: Registry) -> Memory:
    registry.check(REFERENCE, depth=Depth.RESOLVE)
    assert registry.memory is not None
    return registry.memory


def test_token_is_handed_on_with_its_challenge_and_lifetime(registry: Registry) -> None:
    memory = warm(registry)
    assert memory.header == "Bearer token-1"
    assert memory.lifetime_seconds == 300
    assert memory.challenge is not None
    assert "token-1" not in repr(memory)


def test_token_is_handed_on_however_far_the_check_went(registry: Registry) -> None:
    registry.check(REFERENCE)
    assert registry.memory is not None
    assert registry.memory.header == "Bearer token-1"


def test_open_registry_leaves_nothing_to_remember() -> None:
    registry = Registry()
    registry.image("team/app:1")
    registry.check(REFERENCE)
    assert registry.memory is None


def test_remembered_token_makes_one_request_of_three(registry: Registry) -> None:
    """C1."""
    outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, memory=warm(registry))
    assert registry.log == ["HEAD 1 with token-1"]
    assert (outcome.auth_path, outcome.warnings) == ("cached", ())
    assert registry.memory is None  # nothing new: what is remembered stays


def test_remembered_challenge_saves_the_401(registry: Registry) -> None:
    memory = replace(warm(registry), header="")
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory).reason is Reason.OK
    assert registry.log == ["GET token", "HEAD 1 with token-2"]


def test_password_is_remembered_as_a_challenge_and_never_itself(registry: Registry) -> None:
    registry.wants_password()
    registry.knows(ALICE)
    registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE)
    assert registry.memory is not None
    assert registry.memory.header == ""
    registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE, memory=registry.memory)
    assert registry.log == ["HEAD 1 as alice"]


@pytest.mark.parametrize(
    "refusal",
    [
        None,
        Says(400),
        Says(403, error("DENIED", "Your authorization token has expired. Reauthenticate and try again.")),
    ],
    ids=["T30-401", "T31-400", "T31-403"],
)
def test_remembered_token_that_is_refused_is_renewed_once(registry: Registry, refusal: Says | None) -> None:
    memory = warm(registry)
    registry.revoke_tokens()
    if refusal:
        registry.once("HEAD 1", refusal)
    outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory)
    assert outcome.reason is Reason.OK
    assert (outcome.auth_path, outcome.warnings) == ("fresh", ())
    assert registry.log == ["HEAD 1 with token-1", "GET token", "HEAD 1 with token-2"]
    assert registry.memory is not None
    assert registry.memory.header == "Bearer token-2"


def test_second_answer_after_the_renewal_is_final(registry: Registry) -> None:
    """T31: the text tells that the login has expired."""
    memory = warm(registry)
    expired = Says(403, error("DENIED", "Your authorization token has expired"))
    registry.always("HEAD 1", expired)
    registry.always("GET 1", expired)
    outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory)
    assert outcome.reason is Reason.AUTH_EXPIRED
    assert registry.log == ["HEAD 1 with token-1", "GET token", "HEAD 1 with token-2", "GET 1 with token-2"]


def test_new_challenge_takes_the_place_of_the_remembered_one(registry: Registry) -> None:
    """C20."""
    memory = warm(registry)
    registry.revoke_tokens()
    registry.wants_token(realm="https://new.registry.example/token")
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory).reason is Reason.OK
    assert registry.asks[1].url.startswith("https://new.registry.example/token?")


def test_change_from_tokens_to_passwords_is_noticed(registry: Registry) -> None:
    """C20."""
    memory = warm(registry)
    registry.wants_password()
    registry.revoke_tokens()
    registry.knows(ALICE)
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE, memory=memory).reason is Reason.OK
    assert registry.log == ["HEAD 1 with token-1", "HEAD 1 as alice"]


def test_blobs_in_flight_when_the_token_ends_are_asked_again(registry: Registry) -> None:
    """T31: one renewal serves them all, and nothing is asked without a login meanwhile."""
    memory = warm(registry)
    expired = Says(403, error("DENIED", "expired"))
    for line in ("GET config", "GET layer1", "GET layer2"):
        registry.once(line, expired)
    outcome = registry.check(REFERENCE, memory=memory)
    assert outcome.reason is Reason.OK
    assert registry.log == [
        "HEAD 1 with token-1",
        "GET manifest with token-1",
        "GET config with token-1",
        "GET layer1 with token-1",
        "GET layer2 with token-1",
        "GET token",
        "GET config with token-2",
        "GET layer1 with token-2",
        "GET layer2 with token-2",
        "GET layer3 with token-2",
    ]


def test_late_refusal_of_the_old_token_is_no_refusal_of_the_new_one(registry: Registry) -> None:
    memory = warm(registry)
    for line in ("GET config", "GET layer1"):
        registry.once(line, Says(403))
    # The token's reply overtakes the config's.
    outcome = registry.check(REFERENCE, memory=memory, backwards=True)
    assert outcome.reason is Reason.OK
    assert "GET config with token-2" in registry.log


def test_refused_login_is_forgotten(registry: Registry) -> None:
    memory = warm(registry)
    registry.revoke_tokens()
    registry.always("GET token", Says(401))
    assert registry.check(REFERENCE, memory=memory).reason is Reason.AUTH_REQUIRED_OR_MISSING
    assert registry.memory == Memory()


def test_challenge_that_leads_nowhere_is_forgotten(registry: Registry) -> None:
    """C20: the realm may have moved; the next check asks the registry itself."""
    memory = replace(warm(registry), header="")
    registry.always("GET token", Breaks(FaultKind.DNS_NXDOMAIN))
    assert registry.check(REFERENCE, memory=memory).reason is Reason.DNS_NXDOMAIN
    assert registry.memory == Memory()


def test_token_remembered_without_a_challenge_is_renewed_through_a_ping(registry: Registry) -> None:
    memory = Memory(header="Bearer long-gone")
    registry.once("HEAD 1", Says(403))
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory).reason is Reason.OK
    assert registry.log == ["HEAD 1 with long-gone", "GET ping", "GET token", "HEAD 1 with token-1"]


@pytest.mark.parametrize(
    "kind", [FaultKind.RATE_LIMITED, FaultKind.RATE_LIMITED_AUTH, FaultKind.RATE_LIMITED_UPSTREAM]
)
def test_challenge_outlives_a_pause_of_its_token_service(registry: Registry, kind: FaultKind) -> None:
    """C20, E.2: nothing was sent, whichever request of that host was one too many; so nothing is out of date."""
    challenge = replace(warm(registry), header="")
    registry.once("GET token", Breaks(kind))
    assert registry.check(REFERENCE, memory=challenge).stage == "token"
    assert registry.memory == Memory(challenge.challenge, challenge.challenge_url)
