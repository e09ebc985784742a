"""States of the content that a registry holds: what was pushed, and what became of it on the registry's disk."""

import gzip
import hashlib
import json
import shutil
from pathlib import Path

from probes.protocol.plan import ALL_PLATFORMS
from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.oci_layout import CONFIG, INDEX, LAYER, MANIFEST, Image
from tests.interop.comparison import Question, Shelf
from tests.interop.scene import Scene

CONTENT = Shelf()
sound, state = CONTENT.sound, CONTENT.state


@sound
def oci_image(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    return scene.ask(repository)


@sound
def oci_image_by_digest(scene: Scene, repository: str) -> Question:
    return scene.ask(f"{repository}@{scene.image(repository).manifest}")


@state(Reason.OK, is_copied=False)
def oci_image_by_tag_and_digest(scene: Scene, repository: str) -> Question:
    return scene.ask(f"{repository}:1@{scene.image(repository).manifest}")


@sound
def docker_v2s2_image(scene: Scene, repository: str) -> Question:
    scene.image(repository, None, "--format=v2s2")
    return scene.ask(repository)


@state(Reason.LEGACY_SCHEMA1, Depth.MANIFEST, is_copied=True, is_fetched=True)
def docker_v2s1_image(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    here = f"docker://{scene.registry.authority}/{repository}:1"
    scene.registry.push(here, f"{repository}:old", "--format=v2s1", "--src-tls-verify=false")
    return scene.ask(f"{repository}:old")


@sound
def zstd_layers(scene: Scene, repository: str) -> Question:
    scene.image(repository, None, "--format=oci", "--dest-compress-format=zstd")
    return scene.ask(repository)


@sound
def artifact(scene: Scene, repository: str) -> Question:
    scene.layout.add_artifact(repository, artifact_type="application/vnd.example.sbom.v1+json", content=b"{}")
    scene.registry.push(scene.layout.source(repository), f"{repository}:1")
    return scene.ask(repository)


@sound
def cosign_signature(scene: Scene, repository: str) -> Question:
    tag, _ = scene.layout.add_signature(scene.image(repository).manifest)
    scene.registry.push(scene.layout.source(tag), f"{repository}:{tag}")
    return scene.ask(f"{repository}:{tag}")


@sound
def index_one_platform(scene: Scene, repository: str) -> Question:
    scene.index(repository)
    return scene.ask(repository, platform="linux/arm64")


@sound
def index_every_platform(scene: Scene, repository: str) -> Question:
    scene.index(repository)
    return scene.ask(repository, platform=ALL_PLATFORMS)


@sound
def index_made_from_two_pushes(scene: Scene, repository: str) -> Question:
    children = []
    for architecture in ("amd64", "arm64"):
        image = scene.layout.add_image(f"{repository}-{architecture}", seed=repository, architecture=architecture)
        scene.registry.push(scene.layout.source(f"{repository}-{architecture}"), f"{repository}:{architecture}")
        platform = {"os": "linux", "architecture": architecture}
        children.append(scene.layout.descriptor(MANIFEST, image.manifest, platform=platform))
    _put_index(scene.registry, repository, children)
    return scene.ask(repository, platform=ALL_PLATFORMS)


@state(Reason.OK, is_copied=False)
def index_within_an_index(scene: Scene, repository: str) -> Question:
    scene.index(repository)
    _put_index(scene.registry, repository, [_inner(scene, repository)])
    return scene.ask(repository)


@sound
def another_platform_than_the_single_image_has(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    return scene.ask(repository, platform="linux/arm64")


@state(Reason.OK, is_copied=False, is_fetched=False)
def layer_by_sha512(scene: Scene, repository: str) -> Question:
    tar = repository.encode() * 100
    layer = gzip.compress(tar, mtime=0)
    diff_id = f"sha256:{hashlib.sha256(tar).hexdigest()}"
    config = json.dumps(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    ).encode()
    registry = scene.registry
    parts = {
        "config": {"mediaType": CONFIG, "digest": registry.put_blob(repository, config), "size": len(config)},
        "layers": [
            {"mediaType": LAYER, "digest": registry.put_blob(repository, layer, "sha512"), "size": len(layer)}
        ],
    }
    registry.put_manifest(repository, "1", MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, **parts})
    return scene.ask(repository)


@state(Reason.OK, is_copied=False, is_fetched=False)
def foreign_layer_that_nobody_serves(scene: Scene, repository: str) -> Question:
    image = scene.image(repository)
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": f"sha256:{hashlib.sha256(repository.encode()).hexdigest()}",
        "size": 1000,
        "urls": [f"{scene.dead_origin()}/layer"],
    }
    layers = [scene.layout.descriptor(LAYER, image.layers[0]), foreign]
    config = scene.layout.descriptor(CONFIG, image.config)
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    scene.registry.put_manifest(repository, "1", MANIFEST, document)
    return scene.ask(repository)


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def missing_tag(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    return scene.ask(f"{repository}:2")


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def missing_repository(scene: Scene, repository: str) -> Question:
    return scene.ask(repository)


@state(Reason.DIGEST_NOT_FOUND, Depth.RESOLVE)
def missing_digest(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    return scene.ask(f"{repository}@sha256:{'0' * 64}")


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def repository_removed(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    shutil.rmtree(scene.registry.repository_path(repository))
    return scene.ask(repository)


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def manifest_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.image(repository).manifest).unlink()
    return scene.ask(repository)


@state(Reason.REGISTRY_ERROR, Depth.RESOLVE)
def manifest_truncated(scene: Scene, repository: str) -> Question:
    truncate(scene.registry.blob_path(scene.image(repository).manifest))
    return scene.ask(repository)


@state(Reason.DIGEST_MISMATCH, Depth.MANIFEST, is_copied=True)
def manifest_altered(scene: Scene, repository: str) -> Question:
    path = scene.registry.blob_path(scene.image(repository).manifest)
    path.write_bytes(path.read_bytes().replace(b", ", b" ,", 1))
    return scene.ask(repository)


@state(Reason.PLATFORM_MISSING, Depth.PLATFORM, is_fetched=True)
def index_without_the_platform(scene: Scene, repository: str) -> Question:
    scene.index(repository)
    return scene.ask(repository, platform="linux/s390x")


@state(Reason.CHILD_MANIFEST_MISSING, Depth.PLATFORM)
def child_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.index(repository)["amd64"].manifest).unlink()
    return scene.ask(repository)


@state(Reason.DIGEST_MISMATCH, Depth.PLATFORM)
def child_altered(scene: Scene, repository: str) -> Question:
    path = scene.registry.blob_path(scene.index(repository)["amd64"].manifest)
    path.write_bytes(path.read_bytes().replace(b", ", b" ,", 1))
    return scene.ask(repository)


@sound
def child_of_another_platform_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.index(repository)["arm64"].manifest).unlink()
    return scene.ask(repository)


@state(Reason.CHILD_MANIFEST_MISSING, Depth.PLATFORM)
def child_removed_and_every_platform_asked_for(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.index(repository)["arm64"].manifest).unlink()
    return scene.ask(repository, platform=ALL_PLATFORMS)


@state(Reason.OK, is_copied=False, is_fetched=False)
def attestation_removed_and_every_platform_asked_for(scene: Scene, repository: str) -> Question:
    image = scene.image(repository)
    attestation = scene.layout.add_artifact("provenance", artifact_type="application/vnd.in-toto+json", content=b"{}")
    scene.registry.push(scene.layout.source("provenance"), f"{repository}:provenance")
    runnable = {"os": "linux", "architecture": "amd64"}
    companion = {"os": "unknown", "architecture": "unknown"}
    children = [
        scene.layout.descriptor(MANIFEST, image.manifest, platform=runnable),
        scene.layout.descriptor(MANIFEST, attestation.manifest, platform=companion),
    ]
    _put_index(scene.registry, repository, children)
    scene.registry.blob_path(attestation.manifest).unlink()
    return scene.ask(repository, platform=ALL_PLATFORMS)


@state(Reason.CONFIG_MISSING, Depth.PLATFORM)
def config_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.image(repository).config).unlink()
    return scene.ask(repository)


@state(Reason.SIZE_MISMATCH, Depth.PLATFORM)
def config_truncated(scene: Scene, repository: str) -> Question:
    truncate(scene.registry.blob_path(scene.image(repository).config))
    return scene.ask(repository)


@state(Reason.DIGEST_MISMATCH, Depth.PLATFORM)
def config_with_one_bit_flipped(scene: Scene, repository: str) -> Question:
    flip_a_bit(scene.registry.blob_path(scene.image(repository).config))
    return scene.ask(repository)


@state(Reason.CONFIG_MISSING, Depth.BLOBS)
def config_of_a_child_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.index(repository)["amd64"].config).unlink()
    return scene.ask(repository)


@state(Reason.OK, is_copied=False, is_fetched=False)
def config_of_a_child_with_one_bit_flipped(scene: Scene, repository: str) -> Question:
    flip_a_bit(scene.registry.blob_path(scene.index(repository)["amd64"].config))
    return scene.ask(repository)


@state(Reason.LAYER_MISSING, Depth.BLOBS)
def layer_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.image(repository).layers[1]).unlink()
    return scene.ask(repository)


@state(Reason.LAYER_MISSING, Depth.BLOBS)
def layer_removed_through_the_api(scene: Scene, repository: str) -> Question:
    scene.registry.delete(repository, "blobs", scene.image(repository).layers[1])
    return scene.ask(repository)


@state(Reason.SIZE_MISMATCH, Depth.BLOBS)
def layer_truncated(scene: Scene, repository: str) -> Question:
    truncate(scene.registry.blob_path(scene.image(repository).layers[1]))
    return scene.ask(repository)


@state(Reason.SIZE_MISMATCH, Depth.BLOBS)
def layer_emptied(scene: Scene, repository: str) -> Question:
    truncate(scene.registry.blob_path(scene.image(repository).layers[1]), length=0)
    return scene.ask(repository)


@state(Reason.SIZE_MISMATCH, Depth.BLOBS)
def layer_grown(scene: Scene, repository: str) -> Question:
    path = scene.registry.blob_path(scene.image(repository).layers[1])
    path.write_bytes(path.read_bytes() + b"\n")
    return scene.ask(repository)


@state(Reason.OK, is_copied=False, is_fetched=False)
def layer_with_one_bit_flipped(scene: Scene, repository: str) -> Question:
    flip_a_bit(scene.registry.blob_path(scene.image(repository).layers[1]))
    return scene.ask(repository)


@sound
def layer_of_another_platform_removed(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.index(repository)["arm64"].layers[0]).unlink()
    return scene.ask(repository)


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def manifest_deleted_and_garbage_collected(scene: Scene, repository: str) -> Question:
    registry, image = _cleaned_up(scene, repository)
    assert not registry.blob_path(image.layers[0]).exists()
    return scene.ask(repository, registry)


@sound
def neighbour_deleted_and_garbage_collected(scene: Scene, repository: str) -> Question:
    registry, _ = _cleaned_up(scene, repository)
    return scene.ask(f"{repository}-kept", registry)


def _cleaned_up(scene: Scene, repository: str) -> tuple[DockerRegistry, Image]:
    # A registry of its own: the command gives up on a storage with damage in it, such as the other states'.
    registry = scene.start(DockerRegistry(scene.new_directory()))
    image = scene.image(repository, registry)
    scene.image(f"{repository}-kept", registry)
    registry.delete(repository, "manifests", image.manifest)
    registry.stop()
    registry.collect_garbage()
    registry.start()
    return registry, image


def _put_index(registry: DockerRegistry, repository: str, children: list[dict[str, object]]) -> None:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    registry.put_manifest(repository, "1", INDEX, document)


def _inner(scene: Scene, repository: str) -> dict[str, object]:
    """Return the descriptor of the index that the repository has by now, as for one platform of another."""
    link = scene.registry.repository_path(repository) / "_manifests" / "tags" / "1" / "current" / "link"
    platform = {"os": "linux", "architecture": "amd64"}
    return scene.layout.descriptor(INDEX, link.read_text(), platform=platform)


def truncate(path: Path, length: int = 100) -> None:
    path.write_bytes(path.read_bytes()[:length])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
