"""A registry without I/O that a conversation talks to: it keeps state, plays scripts and remembers every ask.

    registry = Registry()
    registry.image("team/app:1", layers=2)
    outcome = registry.check("registry.example/team/app:1")
    assert outcome.reason is Reason.OK
    assert registry.log == ["HEAD 1", "GET manifest", "GET config", "GET layer1", "GET layer2"]

A line of the log is the method, then the place, then the login that was shown: `as alice` for a password,
`with token-1` for a token. Documents are called by their names, the token service `token`, `GET /v2/` `ping`;
a place elsewhere is its host and path. An ask that nothing provides for fails the test, and so does one whose
conduct no registry should ever see: a header that is not ours to send, a login at a stranger's.
"""

import base64
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from probes.protocol.conversation import NOTHING_KNOWN, Document, Done, Known, Memory, Send, advance, start
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Headers, Reply
from probes.protocol.limits import DEFAULT_LIMITS, CheckLimits
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import ANONYMOUS, DEFAULT_PLATFORM, Plan, Secret, Site
from probes.protocol.taxonomy import Depth
from probes.protocol.urls import origin_of
from tests.fakes.contents import Content, Image, Index
from tests.fakes.store import Store

HOST: Final = "registry.example"
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
REALM: Final = "https://auth.registry.example/token"
ALICE: Final = Secret(username="alice", password="wonderland", fingerprint="alice-1")
BEARING: Final = Secret(bearer="a-looking-glass", fingerprint="bearer-1")
REFRESHING: Final = Secret(identity_token="looking-glass", fingerprint="refresh-1")
_OUR_HEADERS: Final = frozenset({"Accept", "Authorization", "Content-Type", "Range"})


@dataclass(frozen=True)
class Says:
    """A reply in place of the registry's own. A header with several values is sent in as many lines."""

    status: int
    body: bytes | str | Mapping[str, Any] = b""
    headers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Amends:
    """The registry's own reply with some headers changed, or with None taken away, and perhaps another body."""

    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    status: int | None = None


@dataclass(frozen=True)
class Breaks:
    """No reply."""

    kind: FaultKind
    detail: str = ""
    received_bytes: int = 0


Answer = Says | Amends | Breaks


def moved(location: str, status: int = 307) -> Says:
    return Says(status, headers={"Location": location})


def error(code: str, message: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


class Registry:
    """Answers asks by what it holds, unless a script says otherwise.

    `log` and `asks` tell what was asked; `done` is how the last conversation ended, and `documents` what was read in
    all of them, by digest. `challenges` are the WWW-Authenticate lines that ask for a login; none means that the
    registry is open. `guests` are the tokens that other origins have given to anyone, each to be shown there and
    nowhere else.
    """

    def __init__(self, host: str = HOST, *, scheme: str = "https") -> None:
        self.origin = origin_of(f"{scheme}://{host}")
        self.log: list[str] = []
        self.asks: list[Ask] = []
        self.done: Done | None = None
        self.documents: dict[str, Document] = {}
        self.challenges: list[str] = []
        self.realm = ""
        self.users: dict[str, str] = {}
        self.identity_tokens: set[str] = set()
        self.admits_anyone = True
        self.valid_tokens: set[str] = set()
        self.storage = ""
        self.guests: dict[str, str] = {}
        self._issued = 0
        self._store = Store()
        self._once: dict[str, deque[Answer]] = {}
        self._always: dict[str, Answer] = {}

    # What it holds

    def image(self, reference: str, **fields: Any) -> Image:
        """Hold an image under REPOSITORY:TAG; `fields` are those of `contents.image`."""
        return self._store.image(reference, **fields)

    def index(self, reference: str, *children: Image | Index, entries: tuple[dict[str, Any], ...] = ()) -> Index:
        """Hold an index, and all that it lists, under REPOSITORY:TAG."""
        return self._store.index(reference, *children, entries=entries)

    def document(self, reference: str, body: bytes, media_type: str = "", name: str = "manifest") -> Content:
        """Hold any bytes in a manifest's place."""
        return self._store.document(reference, Content(name=name, body=body, media_type=media_type))

    def hold(self, reference: str, held: Image | Index) -> None:
        self._store.push(reference, held)

    def lose(self, *lost: Content) -> None:
        """Forget contents, as a registry does whose storage was cleaned."""
        self._store.delete(*lost)

    # What it asks for

    def wants_token(self, realm: str = REALM, service: str = HOST, scope: str = "", *, anyone: bool = True) -> None:
        """Ask for a bearer token of `realm`, which `anyone` or only `users` may have."""
        self.realm = realm
        self.admits_anyone = anyone
        parameters = {"realm": realm, "service": service, "scope": scope}
        self.challenges = ["Bearer " + ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)]

    def wants_password(self) -> None:
        self.admits_anyone = False
        self.challenges = ['Basic realm="Registry of the house"']

    def knows(self, secret: Secret) -> None:
        """Let the holder of `secret` in."""
        if secret.password:
            self.users[secret.username] = secret.password
        if secret.identity_token:
            self.identity_tokens.add(secret.identity_token)
        if secret.bearer:
            self.valid_tokens.add(secret.bearer)

    def revoke_tokens(self) -> None:
        self.valid_tokens.clear()

    # What it is told to do

    def once(self, line: str, *answers: Answer) -> None:
        """Give these answers, in turn, to the asks of this line (method and place); then behave again."""
        self._once.setdefault(line, deque()).extend(answers)

    def always(self, line: str, answer: Answer) -> None:
        self._always[line] = answer

    # The conversation

    def check(
        self,
        reference: str,
        *,
        depth: Depth = Depth.BLOBS,
        platforms: tuple[str, ...] = (DEFAULT_PLATFORM,),
        secret: Secret = ANONYMOUS,
        site: Site | None = None,
        memory: Memory | None = None,
        known: Known = NOTHING_KNOWN,
        limits: CheckLimits = DEFAULT_LIMITS,
        backwards: bool = False,
        **fields: Any,
    ) -> Conclusion:
        """Talk a check through to its end. `backwards` lets the last of several asks in flight answer first.

        `fields` are further ones of the plan.
        """
        self.log.clear()
        self.asks.clear()
        site = site or Site(plain_http=self.origin.scheme == "http")
        plan = Plan(reference=reference, depth=depth, platforms=platforms, site=site, **fields)
        move = start(plan, secret, memory, known, limits)
        in_flight: list[Ask] = []
        while isinstance(move, Send):
            in_flight += move.asks
            assert in_flight, "the conversation waits for nothing"
            assert len(self.log) < 250, "the conversation does not end"
            move = advance(move.state, self.answer(in_flight.pop(-1 if backwards else 0)))
            self.documents.update({document.digest: document for document in move.documents})
        unplayed = [line for line, answers in self._once.items() if answers]
        assert not unplayed, f"never asked: {unplayed}; asked: {self.log}"
        self.done = move
        return move.conclusion

    @property
    def memory(self) -> Memory | None:
        """What the last check handed on to later ones."""
        assert self.done is not None
        return self.done.memory

    def asked(self, line: str) -> list[Ask]:
        """Return the asks of this line of the log, the login included."""
        return [ask for ask, logged in zip(self.asks, self.log, strict=True) if logged == line]

    def queries(self) -> list[dict[str, list[str]]]:
        """Return the query of each token request by GET."""
        return [
            parse_qs(urlsplit(ask.url).query) for ask in self.asks if ask.stage == "token" and ask.method == "GET"
        ]

    def answer(self, ask: Ask) -> Event:
        """Log the ask, judge its conduct, and answer it."""
        place = self._place(ask)
        line = f"{ask.method} {place}"
        authorization = dict(ask.headers).get("Authorization", "")
        self.log.append(line + _shown(authorization))
        self.asks.append(ask)
        self._judge(ask)
        queued = self._once.get(line)
        scripted = queued.popleft() if queued else self._always.get(line)
        match scripted:
            case Breaks(kind, detail, received):
                return Fault(ask_id=ask.id, kind=kind, detail=detail, received_bytes=received)
            case Says():
                return _reply(ask, scripted)
            case Amends():
                return _amended(_reply(ask, self._own_answer(ask, place, authorization)), scripted)
            case None:
                return _reply(ask, self._own_answer(ask, place, authorization))

    def _judge(self, ask: Ask) -> None:
        names = [name for name, _ in ask.headers]
        assert len(set(names)) == len(names), f"a header twice: {names}"
        assert set(names) <= _OUR_HEADERS, f"not ours to send: {names}"
        origin = origin_of(ask.url)
        assert origin.scheme == "https" or origin == self.origin, f"plain HTTP to a stranger: {ask.url}"
        if (guest := self.guests.get(str(origin))) and "Authorization" in names:
            assert dict(ask.headers)["Authorization"] == f"Bearer {guest}", f"no guest's token: {ask.url}"
            return
        homes = {self.origin, *([origin_of(self.realm)] if self.realm.startswith("https:") else [])}
        if "Authorization" in names or ask.body:
            assert origin in homes, f"a login for a stranger: {ask.url}"

    def _place(self, ask: Ask) -> str:
        origin, parts = origin_of(ask.url), urlsplit(ask.url)
        if self.realm and ask.url.partition("?")[0] == self.realm.partition("?")[0]:
            return "token"
        path, _, target = parts.path.rpartition("/")
        target = self._store.names.get(target, target)
        if origin != self.origin:
            return f"{origin.netloc}{path}/{target}"
        if parts.path == "/v2/":
            return "ping"
        return target if path.endswith(("/manifests", "/blobs")) else parts.path.lstrip("/")

    def _own_answer(self, ask: Ask, place: str, authorization: str) -> Says:
        origin, path = origin_of(ask.url), urlsplit(ask.url).path
        if place == "token":
            return self._token(ask, authorization)
        if self.storage and str(origin) == self.storage:
            return self._blob(ask, self._store.blob(path.rpartition("/")[2]))
        assert origin == self.origin, f"unexpected: {ask.method} {ask.url}"
        if self.challenges and not self._is_admitted(authorization):
            headers = {"WWW-Authenticate": tuple(self.challenges)}
            return Says(401, error("UNAUTHORIZED", "authentication required"), headers)
        if place == "ping":
            return Says(200, b"{}")
        name, kind, target = path.removeprefix("/v2/").rsplit("/", 2)
        repository = self._store.repositories.get(name)
        if repository is None:
            return Says(404, error("NAME_UNKNOWN", "repository name not known to registry"))
        if kind == "manifests":
            return self._manifest(repository.documents.get(repository.tags.get(target, target)))
        assert kind == "blobs", f"unexpected: {ask.method} {ask.url}"
        content = repository.blobs.get(target)
        if content is not None and self.storage:
            return moved(f"{self.storage}/{target}?X-Signature=signed-for-{ask.method}")
        return self._blob(ask, content)

    def _is_admitted(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        if scheme == "Bearer":
            return value in self.valid_tokens
        return scheme == "Basic" and self._is_password(value)

    def _is_password(self, value: str) -> bool:
        username, _, password = base64.b64decode(value).decode().partition(":")
        return self.users.get(username) == password

    def _token(self, ask: Ask, authorization: str) -> Says:
        if ask.method == "POST":
            form = parse_qs(ask.body.decode())
            is_known = form["refresh_token"][0] in self.identity_tokens
        else:
            scheme, _, value = authorization.partition(" ")
            is_known = self._is_password(value) if scheme == "Basic" else self.admits_anyone
        if not is_known:
            return Says(401, {"details": "incorrect username or password"})
        self._issued += 1
        token = f"token-{self._issued}"
        self.valid_tokens.add(token)
        return Says(200, {"token": token, "expires_in": 300})

    @staticmethod
    def _manifest(content: Content | None) -> Says:
        if content is None:
            return Says(404, error("MANIFEST_UNKNOWN", "manifest unknown"))
        headers = {"Docker-Content-Digest": content.digest, "Content-Length": str(len(content.body))}
        return Says(200, content.body, headers | {"Content-Type": content.media_type})

    @staticmethod
    def _blob(ask: Ask, content: Content | None) -> Says:
        if content is None:
            return Says(404, error("BLOB_UNKNOWN", "blob unknown to registry"))
        size = len(content.body)
        if ("Range", "bytes=0-0") in ask.headers:
            return Says(206, content.body[:1], {"Content-Range": f"bytes 0-0/{size}", "Content-Length": "1"})
        return Says(200, content.body, {"Content-Length": str(size)})


def _shown(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    match scheme:
        case "":
            return ""
        case "Basic":
            return " as " + base64.b64decode(value).decode().partition(":")[0]
        case _:
            return f" with {value}"


def _reply(ask: Ask, said: Says) -> Reply:
    body = said.body
    if isinstance(body, Mapping):
        body = json.dumps(body)
    raw = body.encode() if isinstance(body, str) else body
    fields = ((name, [value] if isinstance(value, str) else value) for name, value in said.headers.items())
    return Reply(
        ask_id=ask.id,
        status=said.status,
        headers=Headers.of((name, value) for name, values in fields for value in values),
        body=b"" if ask.method == "HEAD" else raw,
        received_at=NOON,
    )


def _amended(reply: Reply, amendment: Amends) -> Reply:
    changed = {name.lower(): value for name, value in amendment.headers.items()}
    kept = [(name, value) for name, value in reply.headers if name not in changed]
    added = [(name, value) for name, value in changed.items() if value is not None]
    return replace(
        reply,
        status=amendment.status or reply.status,
        headers=Headers((*kept, *added)),
        body=reply.body if amendment.body is None else amendment.body,
    )
