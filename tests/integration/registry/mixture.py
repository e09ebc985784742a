"""The mixture of servers that a soak is made against: `python -m tests.integration.registry.mixture`.

Each case is a world of its own, behind one name. The program prints one line of JSON (the plans by name), serves
until its input ends, and prints another one: what came, and what was wrong with it. A program of its own, so that
whatever sockets, tasks and objects the soak counts are the engine's.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import trustme

from probes.protocol.taxonomy import Depth, Reason
from tests.fakes import contents
from tests.fakes.fake_registry import ALICE, Certificate, Quota, Says, World, greetings, moved
from tests.fakes.fake_registry import misbehaviour as mis
from tests.fakes.fake_registry.answers import Answer, Misbehaviour, Turn
from tests.fakes.peer import Script

Prepare = Callable[[World], None]

_HASTE_SECONDS: Final = 0.4  # for a check of a server that never ends
_PATIENCE_SECONDS: Final = 60.0
_FORGETTING_SECONDS: Final = 0.2


def _nothing(world: World) -> None:
    del world


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of server: how it is made before and after it starts, and what a check of it may find."""

    reasons: frozenset[Reason]
    before: Prepare = _nothing
    after: Prepare = _nothing
    has_login: bool = False
    share: float = 1.0  # of the checks, against other cases: less where one costs a lot
    plan: Mapping[str, Any] = field(default_factory=dict)


def _case(*reasons: Reason, after: Prepare = _nothing, **more: Any) -> Case:
    return Case(reasons=frozenset(reasons), after=after, **more)


def _always(answer: Answer, *lines: str) -> Prepare:
    """Answer so to these lines, or to everything."""

    def prepare(world: World) -> None:
        for line in lines or ("HEAD *", "GET *"):
            world.registry.always(line, answer)

    return prepare


def _manifest(reason: Reason, behaviour: Misbehaviour | Says, **more: Any) -> Case:
    """A registry that answers HEAD rightly and its manifest so."""
    return _case(reason, after=_always(behaviour, "GET manifest"), **more)


def _endless(behaviour: Misbehaviour) -> Case:
    return _manifest(Reason.TIMEOUT_TOTAL, behaviour, plan={"timeout_seconds": _HASTE_SECONDS})


def _fine(behaviour: Misbehaviour) -> Case:
    return _case(Reason.OK, after=_always(behaviour))


def _token(*names: str, anyone: bool = True) -> Prepare:
    """Ask for a token, and keep blobs at the CDN."""

    def prepare(world: World) -> None:
        world.wants_token()
        world.moves_blobs(*names)
        if not anyone:
            world.accounts.public.clear()

    return prepare


def _password(*, known: bool) -> Prepare:
    def prepare(world: World) -> None:
        world.wants_password()
        if known:
            world.accounts.know(ALICE)

    return prepare


def _token_service(answer: Answer) -> Prepare:
    def prepare(world: World) -> None:
        world.wants_token()
        world.auth.always("GET token", answer)

    return prepare


def _revoking(world: World) -> None:
    """Take tokens back while they are in use: every eighth manifest."""
    world.wants_token()
    count = 0

    async def revoke(turn: Turn) -> bool:
        nonlocal count
        count += 1
        if count % 8 == 0:
            world.accounts.revoke()
        turn.send(turn.wire)
        return True

    world.registry.always("GET manifest", revoke)


def _realm_at_a_stranger(world: World) -> None:
    world.wants_token(f"{world.stranger.origin}/token")


def _pointing(location: Callable[[World], str]) -> Prepare:
    return lambda world: world.registry.always("GET layer1", moved(location(world)))


def _circle(world: World) -> None:
    world.registry.always("GET layer1", moved(f"{world.cdn.origin}/a"))
    world.cdn.always("GET /a", moved("/b"))
    world.cdn.always("GET /b", moved("/a"))
    world.cdn.trade = world.stranger.trade


def _cdn(answer: Answer) -> Prepare:
    def prepare(world: World) -> None:
        world.moves_blobs()
        world.cdn.always("GET layer1", answer)

    return prepare


def _certificate(of: str, certificate: Certificate) -> Prepare:
    def prepare(world: World) -> None:
        world.moves_blobs()
        getattr(world, of).certificate = certificate

    return prepare


def _greeting(greeting: Script) -> Prepare:
    def prepare(world: World) -> None:
        world.registry.greeting = greeting

    return prepare


def _quota(remaining: int) -> Prepare:
    def prepare(world: World) -> None:
        world.api.quota = Quota(limit=100, remaining=remaining, retry_after="30")

    return prepare


def _index(world: World) -> None:
    world.store.index("team/app:1", contents.child("linux/amd64"), contents.child("linux/arm64"))


def _spoilt(name: str, how: str) -> Prepare:
    def prepare(world: World) -> None:
        image = world.store.image("team/app:1", layers=2)
        content = next(content for content in image.contents if content.name == name)
        {
            "lost": lambda: world.store.delete(content),
            "corrupt": lambda: world.store.corrupt(content),
            "short": lambda: world.store.truncate(content, 3),
        }[how]()

    return prepare


CASES: Final[Mapping[str, Case]] = {
    # In order
    "good, open": _case(Reason.OK),
    "good, by token, with a CDN": _case(Reason.OK, after=_token()),
    "good, by token, with a login": _case(
        Reason.OK, after=_token(anyone=False), before=lambda world: world.accounts.know(ALICE), has_login=True
    ),
    "good, by password": _case(Reason.OK, after=_password(known=True), has_login=True),
    "good, an index": _case(Reason.OK, after=_index, plan={"platforms": ("linux/amd64", "linux/arm64")}),
    "good, HEAD alone": _case(Reason.OK, plan={"depth": Depth.RESOLVE}),
    # Refusals
    "missing tag": _case(Reason.TAG_NOT_FOUND, after=lambda world: world.store.untag("team/app:1")),
    "private": _case(Reason.AUTH_REQUIRED_OR_MISSING, after=_token(anyone=False)),
    "wrong password": _case(Reason.AUTH_BAD_CREDENTIALS, after=_password(known=False), has_login=True),
    "token service speaks HTML": _case(
        Reason.AUTH_TOKEN_NOT_JSON, after=_token_service(Says(200, "<html>hello</html>"))
    ),
    "token service is down": _case(Reason.AUTH_SERVICE_ERROR, after=_token_service(Says(503))),
    "token service hangs up": _case(Reason.CONNECTION_RESET, after=_token_service(mis.closes_before_reply)),
    "tokens are revoked in use": _case(
        Reason.OK, Reason.AUTH_REQUIRED_OR_MISSING, Reason.BLOB_DENIED, after=_revoking
    ),
    "realm at a stranger's": _case(Reason.AUTH_REALM_UNTRUSTED, after=_realm_at_a_stranger, has_login=True),
    "throttled": _case(Reason.RATE_LIMITED, after=_quota(0)),
    "server error": _manifest(Reason.REGISTRY_ERROR, Says(503)),
    # Contents
    "lost layer": _case(Reason.LAYER_MISSING, after=_spoilt("layer1", "lost")),
    "short layer": _case(Reason.SIZE_MISMATCH, after=_spoilt("layer2", "short")),
    "corrupt manifest": _case(Reason.DIGEST_MISMATCH, after=_spoilt("manifest", "corrupt")),
    # The connection ends early
    "closes before reply": _case(Reason.CONNECTION_RESET, after=_always(mis.closes_before_reply)),
    "closes in the header": _manifest(Reason.CONNECTION_RESET, mis.closes_mid_header),
    "closes in the body": _manifest(Reason.BODY_TRUNCATED, mis.closes_mid_body),
    "resets in the body": _manifest(Reason.BODY_TRUNCATED, mis.resets_mid_body),
    "CDN closes in the body": _case(Reason.BODY_TRUNCATED, after=_cdn(mis.closes_mid_body), share=0.3),
    # It does not end
    "stalls before reply": _endless(mis.stalls_before_reply),
    "stalls in the header": _endless(mis.stalls_mid_header),
    "stalls in the body": _endless(mis.stalls_mid_body),
    "drips headers": _endless(mis.drips_headers),
    "drips a body": _endless(mis.drips_body),
    "drips chunks": _endless(mis.drips_chunks),
    # It is too much
    "oversized field": _manifest(Reason.PROTOCOL_ERROR, mis.sends_an_oversized_field),
    "too many fields": _manifest(Reason.PROTOCOL_ERROR, mis.sends_too_many_fields),
    "flood of continues": _manifest(Reason.PROTOCOL_ERROR, mis.floods_with_continues),
    "oversized body": _manifest(Reason.MANIFEST_TOO_LARGE, mis.pours(), share=0.2),
    "oversized body, declared": _manifest(Reason.MANIFEST_TOO_LARGE, mis.pours(b"Content-Length: 1000000000")),
    "gzip bomb": _manifest(Reason.MANIFEST_TOO_LARGE, mis.gzip_bomb(16 * 1024 * 1024), share=0.2),
    # It is framed badly
    "tells too long a length": _manifest(Reason.BODY_TRUNCATED, mis.tells_the_length(+10)),
    "chunked garbage": _manifest(Reason.PROTOCOL_ERROR, mis.sends_chunked_garbage),
    "two lengths": _manifest(Reason.PROTOCOL_ERROR, mis.tells_two_lengths),
    "no HTTP at all": _manifest(Reason.PROTOCOL_ERROR, mis.speaks_smtp),
    "another protocol": _manifest(Reason.PROTOCOL_ERROR, mis.switches_protocols),
    # It is odd, and no fault
    "compressed": _manifest(Reason.OK, mis.compressed("gzip")),
    "compressed unknowably": _manifest(Reason.MANIFEST_ENCODING_UNSUPPORTED, mis.compressed("br")),
    "HTTP/1.0": _fine(mis.speaks_http10),
    "lies about keeping alive": _fine(mis.lies_about_keeping_alive),
    "goes on after the end": _fine(mis.goes_on_after_the_end),
    "continues first": _fine(mis.continues_first),
    "early 408": _case(Reason.OK, after=_always(mis.times_out_early, "HEAD 1")),
    # It points elsewhere
    "redirects in a circle": _case(Reason.REDIRECT_LOOP, after=_circle),
    "redirects to plain HTTP": _case(
        Reason.REDIRECT_INSECURE, after=_pointing(lambda world: world.stranger.origin.replace("https", "http"))
    ),
    "redirects to the metadata service": _case(
        Reason.REDIRECT_FORBIDDEN, after=_pointing(lambda _: "https://169.254.169.254/latest")
    ),
    # It is not whom it should be
    "expired CDN": _case(Reason.TLS_EXPIRED, after=_certificate("cdn", Certificate.EXPIRED), share=0.3),
    "untrusted": _case(Reason.TLS_UNTRUSTED, after=_certificate("registry", Certificate.UNTRUSTED)),
    "of another name": _case(Reason.TLS_HOSTNAME, after=_certificate("registry", Certificate.OF_ANOTHER_NAME)),
    "plain HTTP on the TLS port": _case(Reason.TLS_PROTOCOL, before=_greeting(greetings.speaks_plain_http)),
    "resets in the handshake": _case(Reason.CONNECTION_RESET, before=_greeting(greetings.resets_in_the_handshake)),
    "stalls in the handshake": _case(
        Reason.TIMEOUT_TOTAL,
        before=_greeting(greetings.stalls_in_the_handshake),
        plan={"timeout_seconds": _HASTE_SECONDS},
    ),
}


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    authority = trustme.CA()  # one: contexts are cached by their roots
    worlds = {name: World(authority) for name in CASES}
    heard = dict.fromkeys(CASES, 0)

    def forget() -> None:
        for name, world in worlds.items():
            heard[name] += len(world.tape.lines)
            world.tape.forget()

    async def keep_forgetting() -> None:
        while True:
            forget()
            await asyncio.sleep(_FORGETTING_SECONDS)

    async with AsyncExitStack() as stack:
        for name, world in worlds.items():
            world.store.image("team/app:1", layers=2)
            CASES[name].before(world)
            await stack.enter_async_context(world.running())
            CASES[name].after(world)
        forgetting = asyncio.create_task(keep_forgetting())
        plans = {
            name: world.plan(**{"timeout_seconds": _PATIENCE_SECONDS, **CASES[name].plan}).to_json()
            for name, world in worlds.items()
        }
        print(json.dumps(plans), flush=True)  # noqa: T201 - it is how a program answers
        await loop.run_in_executor(None, sys.stdin.read)
        forgetting.cancel()
        forget()
        troubles = {
            name: sorted(set(world.tape.troubles))[:5] for name, world in worlds.items() if world.tape.troubles
        }
        open_connections = {name: count for name, world in worlds.items() if (count := world.open_connections)}
        print(json.dumps({"heard": heard, "troubles": troubles, "open": open_connections}), flush=True)  # noqa: T201
        for world in worlds.values():
            world.tape.troubles.clear()


if __name__ == "__main__":
    asyncio.run(_serve())
