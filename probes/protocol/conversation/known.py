"""What earlier checks learned of a registry and of content, as far as the machine may use it.

Source: behaviour table, E.1 and E.2. Content is named by its digest, so its bytes are never out of date; whether a
registry still has them is asked each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from probes.protocol.exchange import Reply


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest, an index or a config, with the digest of its bytes and the Content-Type that it came with."""

    digest: str
    body: bytes = field(repr=False)
    media_type: str = ""

    def is_shown_by(self, reply: Reply) -> bool:
        """Tell whether the reply to a HEAD leaves no doubt that the registry has these very bytes."""
        stated = reply.headers
        return (
            reply.status == 200
            and stated.get("docker-content-digest").strip() == self.digest
            and stated.get("content-length").strip() == str(len(self.body))
            and stated.get("content-type") == self.media_type
            and "content-encoding" not in stated
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known when a check begins. `documents` by digest must answer alike for as long as the check lasts."""

    lacks_head: bool = False  # the registry refused HEAD in the last day (row M6)
    documents: Mapping[str, Document] = field(default_factory=dict)


NOTHING_KNOWN: Final = Known()
