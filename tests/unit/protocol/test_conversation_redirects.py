"""Redirects, followed by hand: where they may lead, and what goes along."""

import pytest

from probes.protocol.conversation import Memory
from probes.protocol.plan import Secret
from probes.protocol.taxonomy import Depth, Reason, Stage
from tests.fakes.contents import Image
from tests.fakes.dialogue import HOST, Registry, Says, moved

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture(autouse=True)
def image(registry: Registry) -> Image:
    return registry.image("team/app:1")


def resolve(registry: Registry) -> Reason:
    return registry.check(REFERENCE, depth=Depth.RESOLVE).reason


def logged_in(registry: Registry) -> Memory | None:
    registry.wants_token()
    registry.check(REFERENCE, depth=Depth.RESOLVE)
    return registry.memory


def found(image: Image) -> Says:
    return Says(200, headers={"Docker-Content-Digest": image.digest, "Content-Length": "2"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_manifest_may_be_elsewhere(registry: Registry, image: Image, status: int) -> None:
    """M28, B11: the login stays at home."""
    registry.once("HEAD 1", moved("https://mirror.test/v2/x/manifests/1", status))
    registry.once("HEAD mirror.test/v2/x/manifests/1", found(image))
    assert resolve(registry) is Reason.OK


def test_relative_location_stays_at_the_registry_and_keeps_the_login(registry: Registry, image: Image) -> None:
    """B19."""
    memory = logged_in(registry)
    registry.once("HEAD 1", moved("/v2/_moved/1"))
    registry.once("HEAD v2/_moved/1", found(image))
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory).reason is Reason.OK
    assert registry.log == ["HEAD 1 with token-1", "HEAD v2/_moved/1 with token-1"]


def test_login_is_not_taken_up_again_on_the_way_back(registry: Registry, image: Image) -> None:
    """S8: once a hop has left home, what comes home is a stranger's request."""
    memory = logged_in(registry)
    registry.once("HEAD 1", moved("https://elsewhere.test/a"))
    registry.once("HEAD elsewhere.test/a", moved(f"https://{HOST}/v2/team/app/manifests/back"))
    registry.once("HEAD back", found(image))
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory).reason is Reason.OK
    assert registry.log == ["HEAD 1 with token-1", "HEAD elsewhere.test/a", "HEAD back"]


def test_401_on_the_way_back_is_not_answered(registry: Registry) -> None:
    """S8, C21."""
    memory = logged_in(registry)
    registry.once("HEAD 1", moved("https://elsewhere.test/a"))
    registry.once("HEAD elsewhere.test/a", moved(f"https://{HOST}/v2/team/app/manifests/back"))
    assert registry.check(REFERENCE, memory=memory).reason is Reason.REDIRECT_AUTH_REQUIRED
    assert registry.log[-1] == "HEAD back"


@pytest.mark.parametrize("host", [f"{HOST}:8443", f"sub.{HOST}"])
def test_other_port_or_name_of_the_registry_is_elsewhere(registry: Registry, image: Image, host: str) -> None:
    """S7: an origin is scheme, host and port."""
    memory = logged_in(registry)
    registry.once("HEAD 1", moved(f"https://{host}/m"))
    registry.once(f"HEAD {host}/m", found(image))
    assert registry.check(REFERENCE, depth=Depth.RESOLVE, memory=memory).reason is Reason.OK
    assert registry.log == ["HEAD 1 with token-1", f"HEAD {host}/m"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        pytest.param("http://storage.test/x", Reason.REDIRECT_INSECURE, id="B16"),
        pytest.param("https://me:pw@storage.test/x", Reason.REDIRECT_FORBIDDEN, id="B19-userinfo"),
        pytest.param("https://a.test\\@b.test/", Reason.REDIRECT_FORBIDDEN, id="S18"),
        pytest.param("ftp://storage.test/x", Reason.REDIRECT_FORBIDDEN, id="scheme"),
        pytest.param("", Reason.PROTOCOL_ERROR, id="M30"),
    ],
)
def test_hostile_location_is_not_followed(registry: Registry, location: str, reason: Reason) -> None:
    """S10."""
    registry.once("HEAD 1", moved(location))
    outcome = registry.check(REFERENCE)
    assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.MANIFEST, HOST)
    assert registry.log == ["HEAD 1"]


def test_plain_http_registry_may_redirect_within_itself_only(image: Image) -> None:
    """N1, B16."""
    local = Registry("localhost:5000", scheme="http")
    local.hold("app:1", image)
    local.once("HEAD 1", moved("http://localhost:5000/v2/app/manifests/latest"))
    local.once("HEAD latest", found(image))
    assert local.check("localhost:5000/app:1", depth=Depth.RESOLVE).reason is Reason.OK
    local.once("HEAD 1", moved("http://localhost:5001/"))
    assert local.check("localhost:5000/app:1").reason is Reason.REDIRECT_INSECURE


def test_same_place_twice_is_a_circle(registry: Registry) -> None:
    """B18."""
    registry.once("HEAD 1", moved("https://a.test/"))
    registry.once("HEAD a.test/", moved("https://b.test/"))
    registry.once("HEAD b.test/", moved("https://a.test/"))
    outcome = registry.check(REFERENCE)
    assert (outcome.reason, outcome.host) == (Reason.REDIRECT_LOOP, "b.test")


def test_sixth_redirect_is_too_many(registry: Registry) -> None:
    """B18."""
    registry.once("HEAD 1", moved("https://a.test/1"))
    for hop in range(1, 6):
        registry.once(f"HEAD a.test/{hop}", moved(f"https://a.test/{hop + 1}"))
    assert registry.check(REFERENCE).reason is Reason.REDIRECT_LOOP
    assert len(registry.log) == 6


def test_head_refused_elsewhere_is_asked_by_get_from_home(registry: Registry, image: Image) -> None:
    """B13: a signature binds the verb."""
    registry.once("HEAD 1", moved("https://storage.test/m?X-Signature=get"))
    registry.once("HEAD storage.test/m", Says(403))
    assert resolve(registry) is Reason.OK
    assert registry.log == ["HEAD 1", "HEAD storage.test/m", "GET 1"]


@pytest.mark.parametrize("port", [22, 25, 80, 1023])
def test_redirect_to_the_port_of_another_service_is_not_followed(registry: Registry, port: int) -> None:
    """S22: nobody is asked there, so that a registry cannot learn through us what listens."""
    registry.once("HEAD 1", moved(f"https://blobs.example:{port}/x"))
    conclusion = registry.check(REFERENCE, depth=Depth.RESOLVE)
    assert (conclusion.reason, registry.log) == (Reason.REDIRECT_FORBIDDEN, ["HEAD 1"])
    assert f"port {port}" in conclusion.detail


@pytest.mark.parametrize("port", [443, 1024, 5000, 8443, 9000])
def test_redirect_to_a_private_object_store_is_followed(registry: Registry, image: Image, port: int) -> None:
    """S22, B11: those listen on high ports."""
    place = "blobs.example" if port == 443 else f"blobs.example:{port}"
    registry.once("HEAD 1", moved(f"https://blobs.example:{port}/x"))
    registry.once(f"HEAD {place}/x", found(image))
    assert resolve(registry) is Reason.OK


@pytest.mark.parametrize("status", [403, 503])
def test_text_of_a_host_that_the_registry_chose_is_not_shown(registry: Registry, status: int) -> None:
    """S22."""
    registry.always("HEAD 1", moved("https://intranet.example:8080/x"))
    registry.always("HEAD intranet.example:8080/x", Says(status))
    registry.always("GET manifest", moved("https://intranet.example:8080/x"))
    registry.always("GET 1", moved("https://intranet.example:8080/x"))
    registry.always("GET intranet.example:8080/x", Says(status, b"Grafana 9.1 of the finance team"))
    conclusion = registry.check(REFERENCE, depth=Depth.MANIFEST)
    assert conclusion.reason is not Reason.OK
    assert conclusion.detail == f"HTTP {status}"


class TestClientCertificate:
    """Which asks may show it: those to the registry's own origin, while no hop has led elsewhere."""

    SECRET = Secret(client_identity="-----BEGIN PRIVATE KEY-----", fingerprint="mtls-1")

    def shown_at(self, registry: Registry) -> list[str]:
        return [line for line, ask in zip(registry.log, registry.asks, strict=True) if ask.shows_identity]

    def test_it_is_no_login(self, registry: Registry) -> None:
        """T8: who has nothing else is anonymous."""
        registry.wants_token()
        assert self.SECRET.is_anonymous
        registry.check(REFERENCE, depth=Depth.RESOLVE, secret=self.SECRET)
        assert registry.log == ["HEAD 1", "GET token", "HEAD 1 with token-1"]

    def test_token_service_elsewhere_does_not_see_it(self, registry: Registry) -> None:
        """S7, S9."""
        registry.wants_token()
        registry.check(REFERENCE, depth=Depth.RESOLVE, secret=self.SECRET)
        assert self.shown_at(registry) == ["HEAD 1", "HEAD 1 with token-1"]

    def test_token_service_of_the_same_origin_sees_it(self, registry: Registry) -> None:
        """T3."""
        registry.wants_token(realm=f"https://{HOST}/token")
        registry.check(REFERENCE, depth=Depth.RESOLVE, secret=self.SECRET)
        assert self.shown_at(registry) == registry.log

    def test_it_is_left_at_home_by_a_redirect_and_not_taken_up_again(self, registry: Registry, image: Image) -> None:
        """S7, S8."""
        registry.once("HEAD 1", moved("https://elsewhere.test/a"))
        registry.once("HEAD elsewhere.test/a", moved(f"https://{HOST}/v2/team/app/manifests/back"))
        registry.once("HEAD back", found(image))
        registry.check(REFERENCE, depth=Depth.RESOLVE, secret=self.SECRET)
        assert self.shown_at(registry) == ["HEAD 1"]

    def test_who_has_none_shows_none(self, registry: Registry) -> None:
        registry.check(REFERENCE)
        assert self.shown_at(registry) == []
