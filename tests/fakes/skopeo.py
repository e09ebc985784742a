"""Debian's skopeo, run for a test: the client that container runtimes on Linux share their pulling with."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SKOPEO = shutil.which("skopeo")
SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """How a run of skopeo ended."""

    status: int
    output: str
    errors: str

    @property
    def document(self) -> Any:
        """The JSON that it printed."""
        assert self.status == 0, self.errors
        return json.loads(self.output)


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo with `home` as its home, where it finds no login; it trusts the CA in `ca_file`, whatever host it meets.

    Without a CA it takes plain HTTP where the options of a command let it.
    """

    home: Path
    ca_file: Path | None = None

    def run(self, *arguments: str) -> Answer:
        assert SKOPEO is not None, "skopeo is not installed"
        environment = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home)}
        if self.ca_file:
            environment["SSL_CERT_FILE"] = str(self.ca_file)
        done = subprocess.run(
            # There are no signatures here; what is trusted is the certificate.
            [SKOPEO, "--insecure-policy", *arguments],
            capture_output=True, text=True, timeout=SECONDS, check=False, env=environment,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def copy(self, source: str, destination: str, *options: str, platform: str = "") -> Answer:
        """Copy from where skopeo finds it to where it shall be; `platform` chooses from an index."""
        return self.run(*_overrides(platform), "copy", "--quiet", *options, source, destination)

    def inspect(self, image: str, *options: str) -> Answer:
        return self.run("inspect", *options, image)


def _overrides(platform: str) -> tuple[str, ...]:
    if not platform:
        return ()
    system, architecture, *variant = platform.split("/")
    chosen = ("--override-os", system, "--override-arch", architecture)
    return (*chosen, "--override-variant", variant[0]) if variant else chosen
