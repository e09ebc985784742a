"""Images are what they say they are: every digest and size is that of the bytes."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import replace
from typing import Any

import pytest

from kairos.demo.content import MEDIA_TYPES, Content, Format, Image, build
from kairos.demo.repository import Repository, stored
from kairos.demo.script import Part, ScriptedImage, everywhere
from probes.protocol.taxonomy import Reason

BOTH = ("linux/amd64", "linux/arm64")


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptors(image: Image, manifest: Content) -> list[dict[str, object]]:
    document = json.loads(manifest.data)
    return [document["config"], *document["layers"]]


@pytest.mark.parametrize("style", ["oci", "docker"])
def test_everything_is_found_under_its_digest_with_its_size_and_type(style: Format) -> None:
    image = build("shop/app", platforms=BOTH, index=True, style=style)
    index = json.loads(image.top.data)
    assert index["mediaType"] == image.top.media_type == MEDIA_TYPES[style].index
    assert image.top.digest == sha256(image.top.data)
    for entry in index["manifests"]:
        manifest = image.manifests[entry["digest"]]
        assert (manifest.digest, len(manifest.data)) == (sha256(manifest.data), entry["size"])
        for descriptor in descriptors(image, manifest):
            blob = image.blobs[str(descriptor["digest"])]
            assert blob.descriptor == descriptor
            assert blob.digest == sha256(blob.data)


def test_layers_unpack_to_what_the_config_promises() -> None:
    image = build("shop/app")
    document = json.loads(image.top.data)
    config = json.loads(image.blobs[document["config"]["digest"]].data)
    unpacked = [gzip.decompress(image.blobs[layer["digest"]].data) for layer in document["layers"]]
    assert config["rootfs"]["diff_ids"] == [sha256(plain) for plain in unpacked]
    for plain in unpacked:
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            assert archive.getnames() == ["etc/demo-release", "opt/demo/payload"]


def test_the_same_name_and_revision_give_the_same_digest_and_another_revision_does_not() -> None:
    assert build("shop/app").top.digest == build("shop/app").top.digest
    assert build("shop/app", revision=2).top.digest != build("shop/app").top.digest


def test_images_of_one_platform_share_its_base_layer_and_nothing_else() -> None:
    one, other = build("shop/one"), build("shop/other")
    shared = one.blobs.keys() & other.blobs.keys()
    assert len(shared) == 1
    assert not shared & (one.own_layers | one.configs)


def test_several_platforms_need_an_index() -> None:
    with pytest.raises(ValueError, match="exactly one platform"):
        build("shop/app", platforms=BOTH)


def scripted(**changes: Any) -> ScriptedImage:
    plain = ScriptedImage(repository="shop/app", tag="1", story="", expected=everywhere(Reason.OK))
    return replace(plain, **changes)


def test_a_lost_platform_stays_in_the_index_without_its_manifest() -> None:
    repository = Repository.of(scripted(platforms=BOTH, index=True, lost_platforms=frozenset({"linux/arm64"})))
    lost = repository.image.children["linux/arm64"]
    assert lost in repository.image.top.data.decode()
    assert lost not in repository.manifests
    assert repository.image.children["linux/amd64"] in repository.manifests


def test_a_lagging_region_still_has_the_revision_before_under_the_tag() -> None:
    repository = Repository.of(scripted(lagging_regions=frozenset({"ap-south"})))
    new, old = repository.tagged("1", "eu-west"), repository.tagged("1", "ap-south")
    assert new and old and new.digest != old.digest  # noqa: PT018 - narrows both
    assert {new.digest, old.digest} <= repository.manifests.keys()
    assert repository.tagged("2", "eu-west") is None


def test_a_lost_layer_is_known_to_the_registry_and_gone_from_storage() -> None:
    repository = Repository.of(scripted(lost_layer=True))
    (layer,) = repository.image.own_layers
    assert layer in repository.blobs
    assert stored([repository]).keys() == repository.blobs.keys() - {layer}


def test_a_blob_is_a_config_or_a_layer_of_its_own_or_shared() -> None:
    repository = Repository.of(scripted())
    parts = [repository.part(digest) for digest in repository.blobs]
    assert sorted(parts, key=str) == [None, Part.CONFIG, Part.LAYER]
