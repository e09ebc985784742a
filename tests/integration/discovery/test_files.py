"""Files and directories: what is read of them, and what is told of the rest."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from probes.discovery import files
from probes.discovery.files import Reading
from probes.policy.discovery.finding import Notebook

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: 'pod:1'}]}\n"


def lay(root: Path, tree: dict[str, Any]) -> Path:
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return root


def read(*paths: Path | str, exclude: Sequence[str] = (), stdin: bytes = b"", **values: str) -> Notebook:
    book = Notebook()
    Reading(book, values, exclude).paths([str(path) for path in paths], stdin)
    return book


def found(book: Notebook) -> list[str]:
    return sorted(item.reference.removeprefix("docker.io/library/") for item in book.found)


def test_of_a_directory_what_looks_like_it_is_read(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "deploy/pod.yaml": POD,
            "deploy/list.json": '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "json:1"}]}}',
            "compose.yml": "services: {web: {image: 'compose:${TAG}'}}\n",
            ".env": "TAG=7\n",
            "stack.yaml": "services: {web: {image: stack:1}}\n",
            "Dockerfile": "FROM docker:1\n",
            "build/Dockerfile.debug": "FROM debug:1\n",
            "build/app.containerfile": "FROM containerfile:1\n",
            "build/dockerfile.py": "FROM = 1\n",
            "node_modules/x/Dockerfile": "FROM ignored:1\n",
            ".git/pod.yaml": POD,
            "package.json": "{broken",
            "ci.yaml": "jobs:\n  a: {image: [\n",
            "notes.txt": "FROM not:1\n",
        },
    )
    book = read(tmp_path)
    assert found(book) == ["compose:7", "containerfile:1", "debug:1", "docker:1", "json:1", "pod:1", "stack:1"]
    assert book.is_complete


def test_a_named_file_is_read_whatever_its_name_and_must_be_of_use(tmp_path: Path) -> None:
    lay(tmp_path, {"rendered": POD, "values.yaml": "replicas: 1\n", "Dockerfile.x": "FROM a:1\n"})
    assert found(read(tmp_path / "rendered", tmp_path / "Dockerfile.x")) == ["a:1", "pod:1"]
    assert not read(tmp_path / "values.yaml").is_complete
    assert not read(tmp_path / "gone.yaml").is_complete


@pytest.mark.parametrize(("stdin", "image"), [(POD.encode(), "pod:1"), (b"# x\nARG A=1\nFROM b:$A\n", "b:1")])
def test_standard_input_is_read(stdin: bytes, image: str) -> None:
    assert found(read("-", stdin=stdin)) == [image]


def test_what_is_named_twice_is_read_once(tmp_path: Path) -> None:
    lay(tmp_path, {"pod.yaml": POD})
    assert len(read(tmp_path, tmp_path / "pod.yaml", tmp_path).found) == 1


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"a.yaml": "apiVersion: v1\nkind: Pod\n image: [\n"}, "a.yaml:3: not read: no YAML"),
        ({"a.yaml": "apiVersion: {{ .x }}\nimage: y: z\n"}, "(a template? read what it makes)"),
        ({"a.yaml": b"apiVersion: v1\nkind: \xff\n"}, "a.yaml:2: not read: not text in UTF-8"),
        ({"Dockerfile": "FROM $GONE\n"}, "Dockerfile:1: FROM: not read: "),
        ({"chart/Chart.yaml": "name: x\n", "chart/templates/a.yaml": "{{ image }}"}, "Helm's templates"),
        ({"compose.yaml": "services: {}\ninclude: [../other/compose.yaml]\n"}, "belongs to it and was not read"),
    ],
)
def test_what_may_hide_an_image_is_told_with_its_place(tmp_path: Path, tree: dict[str, Any], said: str) -> None:
    book = read(lay(tmp_path, tree))
    assert not book.is_complete
    assert any(said in str(remark) for remark in book.remarks), book.remarks


def test_what_is_excluded_counts_as_read(tmp_path: Path) -> None:
    lay(tmp_path, {"chart/Chart.yaml": "name: x\n", "chart/templates/a.yaml": "{{ image }}", "a/pod.yaml": POD})
    book = read(tmp_path, exclude=["*/templates"])
    assert (found(book), book.is_complete) == (["pod:1"], True)
    assert found(read(tmp_path, exclude=["*/chart", "pod.yaml"])) == []


def test_files_that_belong_to_a_compose_file_are_wanted(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "compose.yaml": "services: {a: {extends: {file: base/common.yml, service: b}}}\ninclude: [x/c.yaml]\n",
            "base/common.yml": "services: {b: {image: common:1}}\n",
            "x/c.yaml": "services: {c: {image: x:1}}\n",
        },
    )
    assert not read(tmp_path / "compose.yaml").is_complete
    book = read(tmp_path)
    assert (found(book), book.is_complete) == (["common:1", "x:1"], True)


def test_no_link_is_followed_out_of_the_directory(tmp_path: Path) -> None:
    lay(tmp_path, {"outside/pod.yaml": POD, "inside/real/pod.yaml": POD.replace("pod:1", "real:1")})
    inside = tmp_path / "inside"
    (inside / "same").symlink_to("real")
    (inside / "same.yaml").symlink_to("real/pod.yaml")
    (inside / "notes.txt").symlink_to("../outside/pod.yaml")
    assert (found(read(inside)), read(inside).is_complete) == (["real:1"], True)
    (inside / "out").symlink_to("../outside")
    (inside / "out.yaml").symlink_to("../outside/pod.yaml")
    (inside / "circle").symlink_to("circle")
    (inside / "gone.yaml").symlink_to("nowhere.yaml")
    book = read(inside)
    assert found(book) == ["real:1"]
    told = {Path(remark.place.source).name for remark in book.remarks if remark.is_gap}
    assert told >= {"out", "out.yaml"}


def test_variables_are_not_taken_from_a_link_that_leads_out(tmp_path: Path) -> None:
    lay(tmp_path, {"home/credentials": "KEY=hush\n", "repo/compose.yml": "services: {a: {image: 'x/${KEY}:1'}}\n"})
    (tmp_path / "repo/.env").symlink_to("../home/credentials")
    book = read(tmp_path / "repo")
    assert (found(book), book.is_complete) == ([], False)
    assert "hush" not in str([str(remark) for remark in book.remarks])
    (tmp_path / "repo/.env").unlink()
    lay(tmp_path, {"repo/real.env": "KEY=key\n"})
    (tmp_path / "repo/.env").symlink_to("real.env")
    assert (found(read(tmp_path / "repo"))) == ["docker.io/x/key:1"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert not read(tmp_path).is_complete
    assert not read(tmp_path / "a.yaml").is_complete


def test_size_number_and_depth_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, {"a.yaml": POD, "b.yaml": POD + "#" * 1000, "d/e/c.yaml": POD})
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 500)
    assert any("larger than" in str(remark) for remark in read(tmp_path).remarks)
    monkeypatch.setattr(files, "MAX_FILES", 1)
    assert any("files: the rest is left out" in str(remark) for remark in read(tmp_path).remarks)
    monkeypatch.setattr(files, "MAX_FILES", 100)
    monkeypatch.setattr(files, "MAX_DEPTH", 1)
    assert any("deeper" in str(remark) for remark in read(tmp_path).remarks)
