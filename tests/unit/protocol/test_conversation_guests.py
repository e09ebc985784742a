"""Asking as anyone: a token for a host that a redirect led to, and a try without credentials that were rejected."""

from dataclasses import replace

import pytest

from probes.protocol.conversation import Memory, Send, advance, start
from probes.protocol.exchange import Ask, FaultKind, Headers, Reply
from probes.protocol.limits import CheckLimits
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from tests.fakes.dialogue import ALICE, HOST, NOON, Answer, Breaks, Registry, Says, moved

REFERENCE = f"{HOST}/team/app:1"
STORAGE = "https://storage.test"
TOKENS = "https://auth.storage.test/token"


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1")
    return made


def wants_guests(realm: str = TOKENS, **parameters: str) -> Says:
    rest = "".join(f',{name}="{value}"' for name, value in parameters.items())
    return Says(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="storage"{rest}'})


class TestStranger:
    """C21, S9: blobs are at a host that has a login of its own, and gives a token to anyone who asks."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, registry: Registry) -> None:
        registry.storage = STORAGE
        registry.guests[STORAGE] = "guest"
        registry.wants_token()
        registry.knows(ALICE)

    def test_token_for_anyone_is_had_once_and_serves_that_host(self, registry: Registry) -> None:
        registry.image("team/app:1", layers=3)
        for line in ("GET storage.test/config", "GET storage.test/layer1"):
            registry.once(line, wants_guests())
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.auth_path) == (Reason.OK, "fresh")
        assert registry.log[3:] == [
            "GET manifest with token-1",
            "GET config with token-1",
            "GET layer1 with token-1",
            "GET layer2 with token-1",
            "GET storage.test/config",
            "GET storage.test/layer1",
            "GET storage.test/layer2",
            "GET auth.storage.test/token",
            "GET storage.test/config with guest",
            "GET storage.test/layer1 with guest",
            "GET layer3 with token-1",
            "GET storage.test/layer3 with guest",
        ]
        assert "Authorization" not in dict(registry.asked("GET auth.storage.test/token")[0].headers)

    def test_it_is_not_remembered_and_not_shown(self, registry: Registry) -> None:
        registry.once("GET storage.test/config", wants_guests(), Says(404, "no guest here"))
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.CONFIG_MISSING
        assert registry.memory is not None
        assert registry.memory.header == "Bearer token-1"
        assert registry.done is not None
        assert "guest" in registry.done.secrets

    def test_host_that_still_refuses_is_left(self, registry: Registry) -> None:
        registry.always("GET storage.test/layer1", wants_guests())
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (
            Reason.REDIRECT_AUTH_REQUIRED,
            Stage.LAYER,
            "storage.test",
        )
        assert registry.log[-2:] == ["GET auth.storage.test/token", "GET storage.test/layer1 with guest"]

    def test_there_is_one_exchange_and_no_second(self, registry: Registry) -> None:
        registry.once("GET layer1", moved("https://other.test/layer1"))
        registry.once("GET storage.test/config", wants_guests())
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        registry.once("GET other.test/layer1", wants_guests())
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.host) == (Reason.REDIRECT_AUTH_REQUIRED, "other.test")
        assert registry.log.count("GET auth.storage.test/token") == 1

    def test_late_refusal_from_before_the_token_is_asked_again(self, registry: Registry) -> None:
        registry.once("GET storage.test/config", wants_guests())
        registry.once("GET storage.test/layer1", wants_guests())
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        move = start(Plan(reference=REFERENCE))
        in_flight: list[Ask] = []
        while isinstance(move, Send):
            in_flight += move.asks
            in_flight.sort(key=lambda ask: (ask.stage != "token", ask.id))  # the token service is quick
            move = advance(move.state, registry.answer(in_flight.pop(0)))
        assert move.conclusion.reason is Reason.OK
        assert registry.log[-4:] == [
            "GET auth.storage.test/token",
            "GET storage.test/layer1",
            "GET storage.test/config with guest",
            "GET storage.test/layer1 with guest",
        ]

    def test_slow_token_service_is_waited_for_and_costs_no_layer(self, registry: Registry) -> None:
        """B24, P16: the queue is not spent on refusals meanwhile, and does not go out all at once afterwards."""
        registry.image("team/app:1", layers=90)
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        move = start(Plan(reference=REFERENCE))
        in_flight: list[Ask] = []
        refused = most = 0
        while isinstance(move, Send):
            in_flight += move.asks
            in_flight.sort(key=lambda ask: ("auth.storage.test" in ask.url, ask.id))  # the token service is slow
            most = max(most, len(in_flight))
            ask = in_flight.pop(0)
            event = registry.answer(ask)
            if ask.url.startswith(STORAGE) and "Authorization" not in dict(ask.headers):
                headers = Headers.of([("WWW-Authenticate", f'Bearer realm="{TOKENS}"')])
                event, refused = Reply(ask_id=ask.id, status=401, headers=headers, received_at=NOON), refused + 1
            move = advance(move.state, event)
        assert (refused, most) == (3, 3)
        assert (move.conclusion.reason, move.conclusion.depth) == (Reason.OK, Depth.BLOBS)

    def test_next_hop_gets_nothing(self, registry: Registry) -> None:
        registry.once("GET storage.test/layer1", wants_guests(), moved("https://cdn.test/layer1"))
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        registry.once("GET cdn.test/layer1", Says(206, headers={"Content-Range": "bytes 0-0/*"}))
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log[-1] == "GET cdn.test/layer1"

    @pytest.mark.parametrize(
        ("scope", "asked"),
        [
            ("repository:mirror/app:pull,push", "repository:mirror/app:pull"),
            ("", "repository:team/app:pull"),
            ("registry:catalog:*", "repository:team/app:pull"),
        ],
    )
    def test_scope_is_the_hosts_own_for_pull_only(self, registry: Registry, scope: str, asked: str) -> None:
        """C15."""
        registry.once("GET storage.test/layer1", wants_guests(scope=scope))
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.queries()[-1] == {"service": ["storage"], "scope": [asked]}

    @pytest.mark.parametrize(
        "challenge",
        [
            Says(401),
            Says(401, headers={"WWW-Authenticate": 'Basic realm="x"'}),
            wants_guests("http://auth.storage.test/token"),
            wants_guests("https://me@auth.storage.test/token"),
            wants_guests(""),
        ],
        ids=["none", "basic", "T1", "T2", "C12"],
    )
    def test_realm_that_must_not_be_asked_is_not(self, registry: Registry, challenge: Says) -> None:
        registry.once("GET storage.test/layer1", challenge)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.host) == (Reason.REDIRECT_AUTH_REQUIRED, "storage.test")
        assert registry.log[-1] == "GET storage.test/layer1"

    @pytest.mark.parametrize(
        ("answer", "reason", "host"),
        [
            (Says(401, {"details": "members only"}), Reason.REDIRECT_AUTH_REQUIRED, "storage.test"),
            (Says(404), Reason.REDIRECT_AUTH_REQUIRED, "storage.test"),
            (moved("/elsewhere"), Reason.REDIRECT_AUTH_REQUIRED, "storage.test"),
            (Says(503), Reason.AUTH_SERVICE_ERROR, "auth.storage.test"),
            (Says(429), Reason.RATE_LIMITED_AUTH, "auth.storage.test"),
            (Says(200, "<html>"), Reason.AUTH_TOKEN_NOT_JSON, "auth.storage.test"),
            (Breaks(FaultKind.TIMEOUT_HEADERS), Reason.AUTH_SERVICE_TIMEOUT, "auth.storage.test"),
            (Breaks(FaultKind.BODY_TOO_LARGE), Reason.AUTH_TOKEN_TOO_LARGE, "auth.storage.test"),
            (Breaks(FaultKind.ADDRESS_FORBIDDEN), Reason.AUTH_REALM_FORBIDDEN, "auth.storage.test"),
        ],
        ids=["T23", "T26", "T7", "T28", "T27", "T21", "T28-timeout", "T22", "T6"],
    )
    def test_token_that_is_not_given_fails_what_it_was_for(
        self, registry: Registry, answer: Answer, reason: Reason, host: str
    ) -> None:
        registry.once("GET storage.test/layer1", wants_guests())
        registry.always("GET auth.storage.test/token", answer)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.host) == (reason, host)
        assert registry.memory is not None
        assert registry.memory.header == "Bearer token-1"  # our own login is as good as before

    def test_banner_of_that_host_or_its_token_service_is_not_shown(self, registry: Registry) -> None:
        """S22: the registry chose who answers, and so what would be read out."""
        registry.once("GET storage.test/layer1", Says(401, "220 mail.internal ESMTP"))
        assert registry.check(REFERENCE).detail == "HTTP 401"
        registry.once("GET storage.test/layer1", wants_guests())
        registry.once("GET auth.storage.test/token", Says(403, "220 mail.internal ESMTP"))
        assert registry.check(REFERENCE).detail == "its token service: HTTP 403"

    def test_token_service_that_stumbles_is_asked_once_more(self, registry: Registry) -> None:
        """T28."""
        registry.once("GET storage.test/layer1", wants_guests())
        registry.once("GET auth.storage.test/token", Says(503), Says(200, {"token": "guest"}))
        assert registry.check(REFERENCE).reason is Reason.OK

    def test_its_requests_count(self, registry: Registry) -> None:
        """Limits, D.2: HEAD, token, HEAD and GET come before it."""
        registry.once("GET storage.test/layer1", wants_guests())
        outcome = registry.check(REFERENCE, limits=CheckLimits(requests_unqueued=4))
        assert (outcome.reason, outcome.status) == (Reason.PROTOCOL_ERROR, Status.DEGRADED)
        assert "GET auth.storage.test/token" not in registry.log

    def test_manifest_may_be_at_such_a_host(self, registry: Registry) -> None:
        """registry.k8s.io sends manifests to a registry that may challenge."""
        registry.once("HEAD 1", moved(f"{STORAGE}/v2/mirror/app/manifests/1"))
        found = Says(200, headers={"Docker-Content-Digest": "sha256:" + "a" * 64, "Content-Length": "2"})
        registry.once("HEAD storage.test/v2/mirror/app/manifests/1", wants_guests(), found)
        registry.once("GET auth.storage.test/token", Says(200, {"token": "guest"}))
        outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE)
        assert (outcome.reason, outcome.auth_path) == (Reason.OK, "none")
        assert registry.log[-1] == "HEAD storage.test/v2/mirror/app/manifests/1 with guest"


class TestRejected:
    """T34: real clients with that secret fail, whether or not anyone else may pull."""

    def test_bad_credentials_are_not_hidden_by_an_anonymous_try(self, registry: Registry) -> None:
        registry.wants_token(anyone=True)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.stage, outcome.host) == (
            Reason.AUTH_BAD_CREDENTIALS,
            Stage.TOKEN,
            "auth.registry.example",
        )
        assert outcome.detail == "incorrect username or password; anonymous_ok: it can be had without a login"
        assert registry.log == ["HEAD 1", "GET token as alice", "GET token", "HEAD 1 with token-1"]

    def test_nothing_is_added_where_anyone_is_refused_too(self, registry: Registry) -> None:
        registry.wants_token(anyone=False)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.detail) == (Reason.AUTH_BAD_CREDENTIALS, "incorrect username or password")
        assert registry.log == ["HEAD 1", "GET token as alice", "GET token"]

    @pytest.mark.parametrize(
        "answer", [Says(401), Says(404), moved("https://elsewhere.test/m"), Says(503), Says(429)]
    )
    def test_nothing_is_added_where_the_token_of_anyone_opens_nothing(self, registry: Registry, answer: Says) -> None:
        """Docker Hub gives tokens to anyone, without the right to pull."""
        registry.wants_token()
        registry.once("HEAD 1", Says(401, headers={"WWW-Authenticate": registry.challenges[0]}), answer)
        assert registry.check(REFERENCE, secret=ALICE).detail == "incorrect username or password"
        assert len(registry.log) == 4

    @pytest.mark.parametrize("kind", list(FaultKind))
    @pytest.mark.parametrize("line", ["GET token", "HEAD 1"])
    def test_silence_changes_nothing_and_is_not_asked_again(
        self, registry: Registry, line: str, kind: FaultKind
    ) -> None:
        registry.wants_token()
        challenge = Says(401, headers={"WWW-Authenticate": registry.challenges[0]})
        registry.once("HEAD 1", challenge)
        registry.once("GET token", Says(401, {"details": "no"}))
        registry.once(line, Breaks(kind))
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.detail, outcome.stage) == (Reason.AUTH_BAD_CREDENTIALS, "no", Stage.TOKEN)

    @pytest.mark.parametrize(
        "reply", [Says(500), Says(429, headers={"Retry-After": "1"}), Says(200, {}), moved("/t")]
    )
    def test_answer_without_a_token_changes_nothing_and_is_not_asked_again(
        self, registry: Registry, reply: Says
    ) -> None:
        registry.wants_token()
        registry.once("GET token", Says(401, {"details": "no"}), reply)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.detail) == (Reason.AUTH_BAD_CREDENTIALS, "no")
        assert registry.log == ["HEAD 1", "GET token as alice", "GET token"]

    def test_what_comes_in_meanwhile_changes_nothing(self, registry: Registry) -> None:
        """Two layers are still on their way when the renewal of the login is refused."""
        registry.image("team/app:1", layers=3)
        registry.wants_token()
        memory = Memory(header="Bearer of-old")
        registry.valid_tokens.add("of-old")
        registry.once("GET config", Says(401, headers={"WWW-Authenticate": registry.challenges[0]}))
        registry.once("GET layer2", Breaks(FaultKind.TIMEOUT_TOTAL))
        move = start(Plan(reference=REFERENCE), ALICE, memory)
        late: list[Ask] = []
        while isinstance(move, Send):
            asks = [ask for ask in move.asks if ask.stage != "layer"]
            late += [ask for ask in move.asks if ask.stage == "layer"]
            move = advance(move.state, registry.answer(asks[0]))
            if isinstance(move, Send) and move.state.settled and late:
                for ask in late:
                    answered = advance(move.state, registry.answer(ask))
                    assert isinstance(answered, Send)
                    move = replace(answered, asks=move.asks)
                late.clear()
        assert move.conclusion.reason is Reason.AUTH_BAD_CREDENTIALS
        assert "anonymous_ok" in move.conclusion.detail

    def test_its_requests_count(self, registry: Registry) -> None:
        """Limits, D.2."""
        registry.wants_token()
        outcome = registry.check(REFERENCE, secret=ALICE, limits=CheckLimits(requests_unqueued=3))
        assert (outcome.reason, outcome.detail) == (Reason.AUTH_BAD_CREDENTIALS, "incorrect username or password")
        assert len(registry.log) == 3

    def test_refused_login_is_forgotten(self, registry: Registry) -> None:
        """C20: and the token that anyone may have is not remembered in its place."""
        registry.wants_token()
        registry.check(REFERENCE, secret=ALICE)
        assert registry.memory == Memory()
