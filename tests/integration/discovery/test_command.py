"""`manage.py discover` and `python -m probes.discovery`: one command line."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError

from probes.discovery import command

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: 'ghcr.io/org/app:1'}]}\n"


def run(*arguments: str) -> tuple[int, list[Any], str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("discover", *arguments, stdout=out, stderr=err)
        status = 0
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    return status, list(yaml.safe_load_all(out.getvalue())), err.getvalue()


def test_a_whole_reading_ends_with_0_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD)
    status, (source, image), told = run(str(tmp_path), "--source", "git", "--group", "shop", "--label", "a=b")
    assert status == 0
    assert source["spec"] == {"complete": True, "documents": 1}
    assert image["spec"] == {"reference": "ghcr.io/org/app:1", "group": "shop"}
    assert image["metadata"]["labels"] == {"a": "b"}
    assert "1 images in 1 places, complete" in told


def test_what_could_not_be_read_ends_with_3_and_what_was_found_is_written(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "Dockerfile").write_text("ARG GONE\nFROM $GONE\n")
    status, (source, image), told = run(str(tmp_path), "--source", "git")
    assert (status, source["spec"]["complete"], image["spec"]["reference"]) == (3, False, "ghcr.io/org/app:1")
    assert f"{tmp_path}/Dockerfile:2: FROM: not read: '$GONE': GONE is not set" in told
    status, (source, *_), _ = run(str(tmp_path), "--source", "git", "--set", "GONE=alpine:3")
    assert (status, source["spec"]) == (0, {"complete": True, "documents": 2})


def test_quiet_tells_only_of_what_was_not_read(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nFROM $GONE\n")
    assert "scratch" in run(str(tmp_path))[2]
    assert "scratch" not in run(str(tmp_path), "--quiet")[2]
    assert "GONE" in run(str(tmp_path), "--quiet")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--group", "No Slug"],
        ["x", "--platform", "arm64"],
        ["x", "--label", "plain"],
        ["x", "--set", "=1"],
        ["x", "--unknown"],
    ],
)
def test_wrong_usage_is_said_and_nothing_read(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2


def test_without_a_control_plane_it_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pod.yaml").write_text(POD)
    assert command.main([str(tmp_path)]) == 0
    (image,) = yaml.safe_load_all(capsys.readouterr().out)
    assert image["spec"]["reference"] == "ghcr.io/org/app:1"
