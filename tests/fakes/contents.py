"""What a scripted registry holds: documents with their true digests, and images made of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from probes.protocol.digest import Digest
from probes.protocol.manifest import OCI_INDEX, OCI_MANIFEST
from probes.protocol.platform import Platform

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, kw_only=True)
class Content:
    """Bytes with their media type. `name` is what a dialogue's log calls them, `notes` go into the descriptor."""

    name: str
    body: bytes
    media_type: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return str(Digest.of(self.body))

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body), **self.notes}


@dataclass(frozen=True, kw_only=True)
class Image:
    """A manifest with what it points at. `platform` is what an index says of it; None says nothing."""

    manifest: Content
    config: Content
    layers: tuple[Content, ...]
    platform: str | None

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def contents(self) -> tuple[Content, ...]:
        return (self.manifest, self.config, *self.layers)

    @property
    def entry(self) -> dict[str, Any]:
        """The image as an index lists it."""
        return self.manifest.descriptor | ({"platform": _as_json(self.platform)} if self.platform else {})


@dataclass(frozen=True, kw_only=True)
class Index:
    """A list of images or of further indexes."""

    manifest: Content
    children: "tuple[Image | Index, ...]"

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def contents(self) -> tuple[Content, ...]:
        return (self.manifest, *(content for child in self.children for content in child.contents))

    @property
    def entry(self) -> dict[str, Any]:
        return self.manifest.descriptor


def json_content(name: str, media_type: str, document: object) -> Content:
    return Content(name=name, body=json.dumps(document).encode(), media_type=media_type)


def image(
    name: str = "manifest",
    *,
    layers: int | Sequence[Content] = 1,
    platform: str | None = "linux/amd64",
    config: Content | None = None,
    prefix: str = "",
    **fields: Any,
) -> Image:
    """Return an image of `layers`. `fields` replace or add members of its manifest; None leaves one out."""
    if config is None:
        stated = _as_json(platform or "linux/amd64")
        config = json_content(f"{prefix}config", CONFIG, {**stated, "comment": f"config of {name}"})
    if isinstance(layers, int):
        layers = [
            Content(name=f"{prefix}layer{n}", body=f"layer {n} of {name}".encode(), media_type=LAYER)
            for n in range(1, layers + 1)
        ]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor for layer in layers],
    } | fields
    manifest = json_content(name, OCI_MANIFEST, {key: value for key, value in document.items() if value is not None})
    return Image(manifest=manifest, config=config, layers=tuple(layers), platform=platform)


def child(platform: str | None, **fields: Any) -> Image:
    """Return an image for an index; the log calls it and its blobs by its platform."""
    name = platform or "unstated"
    return image(name, platform=platform, prefix=f"{name} ", **fields)


def index(*children: Image | Index, name: str = "index", entries: Sequence[dict[str, Any]] = ()) -> Index:
    """Return an index of `children`, followed by any further raw `entries`."""
    manifests = [*(one.entry for one in children), *entries]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Index(manifest=json_content(name, OCI_INDEX, document), children=children)


def _as_json(platform: str) -> dict[str, str]:
    parsed = Platform.parse(platform)
    stated = {"os": parsed.os, "architecture": parsed.architecture}
    if parsed.variant:
        stated["variant"] = parsed.variant
    if parsed.os_version:
        stated["os.version"] = parsed.os_version
    return stated
