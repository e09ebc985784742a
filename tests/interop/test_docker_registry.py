"""The engine against Debian's docker-registry, filled by skopeo: software nobody here wrote."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
import trustme

from probes.protocol.outcome import Outcome
from probes.protocol.plan import ANONYMOUS, Plan, Secret, Site
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.wire.driver import Engine
from tests.fakes.docker_registry import SKOPEO, DockerRegistry
from tests.fakes.oci_layout import OciLayout
from tests.fakes.token_server import TokenServer

ROBOT = Secret(username="robot", password="right")


def check(
    reference: str,
    *,
    secret: Secret = ANONYMOUS,
    ca_file: Path | None = None,
    platforms: tuple[str, ...] = ("all",),
    allow_cidrs: tuple[str, ...] = ("127.0.0.0/8",),
) -> Outcome:
    """Check over TLS with the given CA, or over plain HTTP without one."""
    site = Site(ca_pem=ca_file.read_text() if ca_file else "", allow_cidrs=allow_cidrs, plain_http=ca_file is None)
    return asyncio.run(_check(Plan(reference=reference, platforms=platforms, site=site), secret))


async def _check(plan: Plan, secret: Secret) -> Outcome:
    async with Engine(user_agent="kairos-interop") as engine:
        return await engine.check(plan, secret)


def test_a_pushed_image_is_available_with_the_digest_that_skopeo_reports(
    open_registry: DockerRegistry, layout: OciLayout
) -> None:
    image = layout.add_image("one", seed="checkout")
    open_registry.push(layout.source("one"), "shop/checkout:1")

    outcome = check(f"{open_registry.authority}/shop/checkout:1")

    assert (outcome.status, outcome.conclusion.depth) == (Status.AVAILABLE, Depth.BLOBS)
    assert outcome.conclusion.digest == image.manifest == _skopeo_digest(open_registry, "shop/checkout:1")


def test_every_platform_of_a_pushed_index_is_available(open_registry: DockerRegistry, layout: OciLayout) -> None:
    images = layout.add_index("multi", seed="base", architectures=("amd64", "arm64"))
    open_registry.push(layout.source("multi"), "platform/base:1", "--all")

    outcome = check(f"{open_registry.authority}/platform/base:1")

    assert {item.platform: item.digest for item in outcome.conclusion.platforms} == {
        f"linux/{architecture}": image.manifest for architecture, image in images.items()
    }
    assert outcome.status is Status.AVAILABLE


def test_docker_schema_2_is_available_like_oci(open_registry: DockerRegistry, layout: OciLayout) -> None:
    layout.add_image("one", seed="checkout")
    open_registry.push(layout.source("one"), "shop/checkout:oci")
    source = f"docker://{open_registry.authority}/shop/checkout:oci"
    open_registry.push(source, "shop/checkout:docker", "--format=v2s2", "--src-tls-verify=false")

    outcome = check(f"{open_registry.authority}/shop/checkout:docker")

    assert outcome.status is Status.AVAILABLE
    assert outcome.conclusion.digest == _skopeo_digest(open_registry, "shop/checkout:docker")


def test_a_layer_deleted_from_the_disk_is_missing_and_named(open_registry: DockerRegistry, layout: OciLayout) -> None:
    image = layout.add_image("one", seed="checkout", layers=3)
    open_registry.push(layout.source("one"), "shop/checkout:1")
    open_registry.blob_path(image.layers[1]).unlink()

    outcome = check(f"{open_registry.authority}/shop/checkout:1")

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.LAYER_MISSING, Stage.LAYER)
    assert image.layers[1] in outcome.conclusion.detail


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("config", Reason.CONFIG_MISSING), ("manifest", Reason.TAG_NOT_FOUND)],
)
def test_what_else_is_deleted_from_the_disk_is_missing(
    open_registry: DockerRegistry, layout: OciLayout, damage: str, reason: Reason
) -> None:
    image = layout.add_image("one", seed="checkout")
    open_registry.push(layout.source("one"), "shop/checkout:1")
    open_registry.blob_path(getattr(image, damage)).unlink()

    outcome = check(f"{open_registry.authority}/shop/checkout:1")

    assert outcome.conclusion.reason is reason


def test_a_layer_cut_short_on_the_disk_has_the_wrong_size(open_registry: DockerRegistry, layout: OciLayout) -> None:
    image = layout.add_image("one", seed="checkout")
    open_registry.push(layout.source("one"), "shop/checkout:1")
    layer = open_registry.blob_path(image.layers[0])
    layer.write_bytes(layer.read_bytes()[:100])

    outcome = check(f"{open_registry.authority}/shop/checkout:1")

    assert outcome.conclusion.reason is Reason.SIZE_MISMATCH


def test_an_index_without_the_wanted_platform_says_which_it_has(
    open_registry: DockerRegistry, layout: OciLayout
) -> None:
    layout.add_index("multi", seed="base", architectures=("amd64",))
    open_registry.push(layout.source("multi"), "platform/base:1", "--all")

    outcome = check(f"{open_registry.authority}/platform/base:1", platforms=("linux/arm64",))

    assert outcome.conclusion.reason is Reason.PLATFORM_MISSING
    assert "linux/amd64" in outcome.conclusion.detail


class TestBehindATokenServer:
    """TLS by a private CA, JWTs signed by a token server on another port."""

    def test_a_public_image_is_available_to_anybody(
        self, token_registry: DockerRegistry, token_server: TokenServer, layout: OciLayout, ca_file: Path
    ) -> None:
        layout.add_image("one", seed="public")
        token_registry.push(layout.source("one"), "team/public:1", credentials="robot:right")
        token_server.requests.clear()

        outcome = check(f"{token_registry.authority}/team/public:1", ca_file=ca_file)

        assert (outcome.status, outcome.conclusion.auth_path) == (Status.AVAILABLE, "fresh")
        assert token_server.requests == ["/token?service=registry&scope=repository%3Ateam%2Fpublic%3Apull"]

    def test_a_private_image_is_available_with_the_password(
        self, token_registry: DockerRegistry, layout: OciLayout, ca_file: Path
    ) -> None:
        layout.add_image("one", seed="private")
        token_registry.push(layout.source("one"), "team/private:1", credentials="robot:right")

        outcome = check(f"{token_registry.authority}/team/private:1", secret=ROBOT, ca_file=ca_file)

        assert (outcome.status, outcome.conclusion.depth) == (Status.AVAILABLE, Depth.BLOBS)

    def test_a_private_image_without_a_password_is_private_or_missing(
        self, token_registry: DockerRegistry, layout: OciLayout, ca_file: Path
    ) -> None:
        layout.add_image("one", seed="private")
        token_registry.push(layout.source("one"), "team/private:1", credentials="robot:right")

        outcome = check(f"{token_registry.authority}/team/private:1", ca_file=ca_file)

        assert outcome.conclusion.reason is Reason.AUTH_REQUIRED_OR_MISSING

    def test_a_wrong_password_is_refused_by_the_token_server(
        self, token_registry: DockerRegistry, token_server: TokenServer, ca_file: Path
    ) -> None:
        wrong = Secret(username="robot", password="wrong-password")

        outcome = check(f"{token_registry.authority}/team/private:1", secret=wrong, ca_file=ca_file)

        found = outcome.conclusion
        assert (found.reason, found.stage) == (Reason.AUTH_BAD_CREDENTIALS, Stage.TOKEN)
        assert found.host
        assert found.host in token_server.realm
        assert "wrong-password" not in json.dumps(outcome.to_json())

    def test_a_certificate_of_an_unknown_ca_is_never_accepted(
        self, token_registry: DockerRegistry, tmp_path: Path
    ) -> None:
        trustme.CA().cert_pem.write_to_path(tmp_path / "other-ca.pem")

        outcome = check(f"{token_registry.authority}/team/public:1", ca_file=tmp_path / "other-ca.pem")

        assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TLS_UNTRUSTED, Stage.TLS)

    def test_a_private_address_is_never_dialled_unless_allowed(
        self, token_registry: DockerRegistry, token_server: TokenServer, ca_file: Path
    ) -> None:
        outcome = check(f"{token_registry.authority}/team/public:1", ca_file=ca_file, allow_cidrs=())

        assert outcome.conclusion.reason is Reason.TARGET_FORBIDDEN
        assert token_server.requests == []


def _skopeo_digest(registry: DockerRegistry, name: str) -> str:
    command = [SKOPEO or "", "inspect", "--tls-verify=false", f"docker://{registry.authority}/{name}"]
    digest = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["Digest"]
    assert isinstance(digest, str)
    return digest
