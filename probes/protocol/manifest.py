"""Manifests and indexes: from the bytes a registry served to the descriptors in them.

Source: OCI image-spec 1.1 (manifest, image-index, descriptor); behaviour rows M1, M14 to M25, P6, R17.
Every document here is hostile until read: sizes are never trusted for allocation, digests are checked before use.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any, Final

from probes.protocol.digest import Digest, DigestInvalid
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
_SCHEMA1_PREFIX: Final = "application/vnd.docker.distribution.manifest.v1+"
_GENERIC_TYPES: Final = frozenset(
    {"", "text/plain", "text/html", "application/json", "application/octet-stream", "binary/octet-stream"}
)
_IMAGE_CONFIGS: Final = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
_ATTESTATION_NOTE: Final = "vnd.docker.reference.type"


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
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | (32 if coding == "deflate" else 16))
    try:
        plain = inflater.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise ManifestInvalid(Reason.MANIFEST_ENCODING_UNSUPPORTED, "broken compressed data") from error
    if len(plain) > limit_bytes:
        raise ManifestInvalid(Reason.MANIFEST_TOO_LARGE, "it grows past the limit when decompressed")
    if not inflater.eof:
        raise ManifestInvalid(Reason.MANIFEST_ENCODING_UNSUPPORTED, "compressed data that breaks off")
    return plain


def read_json(body: bytes) -> Any:
    """Return the JSON value of a hostile body. Raises `ValueError` on anything else, however deep or long."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("not readable as JSON") from error


def looks_like_html(body: bytes) -> bool:
    """Tell a login page or an error page of a proxy from a registry's reply (rows M14, E5)."""
    return body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_manifest(body: bytes, content_type: str) -> ImageIndex | ImageManifest:
    """Return the index or manifest that `body` holds. Raises `ManifestInvalid`."""
    if not body:
        raise ManifestInvalid(Reason.MANIFEST_EMPTY, "the body is empty")
    try:
        document = read_json(body)
    except ValueError:
        if looks_like_html(body):
            raise ManifestInvalid(Reason.NOT_A_REGISTRY, "an HTML page came instead of a manifest") from None
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "it is not JSON") from None
    if not isinstance(document, dict):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "it is not a JSON object")
    is_index, warnings = _kind(document, content_type.partition(";")[0].strip().lower())
    return _index(document, warnings) if is_index else _manifest(document, warnings)


def is_schema1(body: bytes) -> bool:
    """Tell whether the body is a Docker manifest of schema 1, whatever it was sent as (row M23)."""
    try:
        read_manifest(body, "")
    except ManifestInvalid as problem:
        return problem.reason is Reason.LEGACY_SCHEMA1
    return False


def _kind(document: dict[str, Any], sent_type: str) -> tuple[bool, tuple[Warn, ...]]:
    """Decide between index and manifest (rows M17, M19, M22, M23)."""
    stated_type = document.get("mediaType", "")
    if not isinstance(stated_type, str):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "mediaType is not text")
    if document.get("schemaVersion") == 1 or any(
        name.startswith(_SCHEMA1_PREFIX) for name in (sent_type, stated_type)
    ):
        raise ManifestInvalid(Reason.LEGACY_SCHEMA1, "Docker manifest schema 1")
    if document.get("schemaVersion") != 2:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "its schemaVersion is not 2")
    has_children = "manifests" in document
    has_content = "layers" in document or "config" in document
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


def _index(document: dict[str, Any], warnings: tuple[Warn, ...]) -> ImageIndex:
    children = document["manifests"]
    if not isinstance(children, list):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "manifests is not a list")
    _check_count(children, "children")
    return ImageIndex(tuple(_descriptor(child, "a child") for child in children), warnings)


def _manifest(document: dict[str, Any], warnings: tuple[Warn, ...]) -> ImageManifest:
    layers = document.get("layers")
    if not isinstance(layers, list):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, "layers is not a list")
    _check_count(layers, "layers")
    config = _descriptor(document.get("config"), "config")
    is_artifact = bool(document.get("artifactType")) or config.media_type not in _IMAGE_CONFIGS
    if is_artifact:
        warnings = (*warnings, Warn.NOT_A_CONTAINER_IMAGE)
    if not layers:
        warnings = (*warnings, Warn.NO_LAYERS)
    return ImageManifest(config, tuple(_descriptor(layer, "a layer") for layer in layers), is_artifact, warnings)


def _check_count(descriptors: list[Any], what: str) -> None:
    """Four megabytes of descriptors would hold up every other check of the region while they are read."""
    if len(descriptors) > MAX_DESCRIPTORS:
        raise ManifestInvalid(Reason.MANIFEST_TOO_LARGE, f"it lists {len(descriptors)} {what}")


def _descriptor(document: object, what: str) -> Descriptor:
    if not isinstance(document, dict):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what} is not a descriptor")
    media_type, digest, size = (document.get(name) for name in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not isinstance(digest, str):
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what} lacks mediaType or digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what} has no valid size")
    try:
        parsed = Digest.parse(digest)
    except DigestInvalid as error:
        raise ManifestInvalid(Reason.MANIFEST_MALFORMED, f"{what}: {error}") from None
    platform = read_platform(document.get("platform"))
    notes = document.get("annotations")
    is_companion = (platform is not None and not platform.is_runnable) or (
        isinstance(notes, dict) and _ATTESTATION_NOTE in notes
    )
    is_foreign = bool(document.get("urls")) or "foreign" in media_type or "nondistributable" in media_type
    return Descriptor(
        media_type=media_type,
        digest=parsed,
        size_bytes=size,
        platform=platform,
        is_foreign=is_foreign,
        is_companion=is_companion,
    )
