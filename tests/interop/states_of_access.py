"""States of the way to an image: logins of both kinds, certificates, a server that does not answer."""

from probes.protocol.taxonomy import Depth, Reason
from tests.interop.comparison import Question, Shelf
from tests.interop.scene import LOGIN, ROBOT, WRONG_PASSWORD, Scene

ACCESS = Shelf()
sound, state = ACCESS.sound, ACCESS.state


@sound
def basic_and_the_password(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.locked, login=LOGIN)
    return scene.ask(repository, scene.locked, secret=ROBOT)


@state(Reason.AUTH_BAD_CREDENTIALS, Depth.RESOLVE)
def basic_and_a_wrong_password(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.locked, login=LOGIN)
    return scene.ask(repository, scene.locked, secret=WRONG_PASSWORD)


@state(Reason.AUTH_REQUIRED, Depth.RESOLVE)
def basic_and_no_password(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.locked, login=LOGIN)
    return scene.ask(repository, scene.locked)


@sound
def token_and_the_password(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.vault, login=LOGIN)
    return scene.ask(repository, scene.vault, secret=ROBOT)


@state(Reason.AUTH_BAD_CREDENTIALS, Depth.RESOLVE)
def token_and_a_wrong_password(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.vault, login=LOGIN)
    return scene.ask(repository, scene.vault, secret=WRONG_PASSWORD)


@state(Reason.AUTH_REQUIRED_OR_MISSING, Depth.RESOLVE)
def token_and_no_password(scene: Scene, repository: str) -> Question:
    scene.image(repository, scene.vault, login=LOGIN)
    return scene.ask(repository, scene.vault)


@sound
def token_for_a_public_image(scene: Scene, repository: str) -> Question:
    scene.image("public", scene.vault, login=LOGIN)
    return scene.ask("public", scene.vault)


@state(Reason.AUTH_BAD_CREDENTIALS, Depth.RESOLVE)
def token_for_a_public_image_and_a_wrong_password(scene: Scene, repository: str) -> Question:
    scene.image("public", scene.vault, login=LOGIN)
    return scene.ask("public", scene.vault, secret=WRONG_PASSWORD)


@state(Reason.TAG_NOT_FOUND, Depth.RESOLVE)
def token_for_a_repository_that_is_none(scene: Scene, repository: str) -> Question:
    return scene.ask(repository, scene.vault, secret=ROBOT)


@state(Reason.CONNECT_REFUSED, Depth.RESOLVE)
def token_server_down(scene: Scene, repository: str) -> Question:
    auth = scene.token_auth(realm=f"{scene.dead_origin()}/token")
    return scene.ask(repository, scene.start(scene.over_tls(token_auth=auth)))


@state(Reason.TLS_EXPIRED, Depth.RESOLVE)
def token_server_with_an_expired_certificate(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.directory, scene.expired)  # any server will do: no request gets through to it
    registry = scene.start(scene.over_tls(token_auth=scene.token_auth(realm=f"{host.origin}/token")))
    return scene.ask(repository, registry)


@state(Reason.AUTH_ENDPOINT_MISSING, Depth.RESOLVE)
def token_server_without_the_endpoint(scene: Scene, repository: str) -> Question:
    realm = f"{scene.blob_host(scene.directory).origin}/token"
    registry = scene.start(scene.over_tls(token_auth=scene.token_auth(realm=realm)))
    return scene.ask(repository, registry)


@state(Reason.AUTH_SERVICE_ERROR, Depth.RESOLVE)
def token_server_at_a_loss(scene: Scene, repository: str) -> Question:
    host = scene.blob_host(scene.directory)
    host.refusal = 500
    registry = scene.start(scene.over_tls(token_auth=scene.token_auth(realm=f"{host.origin}/token")))
    return scene.ask(repository, registry)


@state(Reason.TLS_EXPIRED, Depth.RESOLVE)
def registry_with_an_expired_certificate(scene: Scene, repository: str) -> Question:
    return scene.ask(repository, scene.start(scene.over_tls(scene.expired)))


@state(Reason.TLS_HOSTNAME, Depth.RESOLVE)
def registry_with_the_certificate_of_another(scene: Scene, repository: str) -> Question:
    return scene.ask(repository, scene.start(scene.over_tls(scene.tls.issue("other", "127.0.0.9"))))


@state(Reason.CONNECT_REFUSED, Depth.RESOLVE)
def registry_down(scene: Scene, repository: str) -> Question:
    registry = scene.start(scene.over_tls())
    registry.stop()
    return scene.ask(repository, registry)
