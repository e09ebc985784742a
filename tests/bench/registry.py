"""The cheap registry of `tests.bench.responder`, run beside a benchmark in a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from probes.protocol.plan import Site


@dataclass(frozen=True, slots=True)
class BenchRegistry:
    """A registry at `authority` (`host:port`) that answers for every repository; trusted by `site`."""

    authority: str
    site: Site
    pid: int

    @property
    def base(self) -> str:
        return f"https://{self.authority}"

    def image(self, number: int, family: str = "bench/image-") -> str:
        """Return a reference; `tests.bench.responder` tells how the families of repositories differ."""
        return f"{self.authority}/{family}{number:06}:1"


@contextmanager
def running_registry() -> Iterator[BenchRegistry]:
    """Run it until the block ends."""
    authority = trustme.CA()
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
        Path(pem.name).write_bytes(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
        command = [sys.executable, "-m", "tests.bench.responder", pem.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield BenchRegistry(
                    authority=f"localhost:{int(process.stdout.readline())}",
                    site=Site(
                        ca_pem=authority.cert_pem.bytes().decode(),
                        allow_cidrs=("127.0.0.0/8", "::1/128"),
                        resolve=(("localhost", ("127.0.0.1",)),),
                    ),
                    pid=process.pid,
                )
            finally:
                process.stdin.close()
