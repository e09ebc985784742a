"""Debian's containerd, run for a test without anything that runs containers: the pull of most Kubernetes nodes.

`ctr content fetch` resolves, authorises, follows and verifies as a pull does, and unpacks nothing.
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.fakes.skopeo import Answer

CONTAINERD = shutil.which("containerd")
CTR = shutil.which("ctr")
MISSING: Final = (
    "containerd is not installed (Debian has it; .ci/run installs it), or this is not root, which it has to be"
)
SECONDS: Final = 60
_NOT_NEEDED: Final = (
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.restart",
    "io.containerd.monitor.v1.cgroups",
)


def containerd_can_run() -> bool:
    """Tell whether it is there and may start; `MISSING` is what to say where not."""
    return bool(CONTAINERD and CTR) and os.geteuid() == 0


@dataclass(slots=True)
class Containerd:
    """A containerd of its own, with everything in `directory`, whose path must be short enough for a socket's."""

    directory: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def __enter__(self) -> Self:
        assert CONTAINERD is not None, MISSING
        self.directory.mkdir(parents=True)
        config = self.directory / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{self.directory}/root"\nstate = "{self.directory}/state"\n'
            f"disabled_plugins = {list(_NOT_NEEDED)}\n"
            f'[grpc]\naddress = "{self._socket}"\n'
            # What one image has fetched must not serve another.
            '[plugins."io.containerd.metadata.v1.bolt"]\ncontent_sharing_policy = "isolated"\n'
        )
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen([CONTAINERD, "-c", config], stdout=log, stderr=log)
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def fetch(self, reference: str, *, platform: str, login: str = "", ca_file: Path | None = None) -> Answer:
        """Fetch all of an image, over plain HTTP unless a CA is given; the empty platform is all of them."""
        options = ["--platform", platform] if platform else ["--all-platforms"]
        options += ["--user", login] if login else []
        options += ["--hosts-dir", str(self._trust(reference, ca_file))] if ca_file else ["--plain-http"]
        return self._ctr("content", "fetch", *options, reference, ca_file=ca_file)

    def _trust(self, reference: str, ca_file: Path) -> Path:
        """Return a directory that says of the registry that it speaks TLS; of loopback it believes it of nobody."""
        authority = reference.partition("/")[0]
        hosts = self.directory / "hosts"
        (hosts / authority).mkdir(parents=True, exist_ok=True)
        (hosts / authority / "hosts.toml").write_text(
            f'server = "https://{authority}"\n[host."https://{authority}"]\nca = "{ca_file}"\n'
        )
        return hosts

    def _ctr(self, *arguments: str, ca_file: Path | None = None) -> Answer:
        assert CTR is not None, MISSING
        environment = {"SSL_CERT_FILE": str(ca_file)} if ca_file else {}
        command = [CTR, "--address", str(self._socket), "--namespace", "tests", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment)
        return Answer(done.returncode, done.stdout, done.stderr)

    @property
    def _socket(self) -> Path:
        return self.directory / "socket"

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while self._ctr("version").status:
            assert self._process is not None
            assert self._process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, (self.directory / "log").read_text()
            time.sleep(0.1)  # it listens within a moment; nothing tells when
