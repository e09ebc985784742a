"""Everything that reads what a stranger wrote, each with what must hold of it whatever it is given.

A parser's `check` takes bytes, raises `AssertionError` (or anything else) where a promise is broken, and returns a
*shape*: a small value that tells how the input was taken. An input with a new shape is worth going on from.
"""

import asyncio
import base64
import json
import unicodedata
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, Final

import httpx

from probes.protocol.challenge import MAX_CHALLENGES, Challenge, parse_challenges
from probes.protocol.digest import HEX_LENGTHS, Digest, DigestInvalid
from probes.protocol.errors import SHOWN_TEXT, pause_seconds, read_error, read_rate_limit, retry_at
from probes.protocol.exchange import Ask, Headers, Reply
from probes.protocol.manifest import (
    MAX_DESCRIPTORS,
    MAX_MEDIA_TYPE,
    Descriptor,
    ImageIndex,
    ManifestInvalid,
    decode_body,
    read_config,
    read_manifest,
)
from probes.protocol.notices import read_notices, within
from probes.protocol.platform import Platform, PlatformInvalid
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.taxonomy import Depth, Reason
from probes.protocol.token import MAX_LIFETIME_SECONDS, MAX_TOKEN, LoginRefused, grants_nothing, read_token
from probes.protocol.urls import MAX_URL, UrlRefused, origin_of, redact, resolve_url
from probes.wire.channel import End
from probes.wire.faults import WireFault
from probes.wire.http1 import Reading
from probes.wire.limits import Limits
from probes.wire.transport import _origin
from tests.fakes.dialogue import HOST, NOON, Amends, Registry, Says
from tests.fuzz import discovery, endpoints, seeds

Shape = Hashable
Check = Callable[[bytes], Shape]

ORACLE_REFUSES_LESS: Final = (b"NaN", b"Infinity")  # no JSON to us nor to a runtime; the standard library reads them
READING_LIMITS: Final = Limits(header_bytes=2048, read_ahead_bytes=256, header_fields=40)
MOST_HALVES: Final = 10_000  # of a broken letter; beyond so many escaped ones none is mended
MOST_READ: Final = 1000
ASKED: Final = (b"HEAD 1", b"GET manifest", b"GET config", b"GET layer1", b"GET token")


@dataclass(frozen=True)
class Parser:
    """`tokens` are words of its language, for the mutations to play with."""

    name: str
    check: Check
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]


def text_of(data: bytes) -> str:
    """Return any text, as a person may type or a header may hold it."""
    return data.decode("utf-8", "surrogateescape")


def header_of(data: bytes) -> str:
    """Return a header's value as the wire hands it on: Latin-1, of one line."""
    return data.translate(None, b"\r\n\0").decode("latin-1")


def check_reference(data: bytes) -> Shape:
    text = text_of(data)
    try:
        reference = parse_reference(text)
    except ReferenceInvalid as refusal:
        assert refusal.reason.value.startswith(("ref_", "digest_")), refusal.reason
        assert 0 <= refusal.position <= len(text)
        assert refusal.message
        return refusal.reason
    again = parse_reference(reference.canonical)
    assert (again.canonical, again.repository, again.target) == (
        reference.canonical,
        reference.repository,
        reference.target,
    )
    assert reference.canonical.isascii()
    assert len(reference.repository) <= 255
    origin_of(f"https://{reference.api_host}/v2/{reference.repository}/manifests/{reference.target}")
    return reference.digest is None, ":" in text, min(text.count("/"), 4), reference.warnings


def check_digest(data: bytes) -> Shape:
    text = text_of(data)
    try:
        digest = Digest.parse(text)
    except DigestInvalid as refusal:
        return refusal.unsupported, str(refusal)[:12]
    assert str(digest) == text
    assert len(digest.hex) == HEX_LENGTHS[digest.algorithm]
    return digest.algorithm


def check_platform(data: bytes) -> Shape:
    text = text_of(data)
    try:
        platform = Platform.parse(text)
    except PlatformInvalid:
        return min(text.count("/"), 4)
    assert Platform.parse(str(platform)) == platform, platform
    _ = platform.rank
    return platform.rank is None, bool(platform.variant), bool(platform.os_version), platform.is_runnable


def check_challenge(data: bytes) -> Shape:
    lines = [header_of(line) for line in data.split(b"\n")]
    challenges = parse_challenges(lines)
    assert len(challenges) <= MAX_CHALLENGES
    for one in challenges:
        assert one.scheme == one.scheme.lower() != ""
        names = [name for name, _ in one.parameters]
        assert names == [name.lower() for name in names]
        assert len(set(names)) == len(names)
    written = [as_header(one) for one in challenges]
    if all(len(line) <= 8192 for line in written):
        assert parse_challenges(written) == challenges
    return tuple((one.scheme in ("basic", "bearer"), min(len(one.parameters), 3)) for one in challenges[:3])


def as_header(challenge: Challenge) -> str:
    """Write a challenge down as RFC 9110 has it."""
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in challenge.parameters}
    return f"{challenge.scheme} " + ", ".join(f'{name}="{value}"' for name, value in escaped.items())


def check_token(data: bytes) -> Shape:
    try:
        token = read_token(data, NOON)
    except LoginRefused as refusal:
        assert refusal.reason.value.startswith("auth_token_")
        return refusal.reason, refusal.detail
    assert 0 < len(token.value) <= MAX_TOKEN
    assert all("!" <= letter <= "~" for letter in token.value)
    assert 0 <= token.lifetime_seconds <= MAX_LIFETIME_SECONDS
    assert len(token.value) < 40 or token.value not in repr(token)
    return token.warnings, token.lifetime_seconds in (0, 60, 3600)


def check_manifest(data: bytes) -> Shape:
    """The first line is the Content-Type, the rest the body."""
    content_type, _, body = data.partition(b"\n")
    try:
        document = read_manifest(body, header_of(content_type))
    except ManifestInvalid as refusal:
        assert len(refusal.detail) < 600
        check_against_the_standard_library(body, refusal.detail)
        return refusal.reason, refusal.detail[:24]
    descriptors = document.children if isinstance(document, ImageIndex) else (document.config, *document.layers)
    assert len(descriptors) <= MAX_DESCRIPTORS + 1
    for one in descriptors:
        check_descriptor(one)
    standard(body)  # what we take for JSON is JSON
    kinds = {(one.is_companion, one.is_foreign, one.platform is None) for one in descriptors}
    return type(document), document.warnings, min(len(descriptors), 3), frozenset(kinds)


def check_descriptor(one: Descriptor) -> None:
    assert Digest.parse(str(one.digest)) == one.digest
    assert one.size_bytes >= 0
    assert len(one.media_type) <= MAX_MEDIA_TYPE
    if one.platform is not None:
        assert all(len(word) <= 65 for word in (one.platform.os, one.platform.architecture, one.platform.variant))


def standard(body: bytes) -> Any:
    """Read UTF-8 by the standard library; how long a number may be is its own idea."""
    return json.loads(body.removeprefix(b"\xef\xbb\xbf").decode(), parse_int=len)


def check_against_the_standard_library(body: bytes, detail: str) -> None:
    """What the standard library reads as JSON must not be refused for not being JSON, with what ADR 17 excepts."""
    if detail != "it is not JSON" or any(word in body for word in ORACLE_REFUSES_LESS):
        return
    if body.lower().count(rb"\ud") > MOST_HALVES:
        return
    try:
        standard(body)
    except (ValueError, RecursionError):
        return
    raise AssertionError("refused as no JSON, and it is JSON")


def check_config(data: bytes) -> Shape:
    try:
        platform = read_config(data)
    except ValueError:
        return "no JSON"
    document = standard(data)
    stated = isinstance(document, dict) and isinstance(document.get("os"), str)
    assert stated or platform is None
    return platform is None, stated


def check_encoding(data: bytes) -> Shape:
    """The first line is the Content-Encoding."""
    coding, _, body = data.partition(b"\n")
    try:
        plain = decode_body(body, header_of(coding), MOST_READ)
    except ManifestInvalid as refusal:
        return refusal.reason, refusal.detail[:12]
    assert len(plain) <= max(MOST_READ, len(body))
    return len(plain) > len(body)


def check_error(data: bytes) -> Shape:
    error = read_error(data)
    assert len(error.codes) <= 8
    assert all(len(code) <= 64 for code in error.codes)
    assert len(error.text) <= 4096
    shown = error.shown(403)
    assert 0 < len(shown) <= SHOWN_TEXT
    assert all(unicodedata.category(letter)[0] != "C" for letter in shown), ascii(shown)
    return len(error.codes), bool(error.text), error.is_html, error.is_plain, error.upstream


def check_retry_after(data: bytes) -> Shape:
    status = 429 if len(data) % 2 else 503
    reply = Reply(ask_id=0, status=status, headers=Headers.of([("Retry-After", header_of(data))]), received_at=NOON)
    instant = retry_at(reply)
    assert 0 <= pause_seconds(reply) <= 3600
    if instant is None:
        return None
    seconds = (instant - NOON).total_seconds()
    assert 1 <= seconds <= 3600
    return min(int(seconds), 3)


def check_rate_limit(data: bytes) -> Shape:
    limit, _, rest = data.partition(b"\n")
    remaining, _, source = rest.partition(b"\n")
    names = ("RateLimit-Limit", "RateLimit-Remaining", "Docker-RateLimit-Source")
    quota = read_rate_limit(Headers.of(zip(names, map(header_of, (limit, remaining, source)), strict=True)))
    assert quota is not None
    for number in (quota.limit, quota.remaining, quota.window_seconds):
        assert number is None or 0 <= number < 10**9
    assert quota.source is None or 0 < len(quota.source) <= 64
    return quota.limit is None, quota.remaining is None, quota.window_seconds is None, quota.source is None


def check_warning(data: bytes) -> Shape:
    notices = read_notices(map(header_of, data.split(b"\n")))
    kept = within(notices, MOST_READ)
    assert sum(len(notice.encode()) for notice in kept) <= MOST_READ
    assert len(set(kept)) == len(kept)
    for notice in notices:
        assert 0 < len(notice) <= 1000
        assert all(unicodedata.category(letter)[0] != "C" for letter in notice), ascii(notice)
    return min(len(notices), 4), min(len(kept), 4)


def check_jwt(data: bytes) -> Shape:
    """What three dots' worth of base64 says, and the bytes as they are."""
    middle = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return grants_nothing(f"e30.{middle}.x"), grants_nothing(header_of(data))


def check_url(data: bytes) -> Shape:
    text = header_of(data)
    shown = redact(text)
    assert len(shown) <= 20_000
    try:
        url = resolve_url(f"https://{HOST}/v2/team/app/manifests/1", text)
    except UrlRefused as refusal:
        assert str(refusal)
        return str(refusal)
    origin = origin_of(url)
    assert url.isascii()
    assert "#" not in url
    assert len(url) <= 3 * MAX_URL
    assert origin_of(str(origin)) == origin
    assert _origin(httpx.URL(str(origin))) == origin  # what is dialled is what was judged
    assert str(httpx.URL(str(origin)).netloc.decode()) == origin.netloc
    redact(url)
    return origin.scheme, origin.host == HOST, "?" in url, origin.netloc == origin.host, origin.host[0] == "["


class Endless(Registry):
    """Has a 404 for every place that an input may think of."""

    def _own_answer(self, ask: Ask, place: str, authorization: str) -> Says:
        try:
            return super()._own_answer(ask, place, authorization)
        except (AssertionError, ValueError):
            return Says(404)


def check_header_in_a_dialogue(data: bytes) -> Shape:
    """The first line is a header's name, the second the line of the dialogue, the third its value."""
    name, _, rest = data.partition(b"\n")
    line, _, value = rest.partition(b"\n")
    registry = Endless()
    registry.image("team/app:1")
    registry.wants_token()
    place = (
        text_of(line)
        if line in (b"HEAD 1", b"GET manifest", b"GET config", b"GET layer1", b"GET token")
        else "HEAD 1"
    )
    said: Amends | Says = Amends({header_of(name).lower() or "warning": header_of(value)})
    if name.lower() == b"location":
        said = Says(307, headers={"Location": header_of(value)})
    registry.always(place, said)
    registry.storage = "https://storage.registry.example"
    conclusion = registry.check(f"{HOST}/team/app:1", depth=Depth.BLOBS)
    assert conclusion.reason is not Reason.INTERNAL_ERROR
    assert len(conclusion.detail) <= 500
    return name[:8], place, conclusion.reason, conclusion.warnings


class Still:
    """A connection that a reading may speak to; it does nothing."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def head_read(self) -> None: ...
    def body_read(self) -> None: ...
    def abort(self) -> None: ...


_LOOP: Final = asyncio.new_event_loop()


def check_response(data: bytes) -> Shape:
    """The first byte says into how many pieces the rest is cut."""
    pieces, sent = (data[0] if data else 0) % 8, data[1:]
    cuts = sorted(Random(len(sent)).randrange(len(sent) + 1) for _ in range(pieces))
    whole = _LOOP.run_until_complete(read_response([sent]))
    parts = _LOOP.run_until_complete(read_response([sent[a:b] for a, b in pairwise([0, *cuts, len(sent)])]))
    if whole[0] == parts[0] == "read":
        assert whole == parts, "it depends on how the bytes arrive"
    return whole[0], whole[1] if len(whole) > 1 else None


async def read_response(pieces: list[bytes]) -> tuple[Any, ...]:
    reading = Reading(Still(), READING_LIMITS, bodiless=False)
    for piece in pieces:
        reading.feed(piece)
    reading.end(End.CLEAN, "")
    try:
        await reading.head()
        assert 200 <= reading.status <= 999
        body = await reading.body(MOST_READ)
    except WireFault as fault:
        assert len(fault.detail) <= 200
        return fault.kind, fault.detail[:16]
    assert len(body) <= max(MOST_READ, READING_LIMITS.read_ahead_bytes)
    assert len(reading.headers) <= READING_LIMITS.header_fields
    assert reading.received_bytes == len(body)
    return "read", reading.status, body, tuple(reading.headers)


PARSERS: Final[Mapping[str, Parser]] = {
    name: Parser(name, check, *seeds.OF[name])
    for name, check in {
        "reference": check_reference,
        "digest": check_digest,
        "platform": check_platform,
        "challenge": check_challenge,
        "token": check_token,
        "manifest": check_manifest,
        "config": check_config,
        "encoding": check_encoding,
        "error": check_error,
        "retry-after": check_retry_after,
        "rate-limit": check_rate_limit,
        "warning": check_warning,
        "jwt": check_jwt,
        "url": check_url,
        "header": check_header_in_a_dialogue,
        "response": check_response,
        "json-path": endpoints.check_json_path,
        "statuses": endpoints.check_statuses,
        "pattern": endpoints.check_user_pattern,
        "answer": endpoints.check_answer,
        "manifests": discovery.check_manifests,
        "dockerfile": discovery.check_dockerfile,
        "tags": discovery.check_tags,
    }.items()
}
