"""The two clients that benchmarks compare: the engine, and bare aiohttp making the same requests.

What bare aiohttp does besides requests is the least that any client has to: read the token out of its JSON, the
platform's digest out of the index, the blobs out of the manifest. The engine reads all of it by its grammar, decides
whom to trust, verifies digests, bounds and times every phase, and puts it together to an outcome.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from probes.protocol.manifest import ACCEPT
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.bench.registry import BenchRegistry
from tests.bench.responder import FULL, LAYERS, SLOW

_AGENT: Final = "kairos/bench"
_AT_ONCE: Final = 3  # blobs of one check, as the engine asks for them

Check = Callable[[int], Awaitable[None]]
"""Checks the image of this number."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of check: the repositories that it is made of, and the requests that one takes.

    `images` is how many there are when each is checked often, under a remembered login; 0 is a new one each time.
    """

    name: str
    family: str
    depth: Depth
    requests: int
    images: int = 50


COLD: Final = Kind("cold", "bench/image-", Depth.RESOLVE, requests=3, images=0)
WARM: Final = Kind("warm", "bench/warm-", Depth.RESOLVE, requests=1)
WHOLE: Final = Kind("full depth", FULL, Depth.BLOBS, requests=3 + 1 + LAYERS)
DELAYED: Final = Kind("delayed", SLOW, Depth.RESOLVE, requests=1)


@asynccontextmanager
async def with_engine(registry: BenchRegistry, kind: Kind) -> AsyncIterator[Check]:
    async with Engine(user_agent=_AGENT) as engine:

        async def checked(image: int) -> Outcome:
            plan = Plan(reference=registry.image(image, kind.family), depth=kind.depth, site=registry.site)
            outcome = await engine.check(plan)
            assert outcome.conclusion.reason is Reason.OK, outcome
            return outcome

        async def check(number: int) -> None:
            outcome = await checked(number % kind.images if kind.images else number)
            assert outcome.requests == kind.requests, outcome

        for image in range(kind.images):
            await checked(image)  # logs in
        yield check


@asynccontextmanager
async def with_bare_aiohttp(registry: BenchRegistry, kind: Kind) -> AsyncIterator[Check]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context_of(registry)),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
    ) as session:
        client = _Bare(session, registry.base)
        repositories = [f"{kind.family}{image:06}" for image in range(kind.images)]
        tokens = [await client.log_in(repository) for repository in repositories]

        async def check(number: int) -> None:
            if kind.images:
                image = number % kind.images
                await client.pull(repositories[image], tokens[image], kind.depth)
            else:
                repository = f"{kind.family}{number:06}"
                await client.pull(repository, await client.log_in(repository), kind.depth)

        yield check


class _Bare:
    """Requests over aiohttp, and nothing more than a pull needs."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def log_in(self, repository: str) -> str:
        await self._request("HEAD", f"/v2/{repository}/manifests/1", 401, {"Accept": ACCEPT})
        url = f"/token?service=localhost&scope=repository%3A{repository}%3Apull"
        return str(json.loads(await self._request("GET", url, 200, {"Accept": "application/json"}))["token"])

    async def pull(self, repository: str, token: str, depth: Depth) -> None:
        base = f"/v2/{repository}"
        headers = {"Accept": ACCEPT, "Authorization": f"Bearer {token}"}
        await self._request("HEAD", f"{base}/manifests/1", 200, headers)
        if depth is Depth.RESOLVE:
            return
        index = json.loads(await self._request("GET", f"{base}/manifests/1", 200, headers))
        child = next(item["digest"] for item in index["manifests"] if item["platform"]["architecture"] == "amd64")
        manifest = json.loads(await self._request("GET", f"{base}/manifests/{child}", 200, headers))
        blobs = iter([manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])])
        ranged = {"Range": "bytes=0-0", "Authorization": f"Bearer {token}"}

        async def probe() -> None:
            for digest in blobs:
                await self._request("GET", f"{base}/blobs/{digest}", 206, ranged)

        await asyncio.gather(*(probe() for _ in range(_AT_ONCE)))

    async def _request(self, method: str, target: str, expected: int, headers: Mapping[str, Any]) -> bytes:
        url = f"{self._base}{target}"
        async with self._session.request(method, url, headers=headers, allow_redirects=False) as response:
            assert response.status == expected, response
            return await response.read()


def context_of(registry: BenchRegistry) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=registry.site.ca_pem)
