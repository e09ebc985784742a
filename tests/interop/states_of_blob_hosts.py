"""States of the host to which a registry sends its readers for blobs."""

import shutil
from dataclasses import replace

from probes.protocol.plan import ANONYMOUS
from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.blob_host import BlobHost
from tests.interop.comparison import Question, Shelf
from tests.interop.scene import LOGIN, ROBOT, Scene

BLOB_HOSTS = Shelf()
sound, state = BLOB_HOSTS.sound, BLOB_HOSTS.state


def redirected(scene: Scene, repository: str, host: BlobHost | str, *, is_locked: bool = False) -> Question:
    """Push an image to a registry that has its blobs fetched from `host`; return the question for it.

    A host serves the storage beside which it was made. A registry that is locked wants a password of `robot`.
    """
    origin = host if isinstance(host, str) else host.origin
    directory = host.root.parent if isinstance(host, BlobHost) else scene.new_directory()
    login = scene.htpasswd if is_locked else None
    registry = scene.start(scene.over_tls(directory=directory, blob_origin=origin, htpasswd=login))
    scene.image(repository, registry, login=LOGIN if is_locked else "")
    return scene.ask(repository, registry, secret=ROBOT if is_locked else ANONYMOUS)


@sound
def redirect(scene: Scene, repository: str) -> Question:
    return redirected(scene, repository, scene.blob_host(scene.new_directory() / "storage"))


@sound
def redirect_behind_a_password(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage")
    return redirected(scene, repository, host, is_locked=True)


@sound
def redirect_to_a_host_that_knows_no_ranges(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage")
    host.honours_range = False
    return redirected(scene, repository, host)


@state(Reason.LAYER_MISSING, Depth.BLOBS)
def redirect_to_storage_that_lost_a_layer(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage")
    question = redirected(scene, repository, host)
    copied = host.root.parent / "replica"
    shutil.copytree(host.root, copied)
    host.root = copied
    layer = scene.layout.images[repository].layers[0].removeprefix("sha256:")
    (copied / "docker/registry/v2/blobs/sha256" / layer[:2] / layer / "data").unlink()
    return question


@state(Reason.BLOB_DENIED, Depth.PLATFORM)
def redirect_to_storage_that_refuses(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage")
    host.refusal = 403
    return redirected(scene, repository, host)


@state(Reason.REDIRECT_AUTH_REQUIRED, Depth.PLATFORM)
def redirect_to_storage_that_wants_a_login(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage")
    host.refusal = 401
    return redirected(scene, repository, host)


@state(Reason.REGISTRY_ERROR, Depth.PLATFORM)
def redirect_to_storage_in_trouble(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage")
    host.refusal = 503
    return redirected(scene, repository, host)


@state(Reason.CONNECT_REFUSED, Depth.PLATFORM)
def redirect_to_a_host_that_is_down(scene: Scene, repository: str) -> Question:
    return redirected(scene, repository, scene.dead_origin())


@state(Reason.TLS_EXPIRED, Depth.PLATFORM)
def redirect_to_an_expired_certificate(scene: Scene, repository: str) -> Question:
    return redirected(scene, repository, scene.blob_host(scene.new_directory() / "storage", scene.expired))


@state(Reason.TLS_HOSTNAME, Depth.PLATFORM)
def redirect_to_the_certificate_of_another(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.new_directory() / "storage", address="127.0.0.2")
    return redirected(scene, repository, host)


@state(Reason.REDIRECT_INSECURE, Depth.PLATFORM, is_copied=True, is_fetched=True)
def redirect_to_plain_http(scene: Scene, repository: str) -> Question:
    host = scene.start(BlobHost(scene.new_directory() / "storage"))
    return redirected(scene, repository, host)


@state(Reason.REDIRECT_FORBIDDEN, Depth.PLATFORM, is_copied=True, is_fetched=True)
def redirect_to_a_private_address(scene: Scene, repository: str) -> Question:
    files = scene.tls.issue("private", "127.0.0.2")
    host = scene.blob_host(scene.new_directory() / "storage", files, address="127.0.0.2")
    question = redirected(scene, repository, host)
    return replace(question, allow_cidr="127.0.0.1/32")
