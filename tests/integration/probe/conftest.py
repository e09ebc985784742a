"""The demonstration registry as a process, and `manage.py probe` within this one."""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from django.core.management import ManagementUtility

from kairos.demo.certificates import authority
from kairos.demo.sites import Sites
from kairos.embedded import free_port
from tests.integration.demo.test_demo_process import running

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Demo:
    """The demonstration registry as a process, and the options that reach it."""

    port: int
    state: Path

    @property
    def options(self) -> list[str]:
        resolve = (f"--resolve={host}:{','.join(found)}" for host, found in Sites.at(self.port).resolve.items())
        return [f"--ca-file={self.state / 'authority.pem'}", "--allow-cidr=127.0.0.0/8", *resolve]

    def reference(self, name: str, host: str = "registry") -> str:
        return f"{host}.kairos.test:{self.port}/{name}"

    @property
    def password(self) -> str:
        return (self.state / "account-password").read_text().strip()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state = tmp_path_factory.mktemp("demo")
    authority(state)
    port = free_port()  # one for all its hosts
    with running(state, "--port", str(port)):
        yield Demo(port, state)


@dataclass(frozen=True)
class Done:
    """How a run of the command ended."""

    returncode: int
    stdout: str
    stderr: str


class Probe(Protocol):
    """Runs the command in this process, with standard input and variables of the environment as given."""

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Done: ...


@pytest.fixture
def probe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Probe:
    def run(*arguments: str, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO(stdin))
            for name, value in environment.items():
                patch.setenv(name, value)
            capsys.readouterr()
            status: object = 0
            handlers = list(logging.root.handlers)
            try:
                ManagementUtility(["manage.py", "probe", *arguments]).execute()
            except SystemExit as leaving:
                status = leaving.code or 0
            finally:
                # Django was set up once more, and logs to what stands for standard error here and ends with the test.
                logging.root.handlers[:] = handlers
        captured = capsys.readouterr()
        assert isinstance(status, int)
        return Done(status, captured.out, captured.err)

    return run
