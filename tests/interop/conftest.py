"""Real registries for the tests: images made here, pushed by skopeo into Debian's docker-registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.fakes.docker_registry import MISSING, REGISTRY, SKOPEO, DockerRegistry, TokenAuth
from tests.fakes.oci_layout import OciLayout
from tests.fakes.token_server import TokenServer


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    if not (REGISTRY and SKOPEO):
        pytest.skip(MISSING)


@pytest.fixture
def layout(tmp_path: Path) -> OciLayout:
    return OciLayout(tmp_path / "layout")


@pytest.fixture
def open_registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A registry that speaks plain HTTP and lets everybody do everything."""
    with DockerRegistry(tmp_path / "open") as registry:
        yield registry


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """The CA that signed the certificate in `tls.pem` and its key in `tls.key`, both for 127.0.0.1."""
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    issued = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)
    issued.private_key_pem.write_to_path(tmp_path / "tls.key")
    (tmp_path / "tls.pem").write_bytes(b"".join(item.bytes() for item in issued.cert_chain_pems))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


@pytest.fixture
def token_server(tmp_path: Path, ca_file: Path) -> Iterator[TokenServer]:
    """A token server that knows `robot` with the password `right`, and lets everybody pull `team/public`."""
    with TokenServer(
        tmp_path / "tls.pem", tmp_path / "tls.key", users={"robot": "right"}, public=frozenset({"team/public"})
    ) as server:
        yield server


@pytest.fixture
def token_registry(tmp_path: Path, ca_file: Path, token_server: TokenServer) -> Iterator[DockerRegistry]:
    """A registry over TLS that wants the token server's JWTs."""
    auth = TokenAuth(token_server.realm, token_server.service, token_server.issuer, ca_file)
    with DockerRegistry(
        tmp_path / "token", certificate=tmp_path / "tls.pem", key=tmp_path / "tls.key", token_auth=auth
    ) as registry:
        yield registry
