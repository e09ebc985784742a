"""How Kairos behaves towards real registries, token servers, blob hosts and mirrors, besides what it concludes."""

import json
from dataclasses import replace
from pathlib import Path

from probes.protocol.taxonomy import Reason, Stage, Status, Warn
from tests.fakes.tls_files import TlsFiles
from tests.interop.comparison import check
from tests.interop.scene import LOGIN, WRONG_PASSWORD, Scene
from tests.interop.states_of_blob_hosts import redirected


def test_a_token_is_asked_for_once_and_for_pulling_alone(scene: Scene) -> None:
    """T8, T13: anonymously, with one scope."""
    scene.image("public", scene.vault, login=LOGIN)
    scene.token_server.requests.clear()

    outcome = check(scene.ask("public", scene.vault))

    assert outcome.conclusion.auth_path == "fresh"
    assert scene.token_server.requests == ["/token?service=registry&scope=repository%3Apublic%3Apull"]


def test_a_wrong_password_is_refused_by_the_token_server_and_never_shown(scene: Scene) -> None:
    """T24, T35."""
    outcome = check(scene.ask("public", scene.vault, secret=WRONG_PASSWORD))

    found = outcome.conclusion
    assert (found.reason, found.stage) == (Reason.AUTH_BAD_CREDENTIALS, Stage.TOKEN)
    assert f"https://{found.host}/token" == scene.token_server.realm
    assert WRONG_PASSWORD.password not in json.dumps(outcome.to_json())


def test_a_token_server_that_is_down_is_a_fault_of_the_token_server(scene: Scene) -> None:
    """T28: the stage and the host are those of the hop that failed."""
    origin = scene.dead_origin()
    registry = scene.start(scene.over_tls(token_auth=scene.token_auth(realm=f"{origin}/token")))

    found = check(scene.ask("public", registry)).conclusion

    assert (found.reason, found.stage) == (Reason.CONNECT_REFUSED, Stage.TOKEN)
    assert origin == f"https://{found.host}"


def test_an_expired_certificate_is_blamed_on_the_host_that_shows_it(scene: Scene) -> None:
    """N9, B21: of the registry, and of the host behind it."""
    expired = scene.start(scene.over_tls(scene.expired))
    host = scene.blob_host(scene.new_directory() / "storage", scene.expired)

    registrys = check(scene.ask("public", expired)).conclusion
    hosts = check(redirected(scene, "expired-blob-host", host)).conclusion

    assert (registrys.reason, registrys.stage, registrys.host) == (Reason.TLS_EXPIRED, Stage.TLS, expired.authority)
    assert (hosts.reason, hosts.stage, hosts.host) == (Reason.TLS_EXPIRED, Stage.CONFIG, host.authority)


def test_a_certificate_of_an_unknown_ca_is_never_accepted(scene: Scene, tmp_path: Path) -> None:
    """N8."""
    other = TlsFiles(tmp_path)

    outcome = check(replace(scene.ask("public", scene.vault), ca_file=other.ca_file))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TLS_UNTRUSTED, Stage.TLS)


def test_a_private_address_is_never_dialled_unless_allowed(scene: Scene) -> None:
    """N4."""
    outcome = check(replace(scene.ask("public", scene.vault), allow_cidr="192.0.2.0/24"))

    assert outcome.conclusion.reason is Reason.TARGET_FORBIDDEN
    assert all(step.connect_ms is None for step in outcome.steps)


def test_the_password_stays_with_the_registry_and_the_range_goes_along(scene: Scene) -> None:
    """B1, B11: a redirect is a new request."""
    host = scene.blob_host(scene.new_directory() / "storage")
    question = redirected(scene, "behind-a-password", host, is_locked=True)
    host.requests.clear()  # those of the push

    outcome = check(question)

    assert (outcome.status, outcome.conclusion.auth_path) == (Status.AVAILABLE, "fresh")
    assert len(host.requests) == 3
    assert not any("Authorization" in headers for headers in host.requests)
    # The config is read whole, as the image is the only one; of layers, a byte each.
    assert sorted(headers.get("Range", "") for headers in host.requests) == ["", "bytes=0-0", "bytes=0-0"]


def test_a_mirror_ignores_the_range_and_fetches_the_image_for_itself(scene: Scene) -> None:
    """B3: to probe the blobs of a mirror is to fill it. From then on it answers by itself, with ranges."""
    image = scene.image("filling")
    mirror = scene.mirror(scene.registry)
    question = scene.ask("filling", mirror)

    first = check(question)
    scene.wait_for(lambda: all(mirror.blob_path(blob).exists() for blob in (image.config, *image.layers)))
    second = check(question)

    assert (first.status, first.conclusion.warnings) == (Status.AVAILABLE, (Warn.RANGE_IGNORED,))
    assert (second.status, second.conclusion.warnings) == (Status.AVAILABLE, ())


def test_a_mirror_whose_login_is_refused_says_so_by_digest_and_hides_it_by_tag(scene: Scene) -> None:
    """E2: distribution takes any trouble with a tag for a tag that is not there."""
    image = scene.image("hidden", scene.vault, login=LOGIN)
    mirror = scene.mirror(scene.vault, WRONG_PASSWORD)

    by_tag = check(scene.ask("hidden", mirror)).conclusion
    by_digest = check(scene.ask(f"hidden@{image.manifest}", mirror)).conclusion

    assert by_tag.reason is Reason.TAG_NOT_FOUND
    assert by_digest.reason is Reason.MIRROR_UPSTREAM_AUTH
