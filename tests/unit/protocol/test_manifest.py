"""Manifests and indexes, as hostile as they come."""

import gzip
import json
import zlib
from random import Random
from typing import Any

import pytest

from probes.protocol.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageIndex,
    ImageManifest,
    ManifestInvalid,
    decode_body,
    read_config,
    read_manifest,
)
from probes.protocol.platform import Platform
from probes.protocol.taxonomy import Reason, Warn
from tests.fakes.contents import CONFIG, LAYER

DIGEST = "sha256:" + "a" * 64
CHILD = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 7}
IMAGE: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": {"mediaType": CONFIG, "digest": DIGEST, "size": 2},
    "layers": [{"mediaType": LAYER, "digest": DIGEST, "size": 3}],
}
INDEX: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CHILD]}
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def read(document: Any, content_type: str = OCI_MANIFEST) -> ImageIndex | ImageManifest:
    return read_manifest(json.dumps(document).encode(), content_type)


def refusal(body: bytes, content_type: str = OCI_MANIFEST) -> Reason:
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(body, content_type)
    assert caught.value.detail == str(caught.value) != ""
    return caught.value.reason


def test_document_of_thousands_of_descriptors_is_too_large_to_be_read_beside_other_checks() -> None:
    """S14."""
    assert (
        refusal(json.dumps({**INDEX, "manifests": [CHILD] * 2001}).encode(), OCI_INDEX) is Reason.MANIFEST_TOO_LARGE
    )
    many_layers = {**IMAGE, "layers": IMAGE["layers"] * 2001}
    assert refusal(json.dumps(many_layers).encode()) is Reason.MANIFEST_TOO_LARGE


@pytest.mark.parametrize(
    ("member", "one"), [("layers", "{},"), ("manifests", '{"mediaType":0,"digest":0,"size":0},')]
)
def test_list_of_very_many_objects_is_not_built_to_be_counted(member: str, one: str) -> None:
    """S14."""
    document = f'{{"schemaVersion":2,"{member}":[{one * 8001}{{}}]}}'
    assert refusal(document.encode(), "") is Reason.MANIFEST_TOO_LARGE


def test_objects_beside_the_descriptors_are_nobodys_business() -> None:
    noted = {**IMAGE, "annotations": {"bundle": "{" * 9000}, "more": [{}] * 9000}
    assert isinstance(read(noted), ImageManifest)


@pytest.mark.parametrize("config", [b"[]", b"7", b"null", b"{}", b'{"os": ["linux"], "architecture": "amd64"}'])
def test_config_that_states_no_platform_is_no_broken_config(config: bytes) -> None:
    assert read_config(config) is None


def test_config_states_its_platform_among_much_else() -> None:
    """P15."""
    config = {"history": [{"empty_layer": True}] * 99, "os": "linux", "architecture": "aarch64", "variant": "v8"}
    assert read_config(json.dumps(config).encode()) == Platform("linux", "arm64")


@pytest.mark.parametrize("config", [b"", b"{", b"not JSON", b"[" * 100_000])
def test_config_that_is_no_json_is_refused(config: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_config(config)


def test_words_of_a_platform_that_are_no_words_are_none() -> None:
    """S20: of a long one no part is taken for the whole."""
    strange = {"os": "linux", "architecture": "amd64", "variant": "v" * 5000, "os.version": ["10"] * 999}
    index = read({**INDEX, "manifests": [{**CHILD, "platform": strange}, CHILD]}, OCI_INDEX)
    assert isinstance(index, ImageIndex)
    assert [child.platform for child in index.children] == [None, None]


def test_media_type_is_read_to_the_length_that_it_may_have() -> None:
    index = read({**INDEX, "manifests": [{**CHILD, "mediaType": "x" * 5000}]}, OCI_INDEX)
    assert isinstance(index, ImageIndex)
    assert index.children[0].media_type == "x" * 255


def test_image_is_its_config_and_its_layers() -> None:
    image = read(IMAGE)
    assert isinstance(image, ImageManifest)
    assert (str(image.config.digest), image.config.size_bytes, image.config.media_type) == (DIGEST, 2, CONFIG)
    assert [layer.size_bytes for layer in image.layers] == [3]
    assert (image.is_artifact, image.warnings) == (False, ())


def test_index_is_its_children() -> None:
    child = {**CHILD, "platform": {"os": "linux", "architecture": "aarch64", "variant": "v8"}}
    index = read({**INDEX, "manifests": [child, CHILD]}, OCI_INDEX)
    assert isinstance(index, ImageIndex)
    assert [child.platform for child in index.children] == [Platform("linux", "arm64"), None]
    assert index.runnable == index.children


@pytest.mark.parametrize(
    "companion",
    [
        {"platform": {"os": "unknown", "architecture": "unknown"}},
        {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"platform": {"os": "linux", "architecture": "unknown"}},
    ],
)
def test_attestation_is_no_candidate(companion: dict[str, Any]) -> None:
    """P6."""
    index = read({**INDEX, "manifests": [{**CHILD, **companion}, CHILD]}, OCI_INDEX)
    assert isinstance(index, ImageIndex)
    assert index.runnable == index.children[1:]


@pytest.mark.parametrize(
    "note", [{"annotations": ["vnd.docker.reference.type"]}, {"annotations": {}}, {"platform": "linux"}]
)
def test_odd_notes_make_no_attestation(note: dict[str, Any]) -> None:
    index = read({**INDEX, "manifests": [{**CHILD, **note}]}, OCI_INDEX)
    assert isinstance(index, ImageIndex)
    assert len(index.runnable) == 1


@pytest.mark.parametrize(
    ("document", "content_type", "warnings"),
    [
        pytest.param(IMAGE, DOCKER_MANIFEST.replace("v2", "v9"), (), id="unknown-type"),
        pytest.param({**IMAGE, "mediaType": DOCKER_MANIFEST}, DOCKER_MANIFEST, (), id="docker"),
        pytest.param({**INDEX, "mediaType": DOCKER_LIST}, DOCKER_LIST, (), id="docker-list"),
        pytest.param({key: IMAGE[key] for key in IMAGE if key != "mediaType"}, OCI_MANIFEST, (), id="M17-header"),
        pytest.param(IMAGE, "", (Warn.CONTENT_TYPE_GENERIC,), id="M17-missing"),
        pytest.param(IMAGE, "text/plain", (Warn.CONTENT_TYPE_GENERIC,), id="M17-text"),
        pytest.param(INDEX, "text/html; charset=utf-8", (Warn.CONTENT_TYPE_GENERIC,), id="M17-html"),
        pytest.param(INDEX, "application/octet-stream", (Warn.CONTENT_TYPE_GENERIC,), id="M17-octets"),
        pytest.param(
            {key: INDEX[key] for key in INDEX if key != "mediaType"},
            "application/json",
            (Warn.CONTENT_TYPE_GENERIC,),
            id="M17-structure",
        ),
        pytest.param(IMAGE, f"{OCI_MANIFEST.upper()}; charset=utf-8", (), id="M18"),
        pytest.param({**IMAGE, "artifactType": "x/y"}, OCI_MANIFEST, (Warn.NOT_A_CONTAINER_IMAGE,), id="M24-type"),
        pytest.param(
            {**IMAGE, "config": {**IMAGE["config"], "mediaType": "application/vnd.cncf.helm.config.v1+json"}},
            OCI_MANIFEST,
            (Warn.NOT_A_CONTAINER_IMAGE,),
            id="M24-config",
        ),
        pytest.param({**IMAGE, "layers": []}, OCI_MANIFEST, (Warn.NO_LAYERS,), id="M25"),
    ],
)
def test_document_is_read_by_what_it_is(document: Any, content_type: str, warnings: tuple[Warn, ...]) -> None:
    found = read(document, content_type)
    assert isinstance(found, ImageIndex if "manifests" in document else ImageManifest)
    assert found.warnings == warnings


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"<!DOCTYPE html><html>", Reason.NOT_A_REGISTRY, id="M14-html"),
        pytest.param(b"\xef\xbb\xbf \n<html>", Reason.NOT_A_REGISTRY, id="M14-mark"),
        pytest.param(b"Welcome to our network", Reason.MANIFEST_MALFORMED, id="M14-text"),
        pytest.param(b"\xff\xfe\x00", Reason.MANIFEST_MALFORMED, id="M14-bytes"),
        pytest.param(b"[" * 100_000, Reason.MANIFEST_MALFORMED, id="M14-deep"),
        pytest.param(b'{"size": ' + b"9" * 5000 + b"}", Reason.MANIFEST_MALFORMED, id="M14-long-number"),
        pytest.param(b"", Reason.MANIFEST_EMPTY, id="M15"),
        pytest.param(b"[]", Reason.MANIFEST_MALFORMED, id="M16-list"),
        pytest.param(b"{}", Reason.MANIFEST_MALFORMED, id="M16-nothing"),
    ],
)
def test_body_that_is_no_document_is_refused(body: bytes, reason: Reason) -> None:
    assert refusal(body) is reason


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in IMAGE.items() if key != name}


@pytest.mark.parametrize(
    ("document", "content_type", "reason"),
    [
        pytest.param(without("schemaVersion"), OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-version"),
        pytest.param({**IMAGE, "schemaVersion": 3}, OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-later"),
        pytest.param(without("config"), OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-config"),
        pytest.param(without("layers"), OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-layers"),
        pytest.param({"schemaVersion": 2}, OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-all"),
        pytest.param({**INDEX, "manifests": {}}, OCI_INDEX, Reason.MANIFEST_MALFORMED, id="M16-manifests"),
        pytest.param({**IMAGE, "layers": [7]}, OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-descriptor"),
        pytest.param({**IMAGE, "config": 7}, OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-config-kind"),
        pytest.param({**IMAGE, "layers": None}, OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-no-list"),
        pytest.param({**IMAGE, "mediaType": 7}, OCI_MANIFEST, Reason.MANIFEST_MALFORMED, id="M16-type"),
        pytest.param(IMAGE, OCI_INDEX, Reason.MANIFEST_TYPE_CONFLICT, id="M19-header"),
        pytest.param({**IMAGE, "mediaType": OCI_INDEX}, "", Reason.MANIFEST_TYPE_CONFLICT, id="M19-content"),
        pytest.param({**IMAGE, "manifests": []}, OCI_MANIFEST, Reason.MANIFEST_TYPE_CONFLICT, id="M19-both"),
        pytest.param({**INDEX, "config": {}}, OCI_INDEX, Reason.MANIFEST_TYPE_CONFLICT, id="M19-config"),
        pytest.param({"schemaVersion": 1}, "text/plain", Reason.LEGACY_SCHEMA1, id="M23"),
        pytest.param(IMAGE, SCHEMA1, Reason.LEGACY_SCHEMA1, id="M22"),
        pytest.param({**IMAGE, "mediaType": SCHEMA1}, "", Reason.LEGACY_SCHEMA1, id="M22-body"),
        pytest.param({**IMAGE, "mediaType": "x/y"}, "", Reason.MANIFEST_TYPE_UNSUPPORTED, id="P12-body"),
        pytest.param(without("mediaType"), "x/y", Reason.MANIFEST_TYPE_UNSUPPORTED, id="P12-header"),
    ],
)
def test_document_that_is_no_usable_manifest_is_refused(document: Any, content_type: str, reason: Reason) -> None:
    """S13."""
    assert refusal(json.dumps(document).encode(), content_type) is reason


@pytest.mark.parametrize(
    "spoilt",
    [
        {"digest": "sha256:../../../etc/passwd"},
        {"digest": "md5:" + "a" * 32},
        {"digest": None},
        {"mediaType": None},
        {"size": "7"},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": None},
    ],
    ids=lambda spoilt: next(iter(spoilt)),
)
def test_descriptor_that_cannot_be_followed_spoils_its_document(spoilt: dict[str, Any]) -> None:
    """R17, S11, S14."""
    assert refusal(json.dumps({**INDEX, "manifests": [{**CHILD, **spoilt}]}).encode(), OCI_INDEX) is (
        Reason.MANIFEST_MALFORMED
    )


class TestDecoding:
    @pytest.mark.parametrize(
        ("coding", "packed"),
        [
            ("", b"plain"),
            ("Identity", b"plain"),
            (" gzip ", gzip.compress(b"plain", mtime=0)),
            ("x-gzip", gzip.compress(b"plain", mtime=0)),
            ("deflate", zlib.compress(b"plain")),
        ],
    )
    def test_known_coding_is_undone(self, coding: str, packed: bytes) -> None:
        """M20."""
        assert decode_body(packed, coding, 100) == b"plain"

    @pytest.mark.parametrize(
        ("coding", "packed", "reason"),
        [
            pytest.param("br", b"x", Reason.MANIFEST_ENCODING_UNSUPPORTED, id="unknown"),
            pytest.param("gzip, br", b"x", Reason.MANIFEST_ENCODING_UNSUPPORTED, id="two"),
            pytest.param("gzip", b"not packed", Reason.MANIFEST_ENCODING_UNSUPPORTED, id="broken"),
            pytest.param("gzip", gzip.compress(b"x")[:-9], Reason.MANIFEST_ENCODING_UNSUPPORTED, id="breaks-off"),
            pytest.param("gzip", b"", Reason.MANIFEST_ENCODING_UNSUPPORTED, id="nothing"),
            pytest.param("gzip", gzip.compress(b"x" * 101), Reason.MANIFEST_TOO_LARGE, id="too-large"),
            pytest.param("gzip", gzip.compress(bytes(10**6)), Reason.MANIFEST_TOO_LARGE, id="bomb"),
        ],
    )
    def test_other_coding_is_refused(self, coding: str, packed: bytes, reason: Reason) -> None:
        """M20, S15."""
        with pytest.raises(ManifestInvalid) as caught:
            decode_body(packed, coding, 100)
        assert caught.value.reason is reason

    @pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 1_000_000])
    def test_pieces_make_the_whole(self, size: int) -> None:
        plain = Random(1).randbytes(size // 2) + bytes(size - size // 2)
        assert decode_body(gzip.compress(plain) + b"and what is behind it", "gzip", size) == plain

    def test_limit_itself_is_allowed(self) -> None:
        assert decode_body(gzip.compress(b"x" * 100), "gzip", 100) == b"x" * 100
