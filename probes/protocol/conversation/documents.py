"""Manifests and indexes: resolve the reference, read its document, choose the wanted platforms.

Source: behaviour rows M2 to M25 and P1 to P16. The order is a container runtime's: HEAD of the tag, then GET
by the digest it gave; HEAD costs nothing of Docker Hub's quota.
"""

from dataclasses import replace
from typing import Final

from probes.protocol.conversation.blobs import on_image
from probes.protocol.conversation.state import (
    MANIFEST_LIMIT_BYTES,
    MAX_CHILDREN,
    MAX_INDEX_DEPTH,
    Errand,
    Failure,
    Purpose,
    Wanted,
)
from probes.protocol.conversation.turn import Turn
from probes.protocol.digest import Digest, DigestInvalid
from probes.protocol.errors import common_refusal, manifest_refusal, read_error, retry_at
from probes.protocol.exchange import Reply
from probes.protocol.manifest import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    ImageIndex,
    ImageManifest,
    ManifestInvalid,
    decode_body,
    read_manifest,
)
from probes.protocol.platform import Platform, choose, listing
from probes.protocol.reference import HUB
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from probes.protocol.urls import origin_of

ALL_PLATFORMS: Final = "all"


def resolve(turn: Turn) -> Errand:
    """Return the first errand of a check: HEAD of what the reference points at."""
    url = f"{turn.state.repository_url}/manifests/{turn.state.reference.target}"
    return Errand(purpose=Purpose.RESOLVE, stage=Stage.MANIFEST, home=url, url=url, method="HEAD")


def on_resolve(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the reply to HEAD; whatever it does not settle, a GET does (rows M3 to M9)."""
    state = turn.state
    state.head_status = reply.status
    if reply.status == 200:
        digest = _stated_digest(turn, reply)
        if digest and "content-length" in reply.headers:
            state.digest = digest
            if state.plan.depth is not Depth.RESOLVE:
                _get_manifest(turn, errand, digest)
            return
        if digest:
            turn.warn(Warn.NO_DIGEST_HEADER)
    elif reply.status == 429:
        reason = common_refusal(reply, read_error(b""))
        turn.fail(errand, reason, retry_at=retry_at(reply.headers, reply.received_at))
        return
    elif reply.status == 404 and state.reference.host == HUB:
        # Docker Hub's 404 is final: a missing repository is a 401 there (row M7).
        turn.fail(errand, Reason.DIGEST_NOT_FOUND if state.reference.digest else Reason.TAG_NOT_FOUND)
        return
    elif reply.status in (405, 501):
        turn.warn(Warn.HEAD_UNSUPPORTED)
    _get_manifest(turn, errand, state.reference.target)


def _get_manifest(turn: Turn, errand: Errand, target: str) -> None:
    url = f"{turn.state.repository_url}/manifests/{target}"
    turn.send(replace(errand.restarted(), purpose=Purpose.MANIFEST, method="GET", home=url, url=url, retries=0))


def _stated_digest(turn: Turn, reply: Reply) -> str | None:
    """Return the Docker-Content-Digest of a reply if it states a usable one (rows M4, M5)."""
    stated = reply.headers.get("docker-content-digest").strip()
    if not stated:
        turn.warn(Warn.NO_DIGEST_HEADER)
        return None
    try:
        return str(Digest.parse(stated))
    except DigestInvalid:
        turn.warn(Warn.BAD_DIGEST_HEADER)
        return None


def on_manifest(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the document behind the reference."""
    state = turn.state
    target = errand.home.rpartition("/")[2]
    is_by_digest = ":" in target
    if reply.status != 200:
        _on_manifest_refusal(turn, errand, reply, is_by_digest=is_by_digest)
        return
    body = _body(turn, errand, reply)
    if body is None:
        return
    if is_by_digest:
        if not _is_intact(turn, errand, Digest.parse(target), body):
            return
        state.digest = target
    else:
        stated = _stated_digest(turn, reply)
        computed = str(Digest.of(body, stated.partition(":")[0] if stated else "sha256"))
        if stated and stated != computed:
            turn.warn(Warn.DIGEST_HEADER_MISMATCH)
        state.digest = computed
    if state.head_status not in (None, 200, 405, 501):
        turn.warn(Warn.HEAD_GET_DISAGREE)
    try:
        document = read_manifest(body, reply.headers.get("content-type"))
    except ManifestInvalid as problem:
        turn.fail(errand, problem.reason, problem.detail)
        return
    turn.warn(*document.warnings)
    state.has_manifest = True
    if not state.plan.depth.includes(Depth.PLATFORM):
        return
    if isinstance(document, ImageIndex):
        state.wanted = _wanted(state.plan.platforms, document)
        _on_index(turn, errand, document, tuple(item.name for item in state.wanted), (state.digest,))
    else:
        names = [name for name in state.plan.platforms if name != ALL_PLATFORMS] or [ALL_PLATFORMS]
        state.wanted = tuple(Wanted(name=name, platform=None, digest=state.digest) for name in names)
        on_image(turn, document, tuple(names), states_platform=False)


def on_child(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read a platform's manifest, or an index within the index (rows P9 to P12)."""
    descriptor = errand.descriptor
    if descriptor is None:  # pragma: no cover - every child errand carries its descriptor
        raise TypeError("a child without its descriptor")
    if reply.status == 404:
        turn.fail(errand, Reason.CHILD_MANIFEST_MISSING, str(descriptor.digest))
        return
    if reply.status != 200:
        _on_manifest_refusal(turn, errand, reply, is_by_digest=True)
        return
    body = _body(turn, errand, reply)
    if body is None or not _is_intact(turn, errand, descriptor.digest, body):
        return
    if len(body) != descriptor.size_bytes:
        turn.fail(errand, Reason.SIZE_MISMATCH, f"{len(body)} bytes, {descriptor.size_bytes} declared")
        return
    try:
        document = read_manifest(body, reply.headers.get("content-type"))
    except ManifestInvalid as problem:
        turn.fail(errand, problem.reason, problem.detail)
        return
    turn.warn(*document.warnings)
    if isinstance(document, ImageManifest):
        on_image(turn, document, errand.platforms, states_platform=descriptor.platform is not None)
    else:
        _on_index(turn, errand, document, errand.platforms, (*errand.lineage, str(descriptor.digest)))


def _wanted(names: tuple[str, ...], index: ImageIndex) -> tuple[Wanted, ...]:
    """Return what is wanted of an index; `all` stands for each platform that it offers (row P14)."""
    if ALL_PLATFORMS not in names:
        return tuple(Wanted(name=name, platform=Platform.parse(name)) for name in names)
    offered = dict.fromkeys(child.platform for child in index.runnable if child.platform)
    if not offered:
        return (Wanted(name=ALL_PLATFORMS, platform=None),)
    return tuple(Wanted(name=str(platform), platform=platform) for platform in offered)


def _on_index(
    turn: Turn, errand: Errand, index: ImageIndex, names: tuple[str, ...], lineage: tuple[str, ...]
) -> None:
    """Choose a child for each wanted platform and queue it."""
    offered = index.runnable
    if len(offered) > MAX_CHILDREN:
        turn.warn(Warn.PROBE_CAPPED)
        offered = offered[:MAX_CHILDREN]
    host = origin_of(errand.url).netloc

    def refuse(names: tuple[str, ...], reason: Reason, detail: str = "") -> None:
        failure = Failure(reason=reason, stage=Stage.INDEX, host=host, detail=detail)
        turn.state.failures = (*turn.state.failures, failure)
        turn.fail_platforms(names, failure)

    if not offered:
        refuse(names, Reason.INDEX_EMPTY)
        return
    platforms = [child.platform for child in offered]
    chosen: dict[int, tuple[str, ...]] = {}
    for item in turn.state.wanted:
        if item.name not in names:
            continue
        choice = choose(platforms, item.platform) if item.platform else (0, ())
        if choice is None:
            refuse((item.name,), Reason.PLATFORM_MISSING, f"{item.name}; present: {listing(platforms)}")
            continue
        position, warnings = choice
        turn.warn(*warnings)
        chosen[position] = (*chosen.get(position, ()), item.name)
    for position, users in chosen.items():
        if reason := _unusable(offered[position], lineage):
            refuse(users, reason, f"{offered[position].digest} as {offered[position].media_type[:100]!a}")
        else:
            _queue_child(turn, offered[position], users, lineage)


def _unusable(child: Descriptor, lineage: tuple[str, ...]) -> Reason | None:
    """Return why a chosen child must not be fetched, or None (rows P11, P12)."""
    if child.media_type not in INDEX_TYPES | MANIFEST_TYPES:
        return Reason.MANIFEST_TYPE_UNSUPPORTED
    is_too_deep = len(lineage) >= MAX_INDEX_DEPTH and child.media_type in INDEX_TYPES
    return Reason.INDEX_TOO_DEEP if is_too_deep or str(child.digest) in lineage else None


def _queue_child(turn: Turn, child: Descriptor, users: tuple[str, ...], lineage: tuple[str, ...]) -> None:
    digest = str(child.digest)
    turn.state.wanted = tuple(
        replace(item, digest=digest) if item.name in users else item for item in turn.state.wanted
    )
    url = f"{turn.state.repository_url}/manifests/{digest}"
    turn.enqueue(
        [
            Errand(
                purpose=Purpose.CHILD,
                stage=Stage.CHILD,
                home=url,
                url=url,
                descriptor=child,
                platforms=users,
                lineage=lineage,
            )
        ]
    )


def _on_manifest_refusal(turn: Turn, errand: Errand, reply: Reply, *, is_by_digest: bool) -> None:
    state = turn.state
    error = read_error(reply.body)
    reason = manifest_refusal(reply, error, by_digest=is_by_digest, has_login=not state.secret.is_anonymous)
    if errand.purpose is Purpose.MANIFEST and state.head_status == 200:
        turn.warn(Warn.HEAD_GET_DISAGREE)  # row M9: the GET decides
        if reply.status == 404 and is_by_digest and state.reference.digest is None:
            reason = Reason.TAG_DIGEST_INCONSISTENT  # row M10
    throttled_until = retry_at(reply.headers, reply.received_at) if reply.status in (429, 503) else None
    turn.fail(errand, reason, error.text or f"HTTP {reply.status}", retry_at=throttled_until)


def _body(turn: Turn, errand: Errand, reply: Reply) -> bytes | None:
    """Return the decoded body, or None when the errand has failed over it."""
    try:
        return decode_body(reply.body, reply.headers.get("content-encoding"), MANIFEST_LIMIT_BYTES)
    except ManifestInvalid as problem:
        turn.fail(errand, problem.reason, problem.detail)
        return None


def _is_intact(turn: Turn, errand: Errand, digest: Digest, body: bytes) -> bool:
    """Compare the bytes with what *we* asked for; once more on a new connection before calling it corrupt (M11)."""
    if digest.matches(body):
        return True
    failure = Failure(
        reason=Reason.DIGEST_MISMATCH,
        stage=errand.stage,
        host=origin_of(errand.url).netloc,
        detail=f"asked for {digest}, got {Digest.of(body, digest.algorithm)}",
    )
    if errand.retries:
        turn.record(errand, failure)
    else:
        turn.retry(errand, failure, fresh_connection=True)
    return False
