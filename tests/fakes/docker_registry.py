"""Debian's `docker-registry` (distribution 2.8), run for a test, and skopeo to fill it.

Nothing of it is ours: what it answers is what registries in the wild answer.
"""

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from kairos.embedded import free_port
from tests.fakes.skopeo import SKOPEO, Skopeo

REGISTRY = shutil.which("docker-registry")
MISSING = "docker-registry and skopeo are not installed (Debian has both; .ci/run installs them)"


def programs_are_there() -> bool:
    """Tell whether both are installed; `MISSING` is what to say where they are not."""
    return bool(REGISTRY and SKOPEO)


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """How the registry wants its tokens: the realm that it names, and the certificate they are signed under."""

    realm: str
    service: str
    issuer: str
    root_cert_bundle: Path


@dataclass(frozen=True, slots=True)
class Upstream:
    """The registry that a mirror pulls through from: its origin, and the mirror's login there."""

    origin: str
    username: str = ""
    password: str = ""


@dataclass(slots=True)
class DockerRegistry:
    """A registry process with its storage in `directory`. `certificate` and `key` are PEM files for TLS.

    `htpasswd` is such a file, of bcrypt hashes. `blob_origin` is where it sends whoever asks for a blob. A mirror
    trusts the CA in `upstream_ca` besides the system's.
    """

    directory: Path
    certificate: Path | None = None
    key: Path | None = None
    token_auth: TokenAuth | None = None
    htpasswd: Path | None = None
    upstream: Upstream | None = None
    upstream_ca: Path | None = None
    blob_origin: str = ""
    address: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, or start it again over what it has stored."""
        assert REGISTRY is not None, MISSING
        self._config_file.write_text(json.dumps(self._config()))  # JSON is YAML
        environment = {"SSL_CERT_FILE": str(self.upstream_ca)} if self.upstream_ca else {}
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [REGISTRY, "serve", self._config_file], stdout=log, stderr=log, env=environment
            )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def authority(self) -> str:
        """`address:port`, as references to its images begin."""
        return f"{self.address}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.authority}"

    @property
    def storage(self) -> Path:
        """The directory under which it keeps everything."""
        return self.directory / "storage"

    def push(self, source: str, target: str, *options: str, credentials: str | None = None) -> None:
        """Copy an image from where skopeo finds it to `repository:tag`; with `--all`, an index and its images."""
        if credentials:
            options = (*options, "--dest-creds", credentials)
        destination = f"docker://{self.authority}/{target}"
        done = Skopeo(self.directory).copy(source, destination, "--dest-tls-verify=false", *options)
        assert done.status == 0, done.errors

    def put_manifest(self, repository: str, reference: str, media_type: str, document: dict[str, Any]) -> str:
        """Put a manifest that no pusher here can make, by tag or digest; return its digest."""
        body = json.dumps(document).encode()
        reply = httpx.put(
            f"{self.origin}/v2/{repository}/manifests/{reference}",
            content=body,
            headers={"Content-Type": media_type},
            trust_env=False,
        )
        assert reply.status_code == 201, reply.text
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def put_blob(self, repository: str, content: bytes, algorithm: str = "sha256") -> str:
        """Upload a blob by its digest of that algorithm, which is returned."""
        digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
        with httpx.Client(base_url=self.origin, trust_env=False) as client:
            upload = client.post(f"/v2/{repository}/blobs/uploads/")
            place = httpx.URL(upload.headers["Location"]).copy_merge_params({"digest": digest})
            reply = client.put(place, content=content, headers={"Content-Type": "application/octet-stream"})
        assert reply.status_code == 201, reply.text
        return digest

    def delete(self, repository: str, kind: str, digest: str) -> None:
        """Delete a manifest or blob as its API does; `kind` is `manifests` or `blobs`."""
        reply = httpx.delete(f"{self.origin}/v2/{repository}/{kind}/{digest}", trust_env=False)
        assert reply.status_code == 202, reply.text

    def collect_garbage(self) -> None:
        """Remove from the disk whatever no manifest refers to, as the registry's own command does."""
        assert REGISTRY is not None, MISSING
        subprocess.run(
            [REGISTRY, "garbage-collect", self._config_file], check=True, capture_output=True, timeout=60, env={}
        )

    def blob_path(self, digest: str) -> Path:
        """Return the file that holds the blob, to be damaged."""
        algorithm, _, hexadecimal = digest.partition(":")
        return self._root / "blobs" / algorithm / hexadecimal[:2] / hexadecimal / "data"

    def repository_path(self, repository: str) -> Path:
        """Return the directory of links that make up the repository."""
        return self._root / "repositories" / repository

    @property
    def _root(self) -> Path:
        return self.storage / "docker" / "registry" / "v2"

    @property
    def _config_file(self) -> Path:
        return self.directory / "config.yml"

    def _config(self) -> dict[str, Any]:
        # The blob cache is off so that what is gone from the disk is gone at once.
        storage: dict[str, Any] = {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}}
        http: dict[str, Any] = {"addr": self.authority, "secret": "for-tests-only"}
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": storage,
            "http": http,
            "compatibility": {"schema1": {"enabled": True}},
            "validation": {"manifests": {"urls": {"allow": ["^https?://"]}}},
        }
        if self.certificate:
            http["tls"] = {"certificate": str(self.certificate), "key": str(self.key)}
        if auth := self.token_auth:
            config["auth"] = {
                "token": {
                    "realm": auth.realm,
                    "service": auth.service,
                    "issuer": auth.issuer,
                    "rootcertbundle": str(auth.root_cert_bundle),
                }
            }
        if self.htpasswd:
            config["auth"] = {"htpasswd": {"realm": "Registry", "path": str(self.htpasswd)}}
        if upstream := self.upstream:
            login = {"username": upstream.username, "password": upstream.password} if upstream.username else {}
            config["proxy"] = {"remoteurl": upstream.origin, **login}
        if self.blob_origin:
            config["middleware"] = {"storage": [{"name": "redirect", "options": {"baseurl": self.blob_origin}}]}
        return config

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, (self.directory / "log").read_text()
            try:
                httpx.get(f"{self.origin}/v2/", verify=False, trust_env=False)  # noqa: S501 - only readiness
            except httpx.TransportError:
                time.sleep(0.05)  # it listens within a moment; nothing tells when
            else:
                return
        raise AssertionError(f"{self.authority} did not answer: {(self.directory / 'log').read_text()}")
