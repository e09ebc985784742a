"""Debian's `docker-registry` (distribution 2.8), run for a test, and skopeo to fill it.

Nothing of it is ours: what it answers is what registries in the wild answer.
"""

import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from kairos.embedded import free_port

REGISTRY = shutil.which("docker-registry")
SKOPEO = shutil.which("skopeo")
MISSING = "docker-registry and skopeo are not installed (Debian has both; .ci/run installs them)"


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """How the registry wants its tokens: the realm that it names, and the certificate they are signed under."""

    realm: str
    service: str
    issuer: str
    root_cert_bundle: Path


@dataclass(slots=True)
class DockerRegistry:
    """A registry process with its storage in `directory`. `certificate` and `key` are PEM files for TLS."""

    directory: Path
    certificate: Path | None = None
    key: Path | None = None
    token_auth: TokenAuth | None = None
    address: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "config.yml"
        config.write_text(self._config())
        assert REGISTRY is not None, MISSING
        log = (self.directory / "log").open("wb")
        self._process = subprocess.Popen([REGISTRY, "serve", config], stdout=log, stderr=log)
        log.close()
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def authority(self) -> str:
        """`address:port`, as references to its images begin."""
        return f"{self.address}:{self.port}"

    def push(self, source: str, target: str, *options: str, credentials: str | None = None) -> None:
        """Copy an image from where skopeo finds it to `repository:tag`; with `--all`, an index and its images."""
        assert SKOPEO is not None, MISSING
        command = [SKOPEO, "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *options]
        if credentials:
            command += ["--dest-creds", credentials]
        command += [source, f"docker://{self.authority}/{target}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def blob_path(self, digest: str) -> Path:
        """Return the file that holds the blob, to be damaged."""
        algorithm, _, hexadecimal = digest.partition(":")
        blobs = self.directory / "storage" / "docker" / "registry" / "v2" / "blobs"
        return blobs / algorithm / hexadecimal[:2] / hexadecimal / "data"

    def _config(self) -> str:
        # JSON is YAML; the blob cache is off so that what is gone from the disk is gone at once.
        lines = [
            "version: 0.1",
            "log: {level: warn, accesslog: {disabled: true}}",
            f"storage: {{filesystem: {{rootdirectory: '{self.directory / 'storage'}'}}, delete: {{enabled: true}}}}",
            f"http: {{addr: '{self.authority}', secret: for-tests-only{self._tls()}}}",
        ]
        if auth := self.token_auth:
            lines.append(
                f"auth: {{token: {{realm: '{auth.realm}', service: '{auth.service}', issuer: '{auth.issuer}',"
                f" rootcertbundle: '{auth.root_cert_bundle}'}}}}"
            )
        return "\n".join(lines)

    def _tls(self) -> str:
        return f", tls: {{certificate: '{self.certificate}', key: '{self.key}'}}" if self.certificate else ""

    def _wait(self) -> None:
        scheme = "https" if self.certificate else "http"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, (self.directory / "log").read_text()
            try:
                httpx.get(f"{scheme}://{self.authority}/v2/", verify=False, trust_env=False)  # noqa: S501 - only readiness
            except httpx.TransportError:
                time.sleep(0.05)  # it listens within a moment; nothing tells when
            else:
                return
        raise AssertionError(f"{self.authority} did not answer: {(self.directory / 'log').read_text()}")
