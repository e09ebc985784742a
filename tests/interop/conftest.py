"""Real registries for the tests: images made here, pushed by skopeo into Debian's docker-registry."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.docker_registry import MISSING, DockerRegistry, TokenAuth, programs_are_there
from tests.fakes.oci_layout import OciLayout
from tests.fakes.tls_files import ServerFiles, TlsFiles
from tests.fakes.token_server import TokenServer
from tests.interop.scene import Scene


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    if not programs_are_there():
        pytest.skip(MISSING)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return TlsFiles(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def shared_scene(tmp_path_factory: pytest.TempPathFactory, tls: TlsFiles) -> Iterator[Scene]:
    with ExitStack() as shared:
        yield Scene(tmp_path_factory.mktemp("scene"), tls, shared)


@pytest.fixture
def scene(shared_scene: Scene) -> Iterator[Scene]:
    """Registries that last for the module; what the test starts besides ends with it."""
    with shared_scene.for_now:
        yield shared_scene


@pytest.fixture
def layout(tmp_path: Path) -> OciLayout:
    return OciLayout(tmp_path / "layout")


@pytest.fixture
def open_registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A registry that speaks plain HTTP and lets everybody do everything."""
    with DockerRegistry(tmp_path / "open") as registry:
        yield registry


@pytest.fixture(scope="session")
def ca_file(tls: TlsFiles) -> Path:
    """The CA that signed every certificate here."""
    return tls.ca_file


@pytest.fixture(scope="session")
def server_files(tls: TlsFiles) -> ServerFiles:
    """A certificate for 127.0.0.1."""
    return tls.issue("server")


@pytest.fixture
def token_server(server_files: ServerFiles) -> Iterator[TokenServer]:
    """A token server that knows `robot` with the password `right`, and lets everybody pull `team/public`."""
    with TokenServer(
        server_files.certificate, server_files.key, users={"robot": "right"}, public=frozenset({"team/public"})
    ) as server:
        yield server


@pytest.fixture
def token_registry(
    tmp_path: Path, ca_file: Path, server_files: ServerFiles, token_server: TokenServer
) -> Iterator[DockerRegistry]:
    """A registry over TLS that wants the token server's JWTs."""
    auth = TokenAuth(token_server.realm, token_server.service, token_server.issuer, ca_file)
    with DockerRegistry(
        tmp_path / "token", certificate=server_files.certificate, key=server_files.key, token_auth=auth
    ) as registry:
        yield registry
