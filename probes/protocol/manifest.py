"""Manifests and indexes: from the bytes a registry served to the descriptors in them.

Source: OCI image-spec 1.1 (manifest, image-index, descriptor); behaviour rows M1, M14 to M25, P6, R17.
Every document here is hostile until read: sizes are never trusted for allocation, digests are checked before use,
and of what a document holds only the members named here are built (ADR 17).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from probes.protocol.digest import Digest, DigestInvalid
from probes.protocol.json_members import ABSENT, WrongShape, count, first_byte, part, read_members, value
from probes.protocol.platform import Platform, read_platform
from probes.protocol.taxonomy import Reason, Warn

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT: Final = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}, */*"
"""One comma-joined header; a narrower one draws a false 404 from some registries (row M1)."""

MAX_DESCRIPTORS: Final = 2000  # of one document; several times what any real one has
MAX_OBJECTS: Final = 4 * MAX_DESCRIPTORS  # in a list of them: each with a platform, annotations, and one to spare
MAX_MEDIA_TYPE: Final = 255  # characters that are read; the most that RFC 6838 allows
_PIECE: Final = 64 * 1024
_SCHEMA1_PREFIX: Final = "application/vnd.docker.distribution.manifest.v1+"
_GENERIC_TYPES: Final = frozenset(
    {"", "text/plain", "text/html", "application/json", "application/octet-stream", "binary/octet-stream"}
)
_IMAGE_CONFIGS: Final = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)


class ManifestInvalid(ValueError):
    """The document is not a manifest that a runtime could use; `reason` says in which way."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A pointer to content: what a manifest or index says of one child, config or layer."""

    media_type: str
    digest: Digest
    size_bytes: int
    platform: Platform | None = None
    is_foreign: bool = False  # lives elsewhere by declaration (row B22); never fetched
    is_companion: bool = False  # an attestation or the like, never run (row P6)


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """A list of images by platform."""

    children: tuple[Descriptor, ...]
    warnings: tuple[Warn, ...] = ()

    @property
    def runnable(self) -> tuple[Descriptor, ...]:
        """The children that a runtime could choose from."""
        return tuple(child for child in self.children if not child.is_companion)


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """One image: its config and its layers. An artifact has the same shape and runs nowhere."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    is_artifact: bool = False
    warnings: tuple[Warn, ...] = ()


def decode_body(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return the body with its Content-Encoding undone, never more than `limit_bytes` (row M20).

    Raises `ManifestInvalid` with `manifest_encoding_unsupported` or `manifest_too_large`.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ManifestInvalid(Reason.MANIFEST_ENCODING_UNSUPPORTED, f"Content-Encoding {coding[:40]!a}")
    pieces = _inflated(body, zlib.MAX_WBITS | (32 if coding == "deflate" else 16))
    plain: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            plain.append(piece)
            size += len(piece)
            if size > limit_bytes:
                raise ManifestInvalid(Reason.MANIFEST_TOO_LARGE, "it grows past the limit when decompressed")
    except (zlib.error, EOFError) as error:
        what = "broken compressed data" if isinstance(error, zlib.error) else "compressed data that breaks off"
        raise ManifestInvalid(Reason.MANIFEST_ENCODING_UNSUPPORTED, what) from None
    return b"".join(plain)


def _inflated(body: bytes, wbits: int) -> Iterator[bytes]:
    """Yield what `body` inflates to, piece by piece: zlib itself would hold it twice, and what is left once more.

    Raises `zlib.error`, or `EOFError` when the data breaks off.
    """
    inflater = zlib.decompressobj(wbits=wbits)
    for at in range(0, len(body), _PIECE):
        rest = body[at : at + _PIECE]
        while rest and not inflater.eof:
            yield inflater.decompress(rest, _PIECE)
            rest = inflater.unconsumed_tail
    yield inflater.flush()
    if not inflater.eof:
        raise EOFError


def looks_like_html(body: bytes) -> bool:
    """Tell a login page or an error page of a proxy from a registry's reply (rows M14, E5)."""
    return body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_manifest(body: bytes, content_type: str) -> ImageIndex | ImageManifest:
    """Return the index or manifest that `body` holds. Raises `ManifestInvalid`."""
    if not body:
        raise ManifestInvalid(Reason.MANIFEST_EMPTY, "the body is empty")
    try:
        document = read_members(body, _DOCUMENT)
    except WrongShape:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "it is not a JSON object") from None
    except ValueError:
        if looks_like_html(body):
            raise ManifestInvalid(Reason.NOT_A_REGISTRY, "an HTML page came instead of a manifest") from None
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "it is not JSON") from None
    is_index, warnings = _kind(document, content_type.partition(";")[0].strip().lower())
    return _index(document, warnings) if is_index else _manifest(document, warnings)


def is_schema1(body: bytes) -> bool:
    """Tell whether the body is a Docker manifest of schema 1, whatever it was sent as (row M23)."""
    try:
        read_manifest(body, "")
    except ManifestInvalid as problem:
        return problem.reason is Reason.LEGACY_SCHEMA1
    return False


def read_config(body: bytes) -> Platform | None:
    """Return the platform that a config states, or None if it states none. Raises `ValueError` when it is no JSON."""
    try:
        return _stated(read_members(body, _PLATFORM))
    except WrongShape:
        return None


class _Document(Struct, gc=False, frozen=True):
    """The members of a manifest or an index. A name given twice counts the last time, as for most readers."""

    schema_version: Raw = field(name="schemaVersion", default=ABSENT)
    media_type: Raw = field(name="mediaType", default=ABSENT)
    artifact_type: Raw = field(name="artifactType", default=ABSENT)
    manifests: Raw = ABSENT
    config: Raw = ABSENT
    layers: Raw = ABSENT


class _Pointer(Struct, gc=False, frozen=True):
    """The members of a descriptor."""

    media_type: Raw = field(name="mediaType", default=ABSENT)
    digest: Raw = ABSENT
    size: Raw = ABSENT
    platform: Raw = ABSENT
    annotations: Raw = ABSENT
    urls: Raw = ABSENT


class _Platform(Struct, gc=False, frozen=True):
    """The members of a descriptor's platform, and of a config."""

    os: Raw = ABSENT
    architecture: Raw = ABSENT
    variant: Raw = ABSENT
    os_version: Raw = field(name="os.version", default=ABSENT)


class _Notes(Struct, gc=False, frozen=True):
    """The one annotation that says what a child is."""

    reference_type: Raw = field(name="vnd.docker.reference.type", default=ABSENT)


_DOCUMENT: Final = Decoder(_Document)
_POINTER: Final = Decoder(_Pointer)
_POINTERS: Final = Decoder(list[_Pointer])
_PLATFORM: Final = Decoder(_Platform)
_NOTES: Final = Decoder(_Notes)


def _kind(document: _Document, sent_type: str) -> tuple[bool, tuple[Warn, ...]]:
    """Decide between index and manifest (rows M17, M19, M22, M23)."""
    stated_type = value(document.media_type) if document.media_type else ""
    version = value(document.schema_version)
    if not isinstance(stated_type, str):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "mediaType is not text")
    if version == 1 or any(name.startswith(_SCHEMA1_PREFIX) for name in (sent_type, stated_type)):
        raise ManifestInvalid(Reason.LEGACY_SCHEMA1, "Docker manifest schema 1")
    if version != 2:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "its schemaVersion is not 2")
    has_children = bool(document.manifests)
    has_content = bool(document.layers) or bool(document.config)
    if has_children and has_content:
        raise ManifestInvalid(Reason.MANIFEST_TYPE_CONFLICT, "it holds both manifests and layers")
    known = INDEX_TYPES | MANIFEST_TYPES
    if sent_type in known and stated_type in known and sent_type != stated_type:
        raise ManifestInvalid(Reason.MANIFEST_TYPE_CONFLICT, f"sent as {sent_type}, states that it is {stated_type}")
    media_type = stated_type or ("" if sent_type in _GENERIC_TYPES else sent_type)
    if media_type and media_type not in known:
        raise ManifestInvalid(Reason.MANIFEST_TYPE_UNSUPPORTED, f"media type {media_type[:100]!a}")
    if not (has_children or has_content):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "it has neither manifests nor config and layers")
    if media_type and (media_type in INDEX_TYPES) != has_children:
        raise ManifestInvalid(Reason.MANIFEST_TYPE_CONFLICT, f"its content does not fit {media_type}")
    return has_children, (Warn.CONTENT_TYPE_GENERIC,) if sent_type in _GENERIC_TYPES else ()


def _index(document: _Document, warnings: tuple[Warn, ...]) -> ImageIndex:
    children = _pointers(document.manifests, "manifests", "children", "a child")
    return ImageIndex(tuple(_descriptor(child, "a child") for child in children), warnings)


def _manifest(document: _Document, warnings: tuple[Warn, ...]) -> ImageManifest:
    layers = _pointers(document.layers, "layers", "layers", "a layer")
    try:
        config = _descriptor(part(document.config, _POINTER), "config")
    except WrongShape:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "config is not a descriptor") from None
    is_artifact = bool(value(document.artifact_type)) or config.media_type not in _IMAGE_CONFIGS
    if is_artifact:
        warnings = (*warnings, Warn.NOT_A_CONTAINER_IMAGE)
    if not layers:
        warnings = (*warnings, Warn.NO_LAYERS)
    return ImageManifest(config, tuple(_descriptor(layer, "a layer") for layer in layers), is_artifact, warnings)


def _pointers(raw: Raw, member: str, what: str, one: str) -> list[_Pointer]:
    """Return the descriptors of a list, counted before they are built.

    Four megabytes of descriptors would hold up every other check of the region while they are read.
    """
    if first_byte(raw) != b"[":
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{member} is not a list")
    if count(raw, b"{") > MAX_OBJECTS:
        raise ManifestInvalid(Reason.MANIFEST_TOO_LARGE, f"its {what} hold more than {MAX_OBJECTS} objects")
    try:
        pointers = part(raw, _POINTERS)
    except WrongShape:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{one} is not a descriptor") from None
    if len(pointers) > MAX_DESCRIPTORS:
        raise ManifestInvalid(Reason.MANIFEST_TOO_LARGE, f"it lists {len(pointers)} {what}")
    return pointers


def _descriptor(pointer: _Pointer, what: str) -> Descriptor:
    media_type, digest, size = value(pointer.media_type), value(pointer.digest), value(pointer.size)
    if not isinstance(media_type, str) or not isinstance(digest, str):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what} lacks mediaType or digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what} has no valid size")
    try:
        parsed = Digest.parse(digest)
    except DigestInvalid as error:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what}: {error}") from None
    platform = _platform(pointer.platform)
    is_companion = (platform is not None and not platform.is_runnable) or _has_note(pointer.annotations)
    is_foreign = bool(value(pointer.urls)) or "foreign" in media_type or "nondistributable" in media_type
    return Descriptor(
        media_type=media_type[:MAX_MEDIA_TYPE],
        digest=parsed,
        size_bytes=size,
        platform=platform,
        is_foreign=is_foreign,
        is_companion=is_companion,
    )


def _platform(raw: Raw) -> Platform | None:
    try:
        return _stated(part(raw, _PLATFORM)) if raw else None
    except WrongShape:
        return None


def _stated(members: _Platform) -> Platform | None:
    return read_platform(
        {
            "os": value(members.os),
            "architecture": value(members.architecture),
            "variant": value(members.variant),
            "os.version": value(members.os_version),
        }
    )


def _has_note(annotations: Raw) -> bool:
    try:
        return bool(annotations) and bool(part(annotations, _NOTES).reference_type)
    except WrongShape:
        return False
