"""Manifests and indexes: resolve the reference, read its document, choose the wanted platforms.

Source: behaviour rows R13, M2 to M25 and P1 to P16. The order is a container runtime's: HEAD of the tag, then GET
by the digest it gave; HEAD costs nothing of Docker Hub's quota.
"""

from dataclasses import replace

from probes.protocol.conversation.blobs import on_image
from probes.protocol.conversation.state import HEAD_REFUSED, Errand, Purpose, Wanted
from probes.protocol.conversation.turn import Turn
from probes.protocol.digest import Digest, DigestInvalid
from probes.protocol.errors import RegistryError, manifest_refusal, read_error
from probes.protocol.exchange import Reply
from probes.protocol.manifest import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    ImageIndex,
    ImageManifest,
    ManifestInvalid,
    decode_body,
    is_schema1,
    looks_like_html,
    read_manifest,
)
from probes.protocol.plan import ALL_PLATFORMS, DEFAULT_PLATFORM, Plan
from probes.protocol.platform import Platform, choose, listing
from probes.protocol.reference import HUB_API_HOST
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn


def resolve(turn: Turn) -> Errand:
    """Return the first errand of a check: HEAD of what the reference points at, or GET where HEAD is refused (M6)."""
    url = f"{turn.state.repository_url}/manifests/{turn.state.reference.target}"
    if turn.state.known.lacks_head:
        turn.warn(Warn.HEAD_UNSUPPORTED)
        return Errand(purpose=Purpose.MANIFEST, stage=Stage.MANIFEST, home=url, url=url)
    return Errand(purpose=Purpose.RESOLVE, stage=Stage.MANIFEST, home=url, url=url, method="HEAD")


def on_resolve(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the reply to HEAD; whatever it does not settle, a GET does (rows M3 to M9)."""
    state = turn.state
    state.head_status = reply.status
    if reply.status == 200:
        digest = _settled_digest(turn, reply)
        if digest:
            _found(turn, digest)
            known = turn.known(digest)
            if state.plan.depth is Depth.RESOLVE:
                return
            if known and known.is_shown_by(reply):
                _read(turn, errand, digest, known.body, known.media_type)
            else:
                _get_manifest(turn, errand, digest)
            return
    elif reply.status == 429:
        turn.record(errand, errand.refusal(Reason.RATE_LIMITED, reply, RegistryError()))
        return
    elif reply.status == 404 and state.registry.host == HUB_API_HOST:
        # Docker Hub's 404 is final: a missing repository is a 401 there (row M7).
        turn.fail(errand, Reason.DIGEST_NOT_FOUND if state.reference.digest else Reason.TAG_NOT_FOUND)
        return
    elif reply.status in HEAD_REFUSED:
        turn.warn(Warn.HEAD_UNSUPPORTED)
    _get_manifest(turn, errand, state.reference.target)


def _found(turn: Turn, digest: str) -> None:
    """Note what the reference points at. A tag beside a digest is worth one more question (row R13)."""
    state = turn.state
    is_first = state.digest is None
    state.digest = digest
    if is_first and state.plan.check_tag and state.reference.digest and state.reference.tag:
        url = f"{state.repository_url}/manifests/{state.reference.tag}"
        turn.enqueue([Errand(purpose=Purpose.TAG, stage=Stage.MANIFEST, home=url, url=url, method="HEAD")])


def on_tag(turn: Turn, reply: Reply) -> None:
    """Read what the tag beside a digest points at. Only another digest, plainly stated, says anything (row R13)."""
    asked = turn.state.reference.digest
    try:
        stated = Digest.parse(reply.headers.get("docker-content-digest").strip())
    except DigestInvalid:
        return
    if reply.status == 200 and asked and stated.algorithm == asked.algorithm and stated != asked:
        turn.warn(Warn.TAG_MOVED)


def _get_manifest(turn: Turn, errand: Errand, target: str) -> None:
    url = f"{turn.state.repository_url}/manifests/{target}"
    errand = replace(errand, purpose=Purpose.MANIFEST, method="GET", home=url, retries=0)
    if turn.state.head_status == 200:
        errand = replace(errand, first_failure=None)  # whatever it was, the HEAD has got over it
    turn.send(errand.restarted())


def _settled_digest(turn: Turn, reply: Reply) -> str | None:
    """Return the digest that a HEAD settles, or None where only a GET can tell (rows M3 to M5, S12)."""
    stated = _stated_digest(turn, reply)
    if stated is None:
        return None
    if "content-length" not in reply.headers:
        turn.warn(Warn.NO_DIGEST_HEADER)
        return None
    asked = turn.state.reference.digest
    if asked is None or stated == str(asked):
        return stated
    turn.warn(Warn.DIGEST_HEADER_MISMATCH)
    return None


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
        digest = target
    else:
        stated = _stated_digest(turn, reply)
        digest = str(Digest.of(body, stated.partition(":")[0] if stated else "sha256"))
        if stated and stated != digest:
            state.digest = digest
            turn.warn(Warn.DIGEST_HEADER_MISMATCH)
            _get_manifest(turn, errand, digest)  # row M12: does it serve what it did serve?
            return
    _found(turn, digest)
    if state.head_status in (400, 403, 404, 412):
        turn.warn(Warn.HEAD_GET_DISAGREE)
    turn.keep(digest, body, reply.headers.get("content-type"))
    _read(turn, errand, digest, body, reply.headers.get("content-type"))


def _read(turn: Turn, errand: Errand, digest: str, body: bytes, media_type: str) -> None:
    """Take up the document behind the reference: it is intact, whether it was sent just now or is known."""
    state = turn.state
    document = _document(turn, errand, body, media_type)
    if document is None:
        return
    state.has_manifest = True
    if not state.plan.depth.includes(Depth.PLATFORM):
        return
    if isinstance(document, ImageIndex):
        state.wanted = _wanted(turn, document)
        _on_index(turn, errand, document, tuple(item.name for item in state.wanted), (digest,))
    else:
        names = _names(state.plan)
        state.wanted = tuple(Wanted(name=name, platform=None, digest=digest) for name in names)
        on_image(turn, errand, document, names, states_platform=False)


def on_child(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read a platform's manifest, or an index within the index (rows P9 to P12)."""
    descriptor = errand.content
    if errand.known and reply.status != 429:
        if errand.known.is_shown_by(reply):
            _read_child(turn, errand, errand.known.body, errand.known.media_type)
        else:
            turn.send(errand.read_after_all())
        return
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
    turn.keep(str(descriptor.digest), body, reply.headers.get("content-type"))
    _read_child(turn, errand, body, reply.headers.get("content-type"))


def _read_child(turn: Turn, errand: Errand, body: bytes, media_type: str) -> None:
    """Take up a child that is intact, whether it was sent just now or is known."""
    descriptor = errand.content
    document = _document(turn, errand, body, media_type)
    if document is None:
        return
    if isinstance(document, ImageManifest):
        on_image(turn, errand, document, errand.platforms, states_platform=descriptor.platform is not None)
    else:
        _on_index(turn, errand, document, errand.platforms, (*errand.lineage, str(descriptor.digest)))


def _names(plan: Plan) -> tuple[str, ...]:
    """Return the platforms that a plan names: `all` swallows the others, none means the default (row P14)."""
    if ALL_PLATFORMS in plan.platforms:
        return (ALL_PLATFORMS,)
    return plan.platforms or (DEFAULT_PLATFORM,)


def _wanted(turn: Turn, index: ImageIndex) -> tuple[Wanted, ...]:
    """Return what is wanted of an index; `all` stands for each platform that it offers (rows P14, P16)."""
    names = _names(turn.state.plan)
    if names != (ALL_PLATFORMS,):
        return tuple(Wanted(name=name, platform=Platform.parse(name)) for name in names)
    offered = list(dict.fromkeys(child.platform for child in index.runnable if child.platform))
    if len(offered) > turn.state.limits.children:
        turn.warn(Warn.PROBE_CAPPED)
    wanted = tuple(
        Wanted(name=str(platform), platform=platform) for platform in offered[: turn.state.limits.children]
    )
    return wanted or (Wanted(name=ALL_PLATFORMS, platform=None),)


def _on_index(
    turn: Turn, errand: Errand, index: ImageIndex, names: tuple[str, ...], lineage: tuple[str, ...]
) -> None:
    """Choose a child for each wanted platform and queue it."""
    offered = index.runnable

    def refuse(names: tuple[str, ...], reason: Reason, detail: str = "") -> None:
        turn.miss(names, replace(errand.failure(reason, detail), stage=Stage.INDEX))

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
        if reason := _unusable(offered[position], lineage, turn.state.limits.index_levels):
            refuse(users, reason, f"{offered[position].digest} as {offered[position].media_type[:100]!a}")
        else:
            _queue_child(turn, offered[position], users, lineage, place=(*errand.place, position))


def _unusable(child: Descriptor, lineage: tuple[str, ...], most_levels: int) -> Reason | None:
    """Return why a chosen child must not be fetched, or None (rows P11, P12)."""
    if child.media_type not in INDEX_TYPES | MANIFEST_TYPES:
        return Reason.MANIFEST_TYPE_UNSUPPORTED
    is_too_deep = len(lineage) >= most_levels and child.media_type in INDEX_TYPES
    return Reason.INDEX_TOO_DEEP if is_too_deep or str(child.digest) in lineage else None


def _queue_child(
    turn: Turn, child: Descriptor, users: tuple[str, ...], lineage: tuple[str, ...], *, place: tuple[int, ...]
) -> None:
    digest = str(child.digest)
    turn.state.wanted = tuple(
        replace(item, digest=digest) if item.name in users else item for item in turn.state.wanted
    )
    url = f"{turn.state.repository_url}/manifests/{digest}"
    known = turn.known(digest, child.size_bytes)
    turn.enqueue(
        [
            Errand(
                purpose=Purpose.CHILD,
                stage=Stage.CHILD,
                home=url,
                url=url,
                method="HEAD" if known else "GET",
                known=known,
                descriptor=child,
                platforms=users,
                lineage=lineage,
                place=place,
            )
        ]
    )


def _on_manifest_refusal(turn: Turn, errand: Errand, reply: Reply, *, is_by_digest: bool) -> None:
    state = turn.state
    error = read_error(reply.body)
    reason = manifest_refusal(reply, error, by_digest=is_by_digest, has_login=state.has_shown_credentials)
    if errand.purpose is Purpose.MANIFEST and state.head_status == 200 and reply.status != 429:
        # Row M9: the GET decides. Throttling is no disagreement about the image.
        turn.warn(Warn.HEAD_GET_DISAGREE)
    if errand.purpose is Purpose.MANIFEST and reply.status == 404 and is_by_digest and not state.reference.digest:
        reason = Reason.TAG_DIGEST_INCONSISTENT  # row M10
    failure = errand.refusal(reason, reply, error)
    if reason is Reason.NOT_A_REGISTRY and not errand.has_left_home:
        ping = f"{state.registry}/v2/"
        turn.send(Errand(purpose=Purpose.CONFIRM, stage=errand.stage, home=ping, url=ping, first_failure=failure))
    else:
        turn.record(errand, failure)


def on_confirm(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the reply to `GET /v2/`, asked because a 404 came as a web page: a proxy's, or the registry's own (E5)."""
    speaks_the_api = (
        "docker-distribution-api-version" in reply.headers
        or (reply.status == 200 and not looks_like_html(reply.body))
        or (reply.status == 401 and "www-authenticate" in reply.headers)
    )
    failure = errand.first_failure or errand.failure(Reason.NOT_A_REGISTRY)
    turn.record(errand, replace(failure, reason=Reason.NOT_FOUND) if speaks_the_api else failure)


def _body(turn: Turn, errand: Errand, reply: Reply) -> bytes | None:
    """Return the decoded body, or None when the errand has failed over it.

    No body and a web page are no corrupt manifest, so this comes before any digest (rows M14, M15).
    """
    try:
        body = decode_body(reply.body, reply.headers.get("content-encoding"), turn.state.limits.manifest_bytes)
        if not body or looks_like_html(body):
            read_manifest(body, "")
    except ManifestInvalid as problem:
        turn.fail(errand, problem.reason, problem.detail)
        return None
    return body


def _document(turn: Turn, errand: Errand, body: bytes, media_type: str) -> ImageIndex | ImageManifest | None:
    """Return what an intact body says, or None when the errand has failed over it."""
    try:
        document = read_manifest(body, media_type)
    except ManifestInvalid as problem:
        turn.fail(errand, problem.reason, problem.detail)
        return None
    turn.warn(*document.warnings)
    return document


def _is_intact(turn: Turn, errand: Errand, digest: Digest, body: bytes) -> bool:
    """Compare the bytes with what *we* asked for; once more on a new connection before calling it corrupt (M11)."""
    if digest.matches(body):
        return True
    if is_schema1(body):
        turn.fail(errand, Reason.LEGACY_SCHEMA1)  # its signatures are in it and no part of its digest (rows M22, M23)
        return False
    detail = f"asked for {digest}, got {Digest.of(body, digest.algorithm)}"
    failure = errand.failure(Reason.DIGEST_MISMATCH, detail)
    if errand.retries:
        turn.record(errand, failure)
    else:
        turn.retry(errand, failure, fresh_connection=True)
    return False
