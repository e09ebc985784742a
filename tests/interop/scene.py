"""The registries in which images are put into states: shared ones that are started once, and others for one state."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from kairos.embedded import free_port
from probes.protocol.plan import Secret
from tests.fakes.blob_host import BlobHost
from tests.fakes.containerd import Containerd
from tests.fakes.docker_registry import DockerRegistry, TokenAuth, Upstream
from tests.fakes.oci_layout import Image, OciLayout
from tests.fakes.tls_files import ServerFiles, TlsFiles
from tests.fakes.token_server import TokenServer
from tests.interop.comparison import Question

ROBOT: Final = Secret(username="robot", password="right")
WRONG_PASSWORD: Final = Secret(username="robot", password="wrong-password")
LOGIN: Final = "robot:right"
# As `htpasswd -nbB robot right` writes it, with the least work that bcrypt knows.
HTPASSWD: Final = "robot:$2b$04$W18NSPzykN15PSQ2D9ym6uEexiT6Mh9Jg1dU1Anosc3ARSWMzTjNu\n"

Server = TypeVar("Server")


class Scene:
    """Servers, and images to push to them. `shared` holds what lasts, `for_now` what ends with a test."""

    def __init__(self, directory: Path, tls: TlsFiles, shared: ExitStack) -> None:
        self.directory = directory
        self.tls = tls
        self.layout = OciLayout(directory / "layout")
        self.for_now = ExitStack()
        self._shared = shared
        self._number = 0

    def new_directory(self) -> Path:
        self._number += 1
        return self.directory / f"server-{self._number}"

    def start(self, server: AbstractContextManager[Server]) -> Server:
        """Start a server that ends with the test."""
        return self.for_now.enter_context(server)

    @cached_property
    def registry(self) -> DockerRegistry:
        """An open registry over plain HTTP, of which everybody may do everything."""
        return self._shared.enter_context(DockerRegistry(self.directory / "open"))

    @cached_property
    def containerd(self) -> Containerd:
        return self._shared.enter_context(Containerd(self.directory / "containerd"))

    @cached_property
    def certificate(self) -> ServerFiles:
        return self.tls.issue("server")

    @cached_property
    def expired(self) -> ServerFiles:
        return self.tls.issue("expired", not_after=datetime.now(UTC) - timedelta(days=1))

    @cached_property
    def locked(self) -> DockerRegistry:
        """A registry over TLS that lets `robot` in with the password `right`, by Basic."""
        return self._shared.enter_context(self.over_tls(htpasswd=self.htpasswd))

    @cached_property
    def htpasswd(self) -> Path:
        path = self.directory / "htpasswd"
        path.write_text(HTPASSWD)
        return path

    @cached_property
    def token_server(self) -> TokenServer:
        """Knows `robot` with the password `right`, and lets everybody pull from `public`."""
        files = self.certificate
        server = TokenServer(files.certificate, files.key, users={"robot": "right"}, public=frozenset({"public"}))
        return self._shared.enter_context(server)

    @cached_property
    def vault(self) -> DockerRegistry:
        """A registry over TLS that wants the token server's tokens."""
        return self._shared.enter_context(self.over_tls(token_auth=self.token_auth()))

    def token_auth(self, realm: str = "") -> TokenAuth:
        server = self.token_server
        return TokenAuth(realm or server.realm, server.service, server.issuer, self.tls.ca_file)

    def over_tls(
        self, files: ServerFiles | None = None, directory: Path | None = None, **settings: Any
    ) -> DockerRegistry:
        """Return a registry over TLS, not yet started."""
        files = files or self.certificate
        directory = directory or self.new_directory()
        return DockerRegistry(directory, certificate=files.certificate, key=files.key, **settings)

    def mirror(self, upstream: DockerRegistry, secret: Secret | None = None) -> DockerRegistry:
        """Start a mirror of another registry, which must run by now; it logs in there with the secret."""
        login = (secret.username, secret.password) if secret else ()
        ca_file = self.tls.ca_file if upstream.certificate else None
        return self.start(
            DockerRegistry(self.new_directory(), upstream=Upstream(upstream.origin, *login), upstream_ca=ca_file)
        )

    def blob_host(self, root: Path, files: ServerFiles | None = None, address: str = "127.0.0.1") -> BlobHost:
        """Start a blob host over TLS that serves what is under `root`."""
        files = files or self.certificate
        return self.start(BlobHost(root, files.certificate, files.key, address=address))

    def image(self, repository: str, registry: DockerRegistry | None = None, *options: str, login: str = "") -> Image:
        """Push an image of its own to `repository:1`, of the open registry if no other is given."""
        image = self.layout.add_image(repository, seed=repository)
        target = registry or self.registry
        target.push(self.layout.source(repository), f"{repository}:1", *options, credentials=login or None)
        return image

    def index(self, repository: str) -> dict[str, Image]:
        """Push an index of its own for amd64 and arm64 to `repository:1` of the open registry."""
        images = self.layout.add_index(repository, seed=repository, architectures=("amd64", "arm64"))
        self.registry.push(self.layout.source(repository), f"{repository}:1", "--all")
        return images

    def ask(self, repository: str, registry: DockerRegistry | None = None, **fields: Any) -> Question:
        """Return the question for `repository:1`, or for the tag or digest that the name has."""
        target = registry or self.registry
        name = repository if ":" in repository else f"{repository}:1"
        ca_file = self.tls.ca_file if target.certificate else None
        return Question(reference=f"{target.authority}/{name}", ca_file=ca_file, **fields)

    @staticmethod
    def wait_for(is_so: Callable[[], bool]) -> None:
        """Wait for what a registry does in its own time, after its answer."""
        deadline = time.monotonic() + 10
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    @staticmethod
    def dead_origin() -> str:
        """Return an origin at which nobody listens."""
        return f"https://127.0.0.1:{free_port()}"
