"""What `manage.py probe` needs, what it refuses, and what it tells of itself."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.probe.conftest import ROOT, Probe


def test_it_needs_no_settings_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "probe", "--json", "quay.io/Team/app"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "KAIROS_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["reason"] == "ref_uppercase"
    assert done.returncode == 5
    assert list(tmp_path.iterdir()) == []


def test_a_reference_is_refused_with_its_reason_and_position_and_no_packet(probe: Probe) -> None:
    done = probe("--json", "quay.io/Team/app")
    document = json.loads(done.stdout)
    assert (document["reason"], document["stage"], document["requests"]) == ("ref_uppercase", "parse", 0)
    assert "at character 9" in document["detail"]
    assert done.returncode == 5


@pytest.mark.parametrize(
    "option",
    [
        "--allow-cidr=10.0.0.0/99",
        "--resolve=registry.example",
        "--resolve=registry.example:nowhere",
        "--timeout=0",
        "--timeout=soon",
        "--count=0",
        "--platform=linux",
        "--depth=deep",
        "--ca-file=manage.py",
        "--ca-file=missing.pem",
    ],
)
def test_a_bad_option_is_wrong_usage_in_one_line(probe: Probe, option: str) -> None:
    done = probe(option, "alpine")
    assert done.returncode == 2
    assert option.partition("=")[0] in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "value"), [("KAIROS_LIMIT_DNS_SECONDS", "soon"), ("KAIROS_LIMIT_DNS_SECOND", "5")])
def test_limit_that_is_none_is_wrong_usage(probe: Probe, name: str, value: str) -> None:
    done = probe("alpine", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_command_within_a_test_leaves_no_handler_that_logs_to_what_is_closed(probe: Probe) -> None:
    """Each later warning of any test in the process was a traceback on standard error."""
    handlers = list(logging.root.handlers)
    probe("--help")
    assert logging.root.handlers == handlers


def test_help_teaches(probe: Probe) -> None:
    done = probe("--help")
    for part in (
        "examples:", "exit status", "--trust-auth-host", "KAIROS_PROBE_PASSWORD", "platform_missing", "tag_moved",
    ):  # fmt: skip
        assert part in done.stdout
