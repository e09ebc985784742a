"""docs/how-to/gitops.md: its files, its commands and its script, in a repository of their own."""

import os
import re
import shlex
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import call_command

from probes.models import AuditEntry, Resource, ResourceGroup
from probes.policy.access import Role, Scope
from tests.fakes.access import grant, token_of
from tests.integration.gate.test_compare_recipe import server

__all__ = ["server"]

pytestmark = pytest.mark.django_db

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs/how-to/gitops.md").read_text()
BLOCKS: Final = dict(re.findall(r"```\w+ title=(\S+)\n(.+?)```", PAGE, re.DOTALL))
FILES: Final = ("kairos/group.yaml", "kairos/images.yaml", "kairos.sh")
SETTLED: Final = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


class Repository:
    """What a team has, with the files of the page in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet")
        for name in FILES:
            self.write(name, BLOCKS[name])

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", f"change {name}")

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{what}": "team" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env={**SETTLED, **who}, check=True, capture_output=True, text=True
        ).stdout.strip()

    def manage(self, block: str) -> tuple[int, str]:
        """Return how a block's command of ours ends, and what it prints."""
        text = BLOCKS[block].replace("$(git rev-parse --short HEAD)", self.git("rev-parse", "--short", "HEAD"))
        program, command, *arguments = shlex.split(text)
        assert program == "manage.py"
        out = StringIO()
        try:
            call_command(command, *arguments, stdout=out)
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
        return 0, out.getvalue()

    def run(self, server: WSGIServer, mode: str, token: str) -> tuple[int, str]:
        """Return how the script ends, and what it prints."""
        address = f"http://127.0.0.1:{server.server_port}"
        environment = {**SETTLED, "KAIROS_URL": address, "KAIROS_TOKEN": token}
        with subprocess.Popen(
            ["sh", "kairos.sh", mode],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            server.handle_request()
            text, _ = process.communicate(timeout=60)
        return process.returncode, text


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


@pytest.fixture
def tokens(db: None) -> dict[str, str]:
    user = User.objects.create(username="gitops")
    grant(user, Role.EDITOR)
    return {"read": token_of(user, Scope.READ), "write": token_of(user, Scope.WRITE)}


def test_files_are_planned_applied_and_reverted_by_the_command(repository: Repository) -> None:
    status, told = repository.manage("plan")
    assert status == 3
    assert "Would be: 3 created, one source made, 0 unchanged." in told
    assert not Resource.objects.exists()

    assert repository.manage("apply")[0] == 0
    entry = AuditEntry.objects.get(object_name="shop", model="probes.resourcegroup")
    assert entry.path.endswith(repository.git("rev-parse", "--short", "HEAD"))
    assert repository.manage("plan") == (0, "Nothing to do: 3 unchanged.\n")

    first, _ = BLOCKS["kairos/images.yaml"].split("---\n")
    repository.write("kairos/images.yaml", first.replace("web:1.2", "web:1.3"))
    assert repository.manage("apply")[0] == 0
    assert Resource.objects.get(slug="web").reference == "ghcr.io/shop/web:1.3"
    assert Resource.objects.get(slug="api").is_retired

    repository.git(*shlex.split(BLOCKS["undo"])[1:])
    assert repository.manage("apply")[0] == 0
    assert Resource.objects.get(slug="web").reference == "ghcr.io/shop/web:1.2"
    assert not Resource.objects.get(slug="api").is_retired


def test_script_plans_with_one_token_and_applies_with_the_other(
    repository: Repository, server: WSGIServer, tokens: dict[str, str]
) -> None:
    status, text = repository.run(server, "plan", tokens["read"])
    assert (status, text.splitlines()[0]) == (0, "+ Source/shop-git"), text
    assert not ResourceGroup.objects.exists()

    status, text = repository.run(server, "apply", tokens["read"])
    assert status == 1
    assert "403 missing_scope: This takes a token with the scope `write`" in text

    status, text = repository.run(server, "apply", tokens["write"])
    assert (status, text.splitlines()[-1]) == (0, "Done: 3 created, one source made, 0 unchanged."), text
    commit = repository.git("rev-parse", "--short", "HEAD")
    assert (
        AuditEntry.objects.get(object_name="web").path == f"POST /api/v1/configuration/apply source shop-git {commit}"
    )


def test_script_tells_all_that_is_wrong(repository: Repository, server: WSGIServer, tokens: dict[str, str]) -> None:
    repository.write("kairos/group.yaml", BLOCKS["kairos/group.yaml"].replace("terms:", "trems:"))

    status, text = repository.run(server, "plan", tokens["read"])

    assert status == 1
    assert text.startswith("Group: shop: trems: There is no such field."), text
    assert "422 documents_refused" in text


def test_script_sends_what_the_command_would_read(
    repository: Repository, server: WSGIServer, tokens: dict[str, str]
) -> None:
    first, second = BLOCKS["kairos/images.yaml"].split("---\n")
    repository.write("kairos/images.yaml", first.rstrip("\n"))
    repository.write("kairos/more images.yml", second)

    status, text = repository.run(server, "plan", tokens["read"])

    assert (status, text.splitlines()[-1]) == (0, "Would be: 3 created, one source made, 0 unchanged."), text


def test_script_prunes_nothing_because_a_file_cannot_be_read(
    repository: Repository, server: WSGIServer, tokens: dict[str, str]
) -> None:
    (repository.folder / "kairos/images.yaml").unlink()
    (repository.folder / "kairos/images.yaml").symlink_to("nowhere")
    server.timeout = 1  # nothing is asked

    status, text = repository.run(server, "apply", tokens["write"])

    assert status != 0, text
    assert not ResourceGroup.objects.exists()


@pytest.mark.parametrize("name", [".github/workflows/kairos.yml", ".gitlab-ci.yml"])
def test_pipelines_plan_and_apply_by_the_script(name: str) -> None:
    pipeline: Any = yaml.safe_load(BLOCKS[name])
    jobs = pipeline.get("jobs", pipeline)
    for job, token in (("plan", "KAIROS_READ_TOKEN"), ("apply", "KAIROS_WRITE_TOKEN")):
        assert f"sh kairos.sh {job}" in str(jobs[job])
        assert token in str(jobs[job])
