"""States of a pull-through mirror: its own registry, and the one it pulls from."""

from dataclasses import replace

from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.docker_registry import DockerRegistry
from tests.interop.comparison import Question, Shelf, check
from tests.interop.scene import LOGIN, ROBOT, WRONG_PASSWORD, Scene

MIRRORS = Shelf()
sound, state = MIRRORS.sound, MIRRORS.state


@sound
def mirror(scene: Scene, repository: str) -> Question:
    scene.image(repository)
    return scene.ask(repository, scene.mirror(scene.registry))


@sound
def mirror_that_logs_in(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.vault, login=LOGIN)
    return scene.ask(repository, scene.mirror(scene.vault, ROBOT))


@state(Reason.LAYER_MISSING, Depth.BLOBS)
def mirror_of_a_registry_that_lost_a_layer(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.image(repository).layers[0]).unlink()
    return scene.ask(repository, scene.mirror(scene.registry))


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def mirror_of_a_registry_that_lost_the_manifest(scene: Scene, repository: str) -> Question:
    scene.registry.blob_path(scene.image(repository).manifest).unlink()
    return scene.ask(repository, scene.mirror(scene.registry))


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def mirror_refused_upstream(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.vault, login=LOGIN)
    return scene.ask(repository, scene.mirror(scene.vault, WRONG_PASSWORD))


@state(Reason.MIRROR_UPSTREAM_AUTH, Depth.RESOLVE)
def mirror_refused_upstream_asked_by_digest(scene: Scene, repository: str) -> Question:
    image = scene.image(repository, scene.vault, login=LOGIN)
    return scene.ask(f"{repository}@{image.manifest}", scene.mirror(scene.vault, WRONG_PASSWORD))


@state(Reason.MIRROR_UPSTREAM_AUTH, Depth.RESOLVE)
def mirror_unknown_upstream_asked_by_digest(scene: Scene, repository: str) -> Question:
    image = scene.image(repository, scene.locked, login=LOGIN)
    return scene.ask(f"{repository}@{image.manifest}", scene.mirror(scene.locked))


@sound
def mirror_without_upstream_and_the_image_cached(scene: Scene, repository: str) -> Question:
    _, question = _cut_off(scene, repository, is_cached=True)
    return question


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def mirror_without_upstream_and_nothing_cached(scene: Scene, repository: str) -> Question:
    _, question = _cut_off(scene, repository, is_cached=False)
    return question


@state(Reason.MIRROR_UPSTREAM_ERROR, Depth.RESOLVE)
def mirror_without_upstream_asked_by_digest(scene: Scene, repository: str) -> Question:
    _, question = _cut_off(scene, repository, is_cached=False)
    authority = question.reference.partition("/")[0]
    digest = scene.layout.images[repository].manifest
    return replace(question, reference=f"{authority}/{repository}@{digest}")


@state(Reason.MIRROR_UPSTREAM_ERROR, Depth.BLOBS)
def mirror_without_upstream_and_a_layer_evicted(scene: Scene, repository: str) -> Question:
    mirror, question = _cut_off(scene, repository, is_cached=True)
    mirror.blob_path(scene.layout.images[repository].layers[0]).unlink()
    return question


def _cut_off(scene: Scene, repository: str, *, is_cached: bool) -> tuple[DockerRegistry, Question]:
    """Return a mirror whose upstream has gone, and what to ask; the mirror has the whole image, or nothing."""
    upstream = scene.start(DockerRegistry(scene.new_directory()))
    image = scene.image(repository, upstream)
    mirror = scene.mirror(upstream)
    question = scene.ask(repository, mirror)
    if is_cached:
        check(question)
        scene.wait_for(lambda: all(mirror.blob_path(blob).exists() for blob in (image.config, *image.layers)))
    upstream.stop()
    return mirror, question
