"""An image's config: what it runs on, and that it can be had."""

import gzip
from typing import Any

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.manifest import OCI_MANIFEST
from probes.protocol.outcome import Conclusion
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from tests.fakes import contents
from tests.fakes.contents import CONFIG, Content, json_content
from tests.fakes.dialogue import HOST, Amends, Breaks, Registry, Says

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def results(outcome: Conclusion) -> dict[str, Reason]:
    return {item.platform: item.reason for item in outcome.platforms}


def entry(digit: str, media_type: str, **fields: Any) -> dict[str, Any]:
    """Return the descriptor of a blob that the registry does not hold."""
    return {"mediaType": media_type, "digest": f"sha256:{digit * 64}", "size": 2, **fields}


def image_with_config_of(size: int) -> bytes:
    document = {"schemaVersion": 2, "config": entry("c", CONFIG, size=size), "layers": []}
    return json_content("manifest", OCI_MANIFEST, document).body


class TestPlainImage:
    def test_plain_image_for_another_platform_is_available_with_a_warning(self, registry: Registry) -> None:
        """P15."""
        config = json_content("config", CONFIG, {"os": "linux", "architecture": "arm64"})
        registry.image("team/app:1", config=config)
        outcome = registry.check(REFERENCE, platforms=("linux/amd64", "linux/arm64"))
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PLATFORM_MISMATCH,))
        assert results(outcome) == {"linux/amd64": Reason.OK, "linux/arm64": Reason.OK}

    def test_plain_image_whose_config_tells_nothing_is_taken_as_it_is(self, registry: Registry) -> None:
        """P15."""
        registry.image("team/app:1", config=json_content("config", CONFIG, {"rootfs": {}}))
        assert registry.check(REFERENCE).warnings == ()

    def test_strict_plan_takes_no_other_platform(self, registry: Registry) -> None:
        """P15."""
        config = json_content("config", CONFIG, {"os": "linux", "architecture": "arm64"})
        registry.image("team/app:1", config=config)
        outcome = registry.check(REFERENCE, platforms=("linux/amd64", "linux/arm64"), strict_platform=True)
        assert (outcome.reason, outcome.stage, outcome.host) == (Reason.PLATFORM_MISSING, Stage.MANIFEST, HOST)
        assert (outcome.detail, outcome.warnings) == ("linux/amd64; present: linux/arm64", ())
        assert results(outcome) == {"linux/amd64": Reason.PLATFORM_MISSING, "linux/arm64": Reason.OK}
        assert outcome.depth is Depth.MANIFEST

    def test_strict_plan_takes_what_fits(self, registry: Registry) -> None:
        """P15, P3: by the rules for an index."""
        registry.image("team/app:1", platform="linux/arm/v6")
        outcome = registry.check(REFERENCE, platforms=("linux/arm/v7",), strict_platform=True)
        assert outcome.reason is Reason.OK


class TestConfig:
    """P15: a config that is read is read whole, and proven."""

    @pytest.fixture(autouse=True)
    def image(self, registry: Registry) -> contents.Image:
        return registry.image("team/app:1")

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Amends(body=b"short"), Reason.SIZE_MISMATCH),
            (Breaks(FaultKind.BODY_TOO_LARGE), Reason.SIZE_MISMATCH),
            (Says(404), Reason.CONFIG_MISSING),
            (Amends({"Content-Encoding": "br"}), Reason.MANIFEST_ENCODING_UNSUPPORTED),
        ],
        ids=["size", "too-large", "B7", "coding"],
    )
    def test_config_that_cannot_be_had_stops_a_pull(
        self, registry: Registry, answer: Amends | Breaks | Says, reason: Reason
    ) -> None:
        registry.always("GET config", answer)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.CONFIG, HOST)
        assert outcome.depth is Depth.PLATFORM

    def test_config_of_the_right_size_and_other_bytes_is_corrupt(
        self, registry: Registry, image: contents.Image
    ) -> None:
        registry.once("GET config", Amends(body=b"x" * len(image.config.body)))
        assert registry.check(REFERENCE).reason is Reason.DIGEST_MISMATCH

    def test_compressed_config_is_read(self, registry: Registry, image: contents.Image) -> None:
        """N18, M20."""
        packed = gzip.compress(image.config.body)
        registry.once("GET config", Amends({"Content-Encoding": "gzip"}, body=packed))
        assert registry.check(REFERENCE).reason is Reason.OK

    def test_config_that_is_no_json_is_malformed(self, registry: Registry) -> None:
        config = Content(name="config", body=b"\x00tar", media_type=CONFIG)
        registry.image("team/app:1", config=config)
        assert registry.check(REFERENCE).reason is Reason.MANIFEST_MALFORMED

    @pytest.mark.parametrize(
        ("size", "limit"), [(10, 1024 * 1024), (3 * 1024 * 1024, 3 * 1024 * 1024)], ids=["default", "stated"]
    )
    def test_limit_grows_with_the_stated_size(self, registry: Registry, size: int, limit: int) -> None:
        """Limits, D.2: 1 MiB, 4 MiB at most."""
        registry.document("team/app:1", image_with_config_of(size))
        registry.check(REFERENCE)
        assert registry.asks[2].limit_bytes == limit

    def test_config_too_large_to_read_is_probed(self, registry: Registry) -> None:
        registry.document("team/app:1", image_with_config_of(5 * 1024 * 1024))
        registry.check(REFERENCE)
        assert registry.asks[2].headers == (("Range", "bytes=0-0"),)

    def test_config_too_large_to_read_is_left_alone_without_blobs(self, registry: Registry) -> None:
        registry.document("team/app:1", image_with_config_of(5 * 1024 * 1024))
        assert registry.check(REFERENCE, depth=Depth.PLATFORM).reason is Reason.OK
        assert registry.log == ["HEAD 1", "GET manifest"]
