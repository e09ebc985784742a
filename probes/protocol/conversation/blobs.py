"""Configs and layers: proven to be there by one byte of each.

Source: behaviour rows B1 to B25, P15. The probe is a ranged GET, the verb of a real pull: the same policies apply
and signed storage URLs stay valid.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from probes.protocol.conversation.sampling import sample
from probes.protocol.conversation.state import Errand, Purpose
from probes.protocol.conversation.turn import Turn
from probes.protocol.errors import blob_refusal, is_stale_signature, read_error
from probes.protocol.exchange import Reply
from probes.protocol.manifest import Descriptor, ImageManifest, ManifestInvalid, decode_body, read_config
from probes.protocol.plan import ALL_PLATFORMS
from probes.protocol.platform import Platform, suits
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn

_CONTENT_RANGE: Final = re.compile(r"bytes 0-0/(\*|[0-9]{1,19})")
_MISSING: Final = {Stage.CONFIG: Reason.CONFIG_MISSING, Stage.LAYER: Reason.LAYER_MISSING}


def on_image(
    turn: Turn, errand: Errand, image: ImageManifest, names: tuple[str, ...], *, states_platform: bool
) -> None:
    """Queue what has to be proven of an image, read by `errand`, that the platforms `names` use."""
    state = turn.state
    wants_blobs = state.plan.depth.includes(Depth.BLOBS)
    is_readable = image.config.size_bytes <= state.limits.manifest_bytes
    reads_config = not states_platform and not image.is_artifact and is_readable
    errands = []
    if reads_config:
        known = turn.known(str(image.config.digest), image.config.size_bytes)
        errands.append(replace(_errand(turn, Purpose.CONFIG, Stage.CONFIG, image.config), known=known))
    elif wants_blobs:
        errands.append(_errand(turn, Purpose.BLOB, Stage.CONFIG, image.config))
    if wants_blobs:
        layers = image.layers
        if state.plan.sample_blobs:
            layers = _sampled(turn, layers)
        if len(layers) > state.limits.layers:
            turn.cap(Depth.PLATFORM)
            layers = layers[: state.limits.layers]
        errands += [_errand(turn, Purpose.BLOB, Stage.LAYER, layer) for layer in layers]
    placed = (replace(item, place=(*errand.place, position)) for position, item in enumerate(errands))
    turn.enqueue(_first_seen(turn, placed, names))


def _sampled(turn: Turn, layers: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
    chosen = sample(layers, turn.state.plan.rotation)
    if len(chosen) < len(layers):
        turn.warn(Warn.PROBE_SAMPLED)
    return chosen


def _errand(turn: Turn, purpose: Purpose, stage: Stage, descriptor: Descriptor) -> Errand:
    url = f"{turn.state.repository_url}/blobs/{descriptor.digest}"
    return Errand(purpose=purpose, stage=stage, home=url, url=url, descriptor=descriptor)


def _first_seen(turn: Turn, errands: Iterable[Errand], names: tuple[str, ...]) -> list[Errand]:
    """Return the errands for blobs not yet asked about, noting which platforms each blob serves (row B23).

    No more than may still be sent: an index of 64 images has room for 32,000 layers.
    """
    users, room = turn.state.users, turn.room
    fresh: list[Errand] = []
    for errand in errands:
        descriptor = errand.content
        if descriptor.size_bytes == 0:  # an empty blob cannot be ranged (row B5)
            continue
        if descriptor.is_foreign:
            turn.warn(Warn.FOREIGN_LAYER)
            continue
        digest = str(descriptor.digest)
        if digest not in users and len(fresh) >= room:
            turn.leave_out(errand, names)
            continue
        if digest not in users:
            fresh.append(errand)
        elif digest in turn.state.lost:
            turn.fail_platforms(names, turn.state.lost[digest])
        users[digest] = tuple(dict.fromkeys((*users.get(digest, ()), *names)))
    return fresh


def on_blob(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the reply to a one-byte probe."""
    size = errand.content.size_bytes
    if reply.status == 206:
        match = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range").strip())
        if not match:
            turn.fail(errand, Reason.PROTOCOL_ERROR, "a partial reply without a usable Content-Range")
        elif match[1] not in ("*", str(size)):
            turn.fail(errand, Reason.SIZE_MISMATCH, f"{match[1]} bytes, {size} declared")
    elif reply.status == 200:
        turn.warn(Warn.RANGE_IGNORED)
        length = reply.headers.get("content-length", str(size)).strip()
        if length != str(size) and not reply.headers.get("content-encoding"):
            turn.fail(errand, Reason.SIZE_MISMATCH, f"{length[:20]} bytes, {size} declared")
    elif reply.status == 405 and errand.method == "GET" and not errand.restarts:
        turn.send(replace(errand.restarted(), method="HEAD"))  # row B10
    else:
        on_blob_refusal(turn, errand, reply)


def on_config(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read a config whole: its bytes against its digest, its platform against what is wanted (row P15)."""
    descriptor = errand.content
    if errand.known:
        on_blob(turn, errand, reply)
        if reply.status in (200, 206) and str(descriptor.digest) not in turn.state.lost:
            _read_config(turn, errand, errand.known.body)
        return
    if reply.status != 200:
        on_blob_refusal(turn, errand, reply)
        return
    try:
        body = decode_body(reply.body, reply.headers.get("content-encoding"), turn.state.limits.manifest_bytes)
    except ManifestInvalid as problem:
        turn.fail(errand, problem.reason, f"the config: {problem.detail}")
        return
    if len(body) != descriptor.size_bytes:
        turn.fail(errand, Reason.SIZE_MISMATCH, f"{len(body)} bytes, {descriptor.size_bytes} declared")
        return
    if not descriptor.digest.matches(body):
        turn.fail(errand, Reason.DIGEST_MISMATCH, f"the config is not {descriptor.digest}")
        return
    turn.keep(str(descriptor.digest), body)
    _read_config(turn, errand, body)


def _read_config(turn: Turn, errand: Errand, body: bytes) -> None:
    """Take up a config that is intact, whether it was sent just now or is known."""
    try:
        offered = read_config(body)
    except ValueError:
        turn.fail(errand, Reason.MANIFEST_MALFORMED, "the config is not JSON")
        return
    if offered:
        _compare(turn, errand, offered)


def _compare(turn: Turn, errand: Errand, offered: Platform) -> None:
    """Hold the platform of a config against what is wanted of its image.

    A child that an index lists without a platform is chosen for its config's sake (row P7). The image that the
    reference itself names is what was asked for, whatever it runs on, unless the plan is strict (row P15).
    """
    users = turn.state.users[str(errand.content.digest)]
    for item in turn.state.wanted:
        if item.name not in users or item.name == ALL_PLATFORMS:
            continue
        if suits(offered, item.platform or Platform.parse(item.name)):
            continue
        if item.platform is None and not turn.state.plan.strict_platform:
            turn.warn(Warn.PLATFORM_MISMATCH)
            continue
        failure = errand.failure(Reason.PLATFORM_MISSING, f"{item.name}; present: {offered}")
        where = Stage.MANIFEST if item.platform is None else Stage.INDEX
        turn.miss((item.name,), replace(failure, stage=where))


def on_blob_refusal(turn: Turn, errand: Errand, reply: Reply) -> None:
    """A blob was not given: by the registry, or by the storage that it pointed to."""
    error = read_error(reply.body)
    is_signature_stale = errand.has_left_home and reply.status == 403
    if is_signature_stale and not errand.restarts:
        # A fresh signature may do, and it is one for the verb of a pull (rows B13, B14).
        turn.send(replace(errand.restarted(), method="GET", restarts=1))
        return
    reason = blob_refusal(reply, error, missing=_MISSING[errand.stage])
    if is_signature_stale and is_stale_signature(error, reply.body):
        reason = Reason.BLOB_BACKEND_DENIED
    where = "storage" if errand.has_left_home else error.shown(reply.status)
    turn.record(errand, errand.refusal(reason, reply, error, f"{errand.content.digest}: {where}"))
