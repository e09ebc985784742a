"""An HTTP service without I/O that the check of an endpoint talks to: it plays scripts and remembers every ask.

    service = Service()
    service.at("https://api.example/health", Answers(200, '{"status": "ok"}'))
    outcome = service.check("https://api.example/health", json_path="$.status")
    assert outcome.reason is Reason.OK
    assert service.log == ["GET https://api.example/health"]

An ask that nothing provides for fails the test.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final

from probes.protocol.conversation import Done
from probes.protocol.endpoint import EndpointPlan, Expectation
from probes.protocol.endpoint.conversation import Send, advance, start
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Headers, Reply
from probes.protocol.limits import DEFAULT_LIMITS, CheckLimits
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import ANONYMOUS, Secret

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEALTH: Final = "https://api.example/health"
_EXPECTED: Final = {item.name for item in fields(Expectation)}


@dataclass(frozen=True)
class Answers:
    """A reply, the time that it takes, and when the certificate with which it comes expires."""

    status: int = 200
    body: bytes | str = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    elapsed_ms: float = 10.0
    is_cut: bool = False
    not_after: datetime | None = None


@dataclass(frozen=True)
class Breaks:
    """No reply."""

    kind: FaultKind
    detail: str = ""
    retry_at: datetime | None = None


def moved(location: str, status: int = 302, **more: Any) -> Answers:
    return Answers(status, headers={"Location": location}, **more)


class Service:
    """Answers by URL: each answer of a URL once, and its last one for ever."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.asks: list[Ask] = []
        self.done: Done | None = None
        self._answers: dict[str, deque[Answers | Breaks]] = {}

    def at(self, url: str, *answers: Answers | Breaks) -> None:
        self._answers[url] = deque(answers)

    def check(
        self, url: str = HEALTH, *, secret: Secret = ANONYMOUS, limits: CheckLimits = DEFAULT_LIMITS, **more: Any
    ) -> Conclusion:
        """Talk a check through to its end. `more` are fields of the plan and of its expectation."""
        expected = {name: value for name, value in more.items() if name in _EXPECTED}
        planned = {name: value for name, value in more.items() if name not in _EXPECTED}
        plan = EndpointPlan(url=url, expect=Expectation(**expected), **planned)
        move = start(plan, secret, limits)
        while isinstance(move, Send):
            assert len(self.log) < 20, "the check does not end"
            move = advance(move.state, self.answer(move.ask))
        assert isinstance(move, Done)
        self.done = move
        return move.conclusion

    def answer(self, ask: Ask) -> Event:
        self.log.append(f"{ask.method} {ask.url}")
        self.asks.append(ask)
        answers = self._answers[ask.url]
        said = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(said, Breaks):
            return Fault(ask_id=ask.id, kind=said.kind, detail=said.detail, retry_at=said.retry_at)
        raw = said.body.encode() if isinstance(said.body, str) else said.body
        return Reply(
            ask_id=ask.id,
            status=said.status,
            headers=Headers.of(said.headers.items()),
            body=b"" if ask.method == "HEAD" else raw,
            received_at=NOON,
            elapsed_ms=said.elapsed_ms,
            is_cut=said.is_cut,
            certificate_not_after=said.not_after,
        )
