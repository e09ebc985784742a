"""docs/how-to/discover.md and deploy/kubernetes say what is there."""

import io
import re
import shlex
from pathlib import Path
from typing import Final

import pytest
import yaml
from django.core.management import call_command

from probes.discovery import arguments, command
from probes.discovery.cluster import LISTED

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (ROOT / "docs/how-to/discover.md").read_text()
COMMAND: Final = re.compile(r"(?:manage\.py discover|python -m probes\.discovery) ((?:'[^'\n]*'|[^|>'\n])*)")
RECIPES: Final = [
    found.strip() for line in PAGE.splitlines() if line.startswith("    ") for found in COMMAND.findall(line)
]
POD: Final = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: 'app:1'}]}\n"


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_is_a_command_that_is_taken(recipe: str) -> None:
    parser = command.parser_of("discover")
    parser.add_argument("--credential")  # of manage.py
    command.check(vars(parser.parse_args(shlex.split(recipe))))


def test_there_are_recipes_for_everything() -> None:
    assert len(RECIPES) >= 8


def test_the_first_recipes_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/pod.yaml").write_text(POD)
    (tmp_path / "Dockerfile").write_text("FROM alpine:3\n")
    (tmp_path / "compose.yaml").write_text("services: {web: {image: 'web:$TAG'}}\n")
    monkeypatch.chdir(tmp_path)
    for recipe, images in ((RECIPES[0], 2), (RECIPES[3], 1)):
        out = io.StringIO()
        call_command("discover", *shlex.split(recipe), stdout=out, stderr=io.StringIO())
        assert out.getvalue().count("kind: Image") == images, recipe


def test_every_option_of_the_page_is_there() -> None:
    known = {option for action in command.parser_of("x")._actions for option in action.option_strings}  # noqa: SLF001
    told = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    assert told - known <= {"--credential"}


def test_the_role_lets_list_what_is_listed_and_nothing_else() -> None:
    (role,) = [
        item
        for item in yaml.safe_load_all((ROOT / "deploy/kubernetes/discover.yaml").read_text())
        if item["kind"] == "ClusterRole"
    ]
    allowed = {(group, name) for rule in role["rules"] for group in rule["apiGroups"] for name in rule["resources"]}
    assert allowed == {(version.rpartition("/")[0], plural) for version, _, plural in LISTED}
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list"}


def test_the_help_teaches() -> None:
    shown = command.parser_of("discover").format_help()
    for word in ("--from-cluster", "--from-registry", "examples:", "exit status:", arguments.SUMMARY[:20]):
        assert word in shown
