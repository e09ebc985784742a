"""Software that knows nothing of Kairos finds the demonstration registry to be a registry: Debian's skopeo."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kairos.demo.registry import DemoRegistry

SECONDS = 60
SKOPEO = shutil.which("skopeo")

pytestmark = pytest.mark.skipif(SKOPEO is None, reason="skopeo is not installed (.ci/run installs it)")


@dataclass(frozen=True)
class Answer:
    """How a run of skopeo ended."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Skopeo:
    """skopeo with an empty home, trusting the demonstration's authority; it knows the registry by address."""

    demo: DemoRegistry
    directory: Path

    async def run(self, *arguments: str) -> Answer:
        assert SKOPEO
        process = await asyncio.create_subprocess_exec(
            SKOPEO,
            "--insecure-policy",  # there are no signatures here; what is trusted is the certificate
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(self.directory), "XDG_RUNTIME_DIR": str(self.directory)},
        )
        try:
            output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Answer(process.returncode, output.decode(), errors.decode())

    def image(self, name: str) -> str:
        site = self.demo.sites.registry
        return f"docker://{site.address}:{site.port}/{name}"

    @property
    def certificates(self) -> str:
        directory = self.directory / "certificates"
        directory.mkdir(exist_ok=True)
        (directory / "ca.crt").write_text(self.demo.ca_pem)
        return str(directory)

    async def inspect(self, name: str, *options: str) -> Answer:
        return await self.run("inspect", "--cert-dir", self.certificates, *options, self.image(name))

    async def copy(self, name: str, destination: str, *options: str) -> Answer:
        return await self.run("copy", "--src-cert-dir", self.certificates, *options, self.image(name), destination)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[DemoRegistry]:
    quiet = datetime.now(UTC).replace(second=30)
    async with DemoRegistry(tmp_path / "state", clock=lambda: quiet, bench_images=1) as running:
        yield running


@pytest.fixture
def skopeo(demo: DemoRegistry, tmp_path: Path) -> Skopeo:
    return Skopeo(demo, tmp_path)


def document(answer: Answer) -> Any:
    assert answer.status == 0, answer.errors
    return json.loads(answer.output)


async def test_it_inspects_an_image_with_its_tags_and_config(skopeo: Skopeo, demo: DemoRegistry) -> None:
    found = document(await skopeo.inspect("shop/checkout:2.4.1"))
    assert found["Digest"] == demo.repositories["shop/checkout"].image.top.digest
    assert found["RepoTags"] == ["2.4.1"]
    assert (found["Os"], found["Architecture"]) == ("linux", "amd64")
    assert found["Labels"]["org.opencontainers.image.title"] == "shop/checkout"


@pytest.mark.parametrize("name", ["shop/storefront:stable", "platform/base:12", "bench/image-0001:1"])
async def test_it_copies_every_platform_and_agrees_with_every_digest(
    skopeo: Skopeo, demo: DemoRegistry, tmp_path: Path, name: str
) -> None:
    answer = await skopeo.copy(name, f"dir:{tmp_path}/copy", "--all", "--preserve-digests")
    assert answer.status == 0, answer.errors
    repository = demo.repositories[name.partition(":")[0]]
    copied = {path.name for path in (tmp_path / "copy").iterdir()}
    assert {digest.partition(":")[2] for digest in repository.blobs} <= copied
    assert (tmp_path / "copy" / "manifest.json").read_bytes() == repository.image.top.data


async def test_it_unpacks_the_layers_into_an_oci_layout(skopeo: Skopeo, tmp_path: Path) -> None:
    # Docker's format is converted to OCI, for which skopeo reads the config and checks it against the layers.
    answer = await skopeo.copy("platform/base:12", f"oci:{tmp_path}/layout:12")
    assert answer.status == 0, answer.errors
    assert json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]


async def test_a_private_image_needs_the_right_login(skopeo: Skopeo, demo: DemoRegistry) -> None:
    anonymous = await skopeo.inspect("payments/gateway:4.2")
    assert anonymous.status != 0
    assert "authentication required" in anonymous.errors
    wrong = await skopeo.inspect("payments/gateway:4.2", "--creds", f"{demo.account.username}:old")
    assert wrong.status != 0
    assert "invalid username/password" in wrong.errors
    right = await skopeo.inspect(
        "payments/gateway:4.2", "--creds", f"{demo.account.username}:{demo.account.password}"
    )
    assert document(right)["RepoTags"] == ["4.2"]


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
    skopeo: Skopeo, tmp_path: Path, name: str, complaint: str
) -> None:
    answer = await skopeo.copy(name, f"dir:{tmp_path}/copy")
    assert answer.status != 0
    assert complaint in answer.errors
