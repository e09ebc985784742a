"""One repository of the demonstration: the scripted image with its content in place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from kairos.demo.content import Content, Image, build
from kairos.demo.script import Part, ScriptedImage
from kairos.demo.sites import Sites


@dataclass(frozen=True, slots=True)
class Repository:
    """What one repository holds. `previous` is the tag's revision before, where a region still serves it."""

    scripted: ScriptedImage
    image: Image
    previous: Image | None
    manifests: Mapping[str, Content]
    blobs: Mapping[str, Content]

    @classmethod
    def of(cls, scripted: ScriptedImage) -> Self:
        """Build the content that the script asks for."""
        revisions = [
            build(
                scripted.repository,
                platforms=scripted.platforms,
                index=scripted.index,
                revision=revision,
                style=scripted.style,
                layer_bytes=scripted.layer_bytes,
            )
            for revision in ((1, 2) if scripted.lagging_regions else (1,))
        ]
        image = revisions[-1]
        lost = {image.children[platform] for platform in scripted.lost_platforms}
        return cls(
            scripted=scripted,
            image=image,
            previous=revisions[0] if len(revisions) > 1 else None,
            manifests={
                digest: manifest
                for revision in revisions
                for digest, manifest in revision.manifests.items()
                if digest not in lost
            },
            blobs={digest: blob for revision in revisions for digest, blob in revision.blobs.items()},
        )

    def tagged(self, tag: str, region: str) -> Content | None:
        """Return what `tag` names when asked from `region`."""
        if tag != self.scripted.tag:
            return None
        if self.previous and region in self.scripted.lagging_regions:
            return self.previous.top
        return self.image.top

    def reference(self, sites: Sites) -> str:
        """Return the reference under which Kairos is set up to check the image."""
        home = sites.hub if self.scripted.home == "hub" else sites.registry
        name = f"{home.authority}/{self.scripted.repository}"
        check = self.scripted.check
        return f"{name}@{self.image.top.digest}" if check.by_digest else f"{name}:{check.tag or self.scripted.tag}"

    def part(self, digest: str) -> Part | None:
        """Tell which part of the image a blob is; None for the layer that it shares with others."""
        for revision in filter(None, (self.image, self.previous)):
            if digest in revision.configs:
                return Part.CONFIG
            if digest in revision.own_layers:
                return Part.LAYER
        return None


def stored(repositories: Iterable[Repository]) -> dict[str, Content]:
    """Return what the blob hosts keep: every blob but the layers that the script has lost."""
    objects: dict[str, Content] = {}
    for repository in repositories:
        lost = repository.image.own_layers if repository.scripted.lost_layer else frozenset()
        objects.update({digest: blob for digest, blob in repository.blobs.items() if digest not in lost})
    return objects
