"""What a registry holds, and what becomes of it: pushed, untagged, deleted, truncated, corrupted."""

from dataclasses import dataclass, field
from typing import Any

from probes.protocol.manifest import INDEX_TYPES, MANIFEST_TYPES
from tests.fakes import contents
from tests.fakes.contents import Content, Image, Index


@dataclass
class Repository:
    """Tags, and digests of what is held under them; blobs and documents live apart, as in every registry."""

    tags: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Content] = field(default_factory=dict)
    blobs: dict[str, Content] = field(default_factory=dict)


class Store:
    """The storage behind a registry and its CDN. What it serves may differ from what was pushed."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.names: dict[str, str] = {}
        self._spoilt: dict[str, bytes] = {}

    def image(self, reference: str, **fields: Any) -> Image:
        """Make an image and push it to REPOSITORY:TAG; `fields` are those of `contents.image`."""
        made = contents.image(**fields)
        self.push(reference, made)
        return made

    def index(self, reference: str, *children: Image | Index, entries: tuple[dict[str, Any], ...] = ()) -> Index:
        """Make an index, push it and all that it lists; `entries` are further ones, of whatever shape."""
        made = contents.index(*children, entries=entries)
        self.push(reference, made)
        return made

    def push(self, reference: str, pushed: Image | Index) -> None:
        """Hold all of it, and let the tag point to it."""
        self.document(reference, pushed.manifest)
        repository = self.repositories[reference.partition(":")[0]]
        for content in pushed.contents[1:]:
            self.names[content.digest] = content.name
            is_document = content.media_type in INDEX_TYPES | MANIFEST_TYPES
            (repository.documents if is_document else repository.blobs)[content.digest] = content

    def document(self, reference: str, document: Content) -> Content:
        """Hold any bytes in a manifest's place."""
        name, _, tag = reference.partition(":")
        repository = self.repositories.setdefault(name, Repository())
        repository.documents[document.digest] = document
        repository.tags[tag] = document.digest
        self.names[document.digest] = document.name
        return document

    def untag(self, reference: str) -> None:
        name, _, tag = reference.partition(":")
        del self.repositories[name].tags[tag]

    def delete(self, *lost: Content) -> None:
        """Lose contents, as storage does; what points to them stays."""
        for repository in self.repositories.values():
            for content in lost:
                repository.blobs.pop(content.digest, None)
                repository.documents.pop(content.digest, None)

    def truncate(self, content: Content, size: int) -> None:
        self._spoilt[content.digest] = content.body[:size]

    def corrupt(self, content: Content) -> None:
        """Serve other bytes of the same length."""
        self._spoilt[content.digest] = bytes(byte ^ 1 for byte in content.body)

    def blob(self, digest: str) -> Content | None:
        return next((held.blobs[digest] for held in self.repositories.values() if digest in held.blobs), None)

    def bytes_of(self, content: Content) -> bytes:
        """Return the bytes that are served for `content` now."""
        return self._spoilt.get(content.digest, content.body)
