"""The demonstration registry in this process, on ports of the system's choice, and a client that knows its hosts."""

import base64
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kairos.demo.registry import DemoRegistry
from kairos.demo.sites import Site

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json,"
    "application/vnd.docker.distribution.manifest.list.v2+json,"
    "application/vnd.docker.distribution.manifest.v2+json"
)


class Clock:
    """The registry's clock. It stands at a moment at which nothing of the script is refused for a while."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Client:
    """Speaks to the hosts by name, without a resolver: the address is in the URL, the name in Host and SNI."""

    http: httpx.AsyncClient
    demo: DemoRegistry
    region: str = ""

    async def send(self, method: str, site: Site, path: str, **headers: str) -> httpx.Response:
        agent = {"User-Agent": f"kairos-probe/1 (region={self.region})"} if self.region else {}
        return await self.http.request(
            method,
            site.origin(by_address=True) + path,
            headers={"Host": site.authority, "Accept": MANIFEST_TYPES, **agent, **headers},
            extensions={"sni_hostname": site.host},
        )

    async def token(self, repository: str, *, login: str = "", site: Site | None = None) -> str:
        service = (site or self.demo.sites.registry).host
        path = f"/token?service={service}&scope=repository:{repository}:pull"
        headers = {"Authorization": basic(login)} if login else {}
        answer = await self.send("GET", self.demo.sites.auth, path, **headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    async def pull(self, method: str, repository: str, rest: str, **headers: str) -> httpx.Response:
        """Ask the registry for `rest` of a repository with a token, as the right account where that is needed."""
        token = await self.token(repository, login=f"{self.demo.account.username}:{self.demo.account.password}")
        return await self.send(
            method,
            self.demo.sites.registry,
            f"/v2/{repository}/{rest}",
            **{"Authorization": f"Bearer {token}", **headers},
        )

    async def follow(self, redirect: httpx.Response, *, method: str = "GET", **headers: str) -> httpx.Response:
        """Ask where `redirect` points, without any login."""
        assert redirect.status_code == 307
        url = httpx.URL(redirect.headers["location"])
        site = next(site for site in self.demo.sites if site.host == url.host)
        return await self.send(method, site, url.raw_path.decode(), **headers)


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def challenge(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of the Bearer challenge that a 401 carries."""
    assert answer.status_code == 401
    text = answer.headers["www-authenticate"]
    assert text.startswith("Bearer ")
    return dict(re.findall(r'(\w+)="([^"]*)"', text))


@pytest.fixture(scope="session")
def demo_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with one authority for the session."""
    return tmp_path_factory.mktemp("demo-state")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def demo(demo_state: Path, clock: Clock) -> AsyncIterator[DemoRegistry]:
    async with DemoRegistry(demo_state, clock=clock, bench_images=2) as running:
        yield running


@pytest.fixture
async def http(demo: DemoRegistry) -> AsyncIterator[httpx.AsyncClient]:
    trust = ssl.create_default_context(cadata=demo.ca_pem)
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=3) as client:
        yield client


@pytest.fixture
def client(http: httpx.AsyncClient, demo: DemoRegistry) -> Client:
    return Client(http, demo)
