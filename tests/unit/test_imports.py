"""The contracts of `.importlinter` hold, and each of them would notice a breach."""

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("kairos", "dashboard", "api", "probes")

# Contract, the module that breaks it, and what it imports. One breach for each arrow of the architecture.
BREACHES: Final = (
    ("floors", "dashboard", "kairos.urls"),
    ("floors", "api", "kairos.health"),
    ("floors", "api", "dashboard"),
    ("floors", "dashboard", "api"),
    ("floors", "probes.admin", "dashboard"),
    ("floors", "probes.management", "api"),
    ("floors", "probes.admin", "probes.management"),
    ("floors", "probes.tasks", "probes.admin"),
    ("floors", "probes.actions", "probes.tasks"),
    ("floors", "probes.selectors", "probes.actions"),
    ("floors", "probes.models", "probes.selectors"),
    ("floors", "probes.policy", "probes.models"),
    ("floors", "probes.policy", "probes.trust"),
    ("floors", "probes.protocol", "probes.policy"),
    ("region", "probes.wire", "probes.edge"),
    ("region", "probes.wire", "probes.broker"),
    ("region", "probes.broker", "probes.edge"),
    ("region", "probes.trust", "probes.wire"),
    ("region", "probes.protocol", "probes.wire"),
    ("no-django", "probes.edge", "django.conf"),
    ("no-django", "probes.wire", "django.utils"),
    ("no-django", "probes.trust", "django.core"),
    ("no-django", "probes.policy", "django.db"),
    ("no-django", "probes.protocol", "django.db"),
    ("no-django", "probes.broker", "psycopg"),
    ("no-django", "probes.edge", "probes.models"),
    ("no-django", "probes.edge", "kairos.settings"),
    ("httpx", "probes.edge", "httpx"),
    ("httpx", "probes.protocol", "httpx"),
    ("httpx", "probes.management", "httptools"),
    ("httpx", "kairos", "httpx"),
    ("control-plane-dials-nothing", "probes.tasks", "probes.wire"),
    ("control-plane-dials-nothing", "api", "probes.wire"),
    ("control-plane-dials-nothing", "probes.models", "probes.edge"),
    ("no-enqueueing", "probes.actions", "celery"),
    ("no-enqueueing", "probes.selectors", "kombu"),
    ("no-enqueueing", "probes.models", "probes.broker"),
    ("pure", "probes.protocol", "socket"),
    ("pure", "probes.protocol", "time"),
    ("pure", "probes.policy", "random"),
    ("pure", "probes.policy", "pathlib"),
    ("floors", "probes.notify", "probes.tasks"),
    ("floors", "probes.notify", "probes.actions"),
    ("no-django", "probes.notify", "django.conf"),
    ("no-django", "probes.notify", "probes.models"),
    ("httpx", "probes.notify", "httpx"),
    ("control-plane-dials-nothing", "probes.admin", "probes.notify"),
    ("control-plane-dials-nothing", "probes.actions", "probes.notify"),
    ("apprise", "probes.actions", "apprise"),
    ("clouds", "probes.edge", "botocore"),
    ("clouds", "probes.actions", "google"),
    ("clouds", "probes.management", "msal"),
    ("floors", "probes.discovery", "probes.actions"),
    ("floors", "probes.actions", "probes.discovery"),
    ("floors", "probes.policy", "probes.discovery"),
    ("region", "probes.discovery", "probes.edge"),
    ("region", "probes.wire", "probes.discovery"),
    ("no-django", "probes.discovery", "django.conf"),
    ("httpx", "probes.discovery", "httpx"),
    ("control-plane-dials-nothing", "probes.tasks", "probes.discovery"),
    ("control-plane-dials-nothing", "api", "probes.discovery"),
    ("clouds", "probes.discovery", "botocore"),
    ("tracing", "probes.discovery", "opentelemetry"),
    ("oidc", "dashboard", "mozilla_django_oidc"),
    ("oidc", "probes.actions", "jwt"),
    ("pages", "dashboard.overview", "dashboard.image"),
    ("pages", "dashboard.incidents", "dashboard.urls"),
    ("pages", "dashboard.charts", "dashboard.cells"),
    ("tracing", "probes.edge", "opentelemetry"),
    ("tracing", "api", "opentelemetry"),
)

NUMBERED: Final = [(number, *breach) for number, breach in enumerate(BREACHES)]
HEADING: Final = re.compile(r"^(.+)\n-{3,}\n", re.MULTILINE)


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=directory,
        # Found by the working directory, and not where the tests are.
        env={"PYTHONPATH": str(directory), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def breaches_found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Plant every breach in a copy of the code; return what the linter says, by the name of the contract."""
    copy = tmp_path_factory.mktemp("breached")
    shutil.copy(PROJECT / ".importlinter", copy)
    only_code = shutil.ignore_patterns("__pycache__", "static", "templates")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, copy / package, ignore=only_code)
    for number, (_, package, imported) in enumerate(BREACHES):
        planted = copy.joinpath(*package.split("."), f"breach_{number}.py")
        planted.write_text(f"import {imported}\n")
    done = lint(copy)
    assert done.returncode == 1, done.stderr
    _, *sections = HEADING.split(done.stdout)
    return dict(zip(sections[::2], sections[1::2], strict=True))


def test_contracts_hold() -> None:
    done = lint(PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("number", "contract", "package", "imported"), NUMBERED)
def test_breach_is_caught(
    breaches_found: dict[str, str], number: int, contract: str, package: str, imported: str
) -> None:
    # The linter knows a package outside ours by its top name alone.
    top, _, _ = imported.partition(".")
    known_as = imported if top in PACKAGES else top
    assert f"{package}.breach_{number} -> {known_as} (l.1)" in breaches_found[contract_name(contract)]


def test_every_contract_has_a_breach() -> None:
    prefix = "importlinter:contract:"
    contracts = {name.removeprefix(prefix) for name in contracts_file().sections() if name.startswith(prefix)}
    assert contracts == {contract for contract, _, _ in BREACHES}


def contract_name(contract: str) -> str:
    return contracts_file()[f"importlinter:contract:{contract}"]["name"]


def contracts_file() -> ConfigParser:
    parser = ConfigParser()
    parser.read(PROJECT / ".importlinter")
    return parser
