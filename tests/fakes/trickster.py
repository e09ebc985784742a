"""A registry that tells the truth most of the time, and else plays a trick drawn from a seed.

A trick is a status, headers that lead elsewhere, a document of another kind, an echo of what we sent, silence.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit

from probes.protocol.conversation import Document, Done, Known, Memory, Send, advance, start
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Headers, Reply
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.taxonomy import Depth
from tests.fakes import contents
from tests.fakes.contents import child
from tests.fakes.dialogue import HOST, NOON, Registry

PASSWORD: Final = "wonder-land-9"
IDENTITY: Final = "looking-glass-7"
BEARER: Final = "a-looking-glass-7"
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
WANTED: Final = (("linux/amd64",), ("all",), ("linux/arm64", "linux/arm/v7"), ("windows/amd64",))
STATUSES: Final = (200, 200, 200, 206, 301, 304, 307, 400, 401, 401, 401, 403, 404, 405, 407, 412, 416, 429, 500, 503)
ECHOES: Final[tuple[Callable[[str], str], ...]] = (
    str,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="").lower(),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: " ".join(text.split()),
    lambda text: json.dumps(text)[1:-1],
)


class Trickster:
    """One dialogue, the same for the same seed. Remembers what was asked, and which situations it came to."""

    def __init__(
        self, seed: int, *, password: str = PASSWORD, identity: str = IDENTITY, bearer: str = BEARER
    ) -> None:
        self.random = Random(seed)
        self.tricks = self.random.choice((0.02, 0.05, 0.15, 0.4))
        self.registry = Registry()
        self.registry.users["alice"] = password
        self.registry.identity_tokens.add(identity)
        self.registry.valid_tokens.add(bearer)
        inner = contents.index(child("linux/arm64"), name="inner")
        outer = (child("linux/amd64", layers=5), child("linux/arm64"), child(None), inner)
        index = self.registry.index("team/app:1", *outer)
        self.known = Known(
            lacks_head=self.random.random() < 0.1,
            documents={item.digest: Document(item.digest, item.body, item.media_type) for item in index.contents},
        )
        self.registry.image("team/app:2", layers=2)
        self.registry.index("team/app:3", child("linux/amd64"), inner)
        if self.random.random() < 0.5:
            self.registry.storage = STORAGE
        if self.random.random() < 0.5:
            self.registry.guests[STORAGE] = "token-for-anyone"
        match self.random.randrange(4):
            case 0:
                self.registry.wants_password()
            case 1 | 2:
                self.registry.wants_token()
        self.secret = self.random.choice(
            (
                ANONYMOUS,
                Secret(username="alice", password=password),
                Secret(identity_token=identity),
                Secret(bearer=bearer),
                Secret(username="alice", password=password, identity_token=identity),
            )
        )
        if self.random.random() < 0.15:  # it has forgotten them all
            self.registry.users.clear()
            self.registry.identity_tokens.clear()
        self.asks: list[Ask] = []
        self.states: list[Send] = []
        self.situations: Counter[str] = Counter()

    def talk(self) -> Done:
        """Talk to the end, with the replies in any order."""
        random = self.random
        plan = Plan(
            reference=f"{HOST}/team/app:{random.choice((1, 1, 2, 3))}",
            depth=random.choice((*Depth, Depth.BLOBS, Depth.BLOBS)),
            platforms=random.choice(WANTED),
            reread=random.random() < 0.5,
            strict_platform=random.random() < 0.2,
            sample_blobs=random.random() < 0.2,
        )
        memory = random.choice((None, None, Memory(header="Bearer token-of-old")))
        move = start(plan, self.secret, memory, self.known)
        in_flight: list[Ask] = []
        while isinstance(move, Send):
            self.states.append(move)
            in_flight += move.asks
            self.asks += move.asks
            assert in_flight, "it waits for nothing"
            assert len(self.asks) <= 200
            move = advance(move.state, self.answer(in_flight.pop(random.randrange(len(in_flight)))))
        self._note(move)
        return move

    def answer(self, ask: Ask) -> Event:
        random = self.random
        host = urlsplit(ask.url).hostname or ""
        if random.random() >= self.tricks:
            if host in MAY_SEE_LOGINS:
                return self.truth(ask)
            if host.endswith("storage.test"):
                return self.stored(ask)
        if random.random() < 0.2:
            self.situations["fault"] += 1
            return Fault(ask_id=ask.id, kind=random.choice(list(FaultKind)), detail=self.echo(ask))
        status, headers = random.choice(STATUSES), [self.header(ask) for _ in range(random.randrange(4))]
        if random.random() < 0.4:
            status, headers = self.aimed(ask)
        return Reply(ask_id=ask.id, status=status, headers=Headers.of(headers), body=self.body(ask), received_at=NOON)

    def aimed(self, ask: Ask) -> tuple[int, list[tuple[str, str]]]:
        """Return a trick that goes a step further in what is going on just now."""
        if ask.url.startswith(STORAGE):
            return 403, []
        authorization = dict(ask.headers).get("Authorization", "")
        if ask.stage == "token" or (not authorization and self.random.random() < 0.5):
            return 401, []
        if "Bearer" in authorization and self.random.random() < 0.5:
            return 401, [("WWW-Authenticate", f'Bearer realm="https://auth.{HOST}/token",error="invalid_token"')]
        return 307, [("Location", f"https://evil.test/{self.random.random()}")]

    def truth(self, ask: Ask) -> Event:
        try:
            return self.registry.answer(ask)
        except (AssertionError, ValueError):  # a place that only a trick led to
            return Reply(ask_id=ask.id, status=404, headers=Headers(), received_at=NOON)

    def stored(self, ask: Ask) -> Event:
        """Answer for the blobs' own host, which may want a token that anyone may have (C21)."""
        if ask.stage == "token":
            body = b'{"token": "token-for-anyone"}'
            return Reply(ask_id=ask.id, status=200, headers=Headers(), body=body, received_at=NOON)
        if STORAGE not in self.registry.guests or "Authorization" in dict(ask.headers):
            return self.truth(ask)
        headers = Headers.of([("WWW-Authenticate", 'Bearer realm="https://auth.storage.test/token"')])
        return Reply(ask_id=ask.id, status=401, headers=headers, received_at=NOON)

    def echo(self, ask: Ask) -> str:
        """Return what we sent, or a secret of ours that the registry has from elsewhere, in one form or another."""
        authorization = dict(ask.headers).get("Authorization", "").partition(" ")[2]
        known = [
            text
            for text in (self.secret.password, self.secret.identity_token, self.secret.bearer, authorization)
            if text
        ]
        if not known:
            return f"you said {ask.body.decode()}"
        form, what = self.random.choice(ECHOES), self.random.choice(known)
        return f"you said {form(what)}"[: self.random.choice((12, 40, 400, 4000))]

    def header(self, ask: Ask) -> tuple[str, str]:
        random = self.random
        realm = random.choice(PLACES)
        extra = random.choice(("", ',error="invalid_token"', ',scope="repository:other:pull"', ',scope="*"'))
        said = quote(self.echo(ask), safe="%+=")
        echoed = f"https://cdn.test/{said}?{said}={said}&scope={said}#{said}"
        return random.choice(
            (
                ("Location", random.choice((*PLACES, echoed)) + random.choice(("", str(random.random())))),
                ("Location", f"/v2/team/app/manifests/1?{random.random()}"),
                ("WWW-Authenticate", f'Bearer realm="{realm}"{extra}'),
                ("WWW-Authenticate", f'Bearer realm="https://auth.{HOST}/token"{extra}'),
                ("WWW-Authenticate", 'Basic realm="x"'),
                (f"X-{said[:40]}", self.echo(ask)),
                ("Docker-Content-Digest", f"sha256:{random.choice('ab') * 64}"),
                ("Docker-Content-Digest", self.echo(ask)),
                ("Content-Length", "7"),
                ("Content-Type", random.choice(("application/vnd.oci.image.index.v1+json", self.echo(ask)))),
                ("Content-Encoding", random.choice(("gzip", self.echo(ask)))),
                ("Content-Range", "bytes 0-0/7"),
                ("Retry-After", random.choice(("2", "3600", "soon"))),
                ("RateLimit-Remaining", "0"),
                ("Docker-RateLimit-Source", self.echo(ask)),
                ("Warning", f'299 - "{self.echo(ask)}"'),
            )
        )

    def body(self, ask: Ask) -> bytes:
        random = self.random
        said = self.echo(ask)
        pointer = {"mediaType": said, "digest": f"sha256:{'a' * 64}", "size": 7}
        document: object = random.choice(
            (
                {"token": f"token-{random.random()}"},
                {"access_token": "not\nvisible"},
                {"errors": [{"code": "DENIED", "message": said}]},
                {"errors": [{"code": said, said: said, "detail": said}]},
                {"schemaVersion": 2, "manifests": []},
                {"schemaVersion": 2, "mediaType": said},
                {"schemaVersion": 2, "manifests": [pointer]},
                {"schemaVersion": 2, "manifests": [{**pointer, "platform": {"os": said[9:], "architecture": "x"}}]},
                {"schemaVersion": 2, "config": {}, "layers": []},
                [],
            )
        )
        return random.choice((b"", b"<html>", b"\xff\x00", said.encode(), json.dumps(document).encode()))

    def _note(self, done: Done) -> None:
        """Count what the dialogue has come to, so that a census can tell what is never reached."""
        note = self.situations
        for ask in self.asks:
            scheme = dict(ask.headers).get("Authorization", "").partition(" ")[0]
            host = urlsplit(ask.url).hostname
            note[f"stage {ask.stage}"] += 1
            note[f"login by {scheme or 'nothing'}"] += 1
            note["refresh"] += ask.method == "POST"
            note["ping"] += ask.url.endswith("/v2/")
            note["stranger asked"] += host not in {*MAY_SEE_LOGINS, urlsplit(STORAGE).hostname}
            note["storage asked"] += ask.url.startswith(STORAGE)
            note["retry"] += ask.fresh_connection
            note["pause"] += ask.delay_seconds > 0
        for move in self.states:
            state = move.state
            note["errand waits for the login"] += bool(state.waiting)
            note["trial"] += bool(state.settled)
            note["guest"] += bool(state.guest and state.guest.header and not state.settled)
            note["three in flight"] += len(state.in_flight) == 3
            note["second exchange"] += state.login.exchanges == 2
            for errand in state.in_flight.values():
                note["redirect"] += bool(errand.visited)
                note["left home"] += errand.has_left_home
                note["restart"] += bool(errand.restarts)
                note["inner index"] += len(errand.lineage) > 1
        note["notice"] += bool(done.conclusion.notices)
        note[f"path {done.conclusion.auth_path}"] += 1
        note[f"status {done.conclusion.reason.status}"] += 1
        note[f"depth {done.conclusion.depth}"] += 1
