"""A registry with one index, one image and any number of layers, that tells how it was asked.

It is a script for `peer_that`. Its realm is itself, unless `realm` names another place.
"""

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from probes.protocol.plan import Plan, Secret
from probes.protocol.taxonomy import Depth
from tests.integration.wire.peer import LOOPBACK, Peer, Visit

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
ALICE = Secret(username="alice", password="correct-horse-battery")


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def plan(peer: Peer, depth: Depth = Depth.BLOBS, *, repository: str = "team/app", **changes: Any) -> Plan:
    return Plan(reference=f"127.0.0.1:{peer.port}/{repository}:1", site=LOOPBACK, depth=depth, **changes)


def _document(value: object) -> tuple[bytes, str]:
    body = json.dumps(value).encode()
    return body, f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class SmallRegistry:
    """`asked` counts requests by method and what they were for: `HEAD 1`, `GET manifest`, `GET layer`, `GET token`.

    `instead` holds raw replies to be given in place of the registry's own, by the same names, until taken out. While
    `token_gate` is closed, token requests wait; what is called `silent` gets no answer at all. `as_index` puts an
    index before the image.
    """

    layers: int = 1
    as_index: bool = False
    realm: str = "/token"
    expires_in: int = 300
    instead: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    token_gate: asyncio.Event = field(default_factory=asyncio.Event)
    silent: str = ""

    @cached_property
    def beside(self) -> "SmallRegistry":
        """Another one, for what this one sends its visitors to."""
        return SmallRegistry()

    def __post_init__(self) -> None:
        self.token_gate.set()
        config, config_digest = _document({"os": "linux", "architecture": "amd64"})
        blobs = [f"sha256:{number:064x}" for number in range(self.layers)]
        manifest, digest = _document(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": config_digest, "size": len(config)},
                "layers": [{"mediaType": "x/layer", "digest": blob, "size": 100} for blob in blobs],
            }
        )
        platform = {"os": "linux", "architecture": "amd64"}
        child = {"mediaType": MANIFEST, "digest": digest, "size": len(manifest), "platform": platform}
        index, index_digest = _document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]})
        self._names = {config_digest: "config", digest: "manifest", index_digest: "index"}
        self._names |= dict.fromkeys(blobs, "layer")
        self._held = {"config": (config, CONFIG), "manifest": (manifest, MANIFEST), "index": (index, INDEX)}

    async def __call__(self, visit: Visit) -> None:
        while True:
            head = (await visit.request()).decode()
            method, path, _ = head.split(" ", 2)
            target = path.partition("?")[0].rpartition("/")[2]
            name = self._names.get(target, target)
            self.asked[f"{method} {name}"] += 1
            if name == self.silent:
                await visit.gone()
            if name == "token":
                await self.token_gate.wait()
            reply = self.instead.get(f"{method} {name}") or self._own(name, head)
            visit.send(reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else reply)

    def _own(self, name: str, head: str) -> bytes:
        if name == "token":
            token = {"token": f"token-{self.asked['GET token']}", "expires_in": self.expires_in}
            return answer("200 OK", json.dumps(token).encode())
        if "Authorization: Bearer token-" not in head:
            return answer("401 Unauthorized", b"", f'WWW-Authenticate: Bearer realm="{self.realm}",service="small"')
        if "Range: bytes=0-0" in head:
            size = len(self._held[name][0]) if name in self._held else 100
            return answer("206 Partial Content", b"x", f"Content-Range: bytes 0-0/{size}")
        body, media_type = self._held[name if name in self._held else "index" if self.as_index else "manifest"]
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        return answer("200 OK", body, f"Content-Type: {media_type}", f"Docker-Content-Digest: {digest}")
