"""Software that knows nothing of Kairos finds the demonstration registry to be a registry: Debian's skopeo."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kairos.demo.registry import DemoRegistry
from tests.fakes.skopeo import Answer, Skopeo


@dataclass(frozen=True)
class DemoReader:
    """skopeo, trusting the demonstration's authority; it knows the registry by address.

    It runs in a thread, for the registry runs in the test's own event loop.
    """

    demo: DemoRegistry
    skopeo: Skopeo

    def image(self, name: str) -> str:
        site = self.demo.sites.registry
        return f"docker://{site.address}:{site.port}/{name}"

    async def inspect(self, name: str, *options: str) -> Answer:
        return await asyncio.to_thread(self.skopeo.inspect, self.image(name), *options)

    async def copy(self, name: str, destination: str, *options: str) -> Answer:
        return await asyncio.to_thread(self.skopeo.copy, self.image(name), destination, *options)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[DemoRegistry]:
    quiet = datetime.now(UTC).replace(second=30)
    async with DemoRegistry(tmp_path / "state", clock=lambda: quiet, bench_images=1) as running:
        yield running


@pytest.fixture
def skopeo(demo: DemoRegistry, tmp_path: Path) -> DemoReader:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(demo.ca_pem)
    return DemoReader(demo, Skopeo(tmp_path, ca_file))


async def test_it_inspects_an_image_with_its_tags_and_config(skopeo: DemoReader, demo: DemoRegistry) -> None:
    found = (await skopeo.inspect("shop/checkout:2.4.1")).document
    assert found["Digest"] == demo.repositories["shop/checkout"].image.top.digest
    assert found["RepoTags"] == ["2.4.1"]
    assert (found["Os"], found["Architecture"]) == ("linux", "amd64")
    assert found["Labels"]["org.opencontainers.image.title"] == "shop/checkout"


@pytest.mark.parametrize("name", ["shop/storefront:stable", "platform/base:12", "bench/image-0001:1"])
async def test_it_copies_every_platform_and_agrees_with_every_digest(
    skopeo: DemoReader, demo: DemoRegistry, tmp_path: Path, name: str
) -> None:
    answer = await skopeo.copy(name, f"dir:{tmp_path}/copy", "--all", "--preserve-digests")
    assert answer.status == 0, answer.errors
    repository = demo.repositories[name.partition(":")[0]]
    copied = {path.name for path in (tmp_path / "copy").iterdir()}
    assert {digest.partition(":")[2] for digest in repository.blobs} <= copied
    assert (tmp_path / "copy" / "manifest.json").read_bytes() == repository.image.top.data


async def test_it_unpacks_the_layers_into_an_oci_layout(skopeo: DemoReader, tmp_path: Path) -> None:
    # Docker's format is converted to OCI, for which skopeo reads the config and checks it against the layers.
    answer = await skopeo.copy("platform/base:12", f"oci:{tmp_path}/layout:12")
    assert answer.status == 0, answer.errors
    assert json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]


async def test_a_private_image_needs_the_right_login(skopeo: DemoReader, demo: DemoRegistry) -> None:
    anonymous = await skopeo.inspect("payments/gateway:4.2")
    assert anonymous.status != 0
    assert "authentication required" in anonymous.errors
    wrong = await skopeo.inspect("payments/gateway:4.2", "--creds", f"{demo.account.username}:old")
    assert wrong.status != 0
    assert "invalid username/password" in wrong.errors
    right = await skopeo.inspect(
        "payments/gateway:4.2", "--creds", f"{demo.account.username}:{demo.account.password}"
    )
    assert right.document["RepoTags"] == ["4.2"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("shop/search:3.0.0", "manifest unknown"),
        ("media/thumbnails:1.3", "404 (Not Found)"),
        ("media/transcoder:6.1", "certificate has expired"),
        ("legacy/reports:1", "names of three parts"),
    ],
)
async def test_what_is_broken_for_kairos_is_broken_for_skopeo(
    skopeo: DemoReader, tmp_path: Path, name: str, complaint: str
) -> None:
    answer = await skopeo.copy(name, f"dir:{tmp_path}/copy")
    assert answer.status != 0
    assert complaint in answer.errors
