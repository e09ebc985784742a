"""Images made from nothing, as an OCI layout on disk that skopeo can push: real digests, real sizes."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a layout: the digests of its manifest, its config and its layers, in order."""

    manifest: str
    config: str
    layers: tuple[str, ...]


class OciLayout:
    """A directory in the OCI image layout. Images are told apart by their content, made from `seed`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "blobs" / "sha256").mkdir(parents=True)
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.images: dict[str, Image] = {}  # the single ones, by tag
        self._index: list[dict[str, Any]] = []

    def add_image(
        self, tag: str, *, seed: str, layers: int = 2, architecture: str = "amd64", layer_bytes: int = 2000
    ) -> Image:
        """Add an image for linux and name it `tag`."""
        image, descriptor = self._image(seed, layers, architecture, layer_bytes)
        self._name(tag, descriptor)
        self.images[tag] = image
        return image

    def add_index(self, tag: str, *, seed: str, architectures: tuple[str, ...], layers: int = 2) -> dict[str, Image]:
        """Add an index with an image for each architecture, name it `tag`; return the images by architecture."""
        images: dict[str, Image] = {}
        manifests = []
        for architecture in architectures:
            image, descriptor = self._image(f"{seed} {architecture}", layers, architecture, 2000)
            images[architecture] = image
            manifests.append({**descriptor, "platform": {"os": "linux", "architecture": architecture}})
        self._name(tag, self._json(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}))
        return images

    def add_artifact(self, tag: str, *, artifact_type: str, content: bytes) -> Image:
        """Add content that is no image, in the form that ORAS gives it: no config to speak of, a type of its own."""
        return self._add_manifest(tag, (EMPTY, b"{}"), (artifact_type, content), artifactType=artifact_type)

    def add_signature(self, of_digest: str) -> tuple[str, Image]:
        """Add a signature as cosign keeps it beside an image; return its tag and the manifest under it."""
        tag = of_digest.replace(":", "-") + ".sig"
        payload = json.dumps({"critical": {"image": {"docker-manifest-digest": of_digest}}}).encode()
        config = {"os": "", "architecture": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
        return tag, self._add_manifest(tag, (CONFIG, json.dumps(config).encode()), (SIGNATURE, payload))

    def descriptor(self, media_type: str, digest: str, **fields: Any) -> dict[str, Any]:
        """Return what an index or manifest says of content that is here."""
        return {"mediaType": media_type, "digest": digest, "size": self._path(digest).stat().st_size, **fields}

    def source(self, tag: str) -> str:
        """Return the image as skopeo names it."""
        return f"oci:{self.directory}:{tag}"

    def _add_manifest(self, tag: str, config: tuple[str, bytes], layer: tuple[str, bytes], **fields: Any) -> Image:
        parts = [self._blob(*config), self._blob(*layer)]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, **fields, "config": parts[0], "layers": parts[1:]}
        descriptor = self._json(MANIFEST, manifest)
        self._name(tag, descriptor)
        return Image(descriptor["digest"], parts[0]["digest"], (parts[1]["digest"],))

    def _image(self, seed: str, layers: int, architecture: str, size: int) -> tuple[Image, dict[str, Any]]:
        tars = [_layer(f"{seed} layer {number}", size) for number in range(layers)]
        config = {
            "os": "linux",
            "architecture": architecture,
            "config": {"Labels": {"seed": seed}},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"} for n in range(layers)],
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
        }
        config_descriptor = self._json(CONFIG, config)
        descriptors = [self._blob(LAYER, gzip.compress(tar, mtime=0)) for tar in tars]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config_descriptor,
            "layers": descriptors,
        }
        manifest_descriptor = self._json(MANIFEST, manifest)
        layer_digests = tuple(descriptor["digest"] for descriptor in descriptors)
        return Image(manifest_descriptor["digest"], config_descriptor["digest"], layer_digests), manifest_descriptor

    def _name(self, tag: str, descriptor: dict[str, Any]) -> None:
        self._index.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}})
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self._index}
        (self.directory / "index.json").write_text(json.dumps(document))

    def _path(self, digest: str) -> Path:
        return self.directory / "blobs" / digest.replace(":", "/")

    def _json(self, media_type: str, document: dict[str, Any]) -> dict[str, Any]:
        return self._blob(media_type, json.dumps(document).encode())

    def _blob(self, media_type: str, content: bytes) -> dict[str, Any]:
        digest = _digest(content)
        self._path(digest).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _layer(seed: str, size: int) -> bytes:
    """Return a tar with one file of `size` bytes that hardly compress."""
    blocks = (hashlib.sha256(f"{seed} {number}".encode()).digest() for number in range(size // 32 + 1))
    content = b"".join(blocks)[:size]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(f"files/{hashlib.sha256(seed.encode()).hexdigest()[:8]}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
