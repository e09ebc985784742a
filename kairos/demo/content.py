"""What the registry serves: images of real layers, configs, manifests and indexes, made in memory.

PURE and deterministic: the same name and revision give the same bytes, so that a digest told to Kairos before
the server runs is the digest that it serves. Layers are genuine gzipped tar archives, and the config names
their uncompressed digests, so any client can pull and unpack them.
Source: OCI image-spec (config, manifest, index) and Docker's image manifest version 2, schema 2.
"""

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, Self

Format = Literal["oci", "docker"]

_CREATED: Final = "2024-01-01T00:00:00Z"
_BASE_LAYER_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class MediaTypes:
    """The four names under which one format's documents go."""

    index: str
    manifest: str
    config: str
    layer: str


MEDIA_TYPES: Final[Mapping[Format, MediaTypes]] = {
    "oci": MediaTypes(
        index="application/vnd.oci.image.index.v1+json",
        manifest="application/vnd.oci.image.manifest.v1+json",
        config="application/vnd.oci.image.config.v1+json",
        layer="application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    "docker": MediaTypes(
        index="application/vnd.docker.distribution.manifest.list.v2+json",
        manifest="application/vnd.docker.distribution.manifest.v2+json",
        config="application/vnd.docker.container.image.v1+json",
        layer="application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
}


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes under their digest: a manifest, an index, a config or a layer."""

    media_type: str
    data: bytes
    digest: str

    @classmethod
    def of(cls, media_type: str, data: bytes) -> Self:
        return cls(media_type, data, digest_of(data))

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image with all that hangs on it. `manifests` and `blobs` are by digest and complete.

    `children` gives the manifest's digest of each platform; for an image without an index it has one entry,
    which is `top` itself. `own_layers` are the layers that no other image shares.
    """

    top: Content
    manifests: Mapping[str, Content]
    blobs: Mapping[str, Content]
    configs: frozenset[str]
    own_layers: frozenset[str]
    children: Mapping[str, str]


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def build(
    name: str,
    *,
    platforms: Sequence[str] = ("linux/amd64",),
    index: bool = False,
    revision: int = 1,
    style: Format = "oci",
    layer_bytes: int = 32 * 1024,
) -> Image:
    """Return the image `name` at `revision`, with an index over `platforms` or for the only one of them.

    Each platform has a base layer, shared by every image of that platform, and a layer of `layer_bytes` of
    its own. Raises `ValueError` for several platforms without an index.
    """
    if not index and len(platforms) != 1:
        raise ValueError("without an index an image is for exactly one platform")
    types = MEDIA_TYPES[style]
    manifests: dict[str, Content] = {}
    blobs: dict[str, Content] = {}
    configs: set[str] = set()
    own_layers: set[str] = set()
    children: dict[str, str] = {}
    entries: list[dict[str, Any]] = []
    for platform in platforms:
        base = _base_layer(platform, types.layer)
        own = _layer(f"{name} {platform} {revision}", types.layer, layer_bytes)
        config = Content.of(types.config, _config(name, platform, revision, (base, own)))
        manifest = Content.of(types.manifest, _manifest(types.manifest, config, (base.content, own.content)))
        blobs.update({blob.digest: blob for blob in (config, base.content, own.content)})
        configs.add(config.digest)
        own_layers.add(own.content.digest)
        manifests[manifest.digest] = manifest
        children[platform] = manifest.digest
        entries.append({**manifest.descriptor, "platform": _platform(platform)})
    top = next(iter(manifests.values()))
    if index:
        top = Content.of(
            types.index,
            _compact({"schemaVersion": 2, "mediaType": types.index, "manifests": entries}),
        )
        manifests[top.digest] = top
    return Image(
        top=top,
        manifests=manifests,
        blobs=blobs,
        configs=frozenset(configs),
        own_layers=frozenset(own_layers),
        children=children,
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    content: Content
    diff_id: str  # digest of the uncompressed archive, as the config lists it


@lru_cache(maxsize=16)
def _base_layer(platform: str, media_type: str) -> _Layer:
    return _layer(f"base {platform}", media_type, _BASE_LAYER_BYTES)


def _layer(seed: str, media_type: str, size: int) -> _Layer:
    # Bytes that do not compress, so that a layer is about as large as it says.
    payload = random.Random(seed).randbytes(size)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in (("etc/demo-release", f"{seed}\n".encode()), ("opt/demo/payload", payload)):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    plain = archive.getvalue()
    packed = gzip.compress(plain, compresslevel=1, mtime=0)
    return _Layer(Content.of(media_type, packed), digest_of(plain))


def _platform(platform: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def _config(name: str, platform: str, revision: int, layers: Sequence[_Layer]) -> bytes:
    return _compact(
        {
            **_platform(platform),
            "created": _CREATED,
            "config": {
                "Entrypoint": ["/opt/demo/payload"],
                "Labels": {
                    "org.opencontainers.image.title": name,
                    "org.opencontainers.image.revision": str(revision),
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": _CREATED, "created_by": "kairos demo"} for _ in layers],
        }
    )


def _manifest(media_type: str, config: Content, layers: Sequence[Content]) -> bytes:
    return _compact(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": config.descriptor,
            "layers": [layer.descriptor for layer in layers],
        }
    )


def _compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
