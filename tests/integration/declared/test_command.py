"""`manage.py apply` as whoever runs it meets it: its files, words, colours and exit statuses."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from probes.actions import acting, resource_batches
from probes.actions.secrets import open_secret
from probes.management import declared_files
from probes.management.commands import apply as command
from probes.models import AuditEntry, Credential, Registry, Resource, Source
from probes.policy.audit import ActorKind, Via
from tests.integration.declared.test_applying import group, image, source

pytestmark = pytest.mark.django_db

GREEN: Final = "\033[32m"
RED: Final = "\033[31m"


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    status: int
    out: str
    err: str


class Terminal(io.StringIO):
    """What says that somebody looks at it."""

    def isatty(self) -> bool:
        return True


class Typed(command.Command):
    """The command as Django marks it for a command line, whose wrong arguments end the process."""

    _called_from_command_line = True


def run(*arguments: str, stream: Callable[[], io.StringIO] = io.StringIO, **options: Any) -> Ended:
    out, err = stream(), stream()
    try:
        call_command("apply", *arguments, stdout=out, stderr=err, **options)
        status = 0
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    except CommandError as error:
        status, _ = error.returncode, err.write(str(error))
    return Ended(status, out.getvalue(), err.getvalue())


@pytest.fixture
def web(tmp_path: Path) -> str:
    """A file that declares one image."""
    path = tmp_path / "web.yaml"
    path.write_text(image("web"))
    return str(path)


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return give


def slugs() -> list[str]:
    return sorted(Resource.objects.values_list("slug", flat=True))


def test_what_is_done_is_told_and_summed_up(web: str) -> None:
    first, second = run("-f", web), run("-f", web)

    assert (first.status, first.err) == (0, "")
    assert first.out.splitlines() == [
        "+ Image/web",
        '    reference: "ghcr.io/shop/web:1"',
        "Done: 1 created, 0 unchanged.",
    ]
    assert (second.status, second.out, second.err) == (0, "Nothing to do: 1 unchanged.\n", "")


def test_dry_run_ends_with_3_where_something_would_be_done_and_with_0_else(web: str) -> None:
    told = run("-f", web, "--dry-run")

    assert (told.status, told.out.splitlines()[-1]) == (3, "Would be: 1 created, 0 unchanged.")
    assert slugs() == []
    run("-f", web)
    assert run("-f", web, "--dry-run").status == 0


def test_dry_run_is_refused_for_what_apply_would_be_refused_for(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(image("web", group="nobody"))

    assert run("-f", str(tmp_path), "--dry-run").status == run("-f", str(tmp_path)).status == 1


def test_each_line_of_a_refusal_begins_with_its_place_and_all_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(image("good") + image("bad", "ghcr.io/Shop"))
    (tmp_path / "b.yaml").write_text(image("worse", interval_seconds="often"))
    (tmp_path / "c.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "d.yaml").write_text("a: [")

    # What cannot be read at all is told first: nothing is known of what it declares.
    refused = run("-f", str(tmp_path))
    (tmp_path / "c.yaml").unlink()
    (tmp_path / "d.yaml").unlink()
    (tmp_path / "b.yaml").write_text(image("worse", depth="abyss"))
    then = run("-f", str(tmp_path))

    assert (refused.status, refused.out) == (1, "")
    assert [line.partition(": ")[0] for line in refused.err.splitlines()] == [
        f"{tmp_path}/b.yaml:7",
        f"{tmp_path}/c.yaml:2",
        f"{tmp_path}/d.yaml:2",
        "Nothing was applied.",
    ]
    assert [line.partition(": ")[0] for line in then.err.splitlines()] == [
        f"{tmp_path}/a.yaml:12",
        f"{tmp_path}/b.yaml:7",
        "Nothing was applied.",
    ]
    assert slugs() == []


def test_no_more_than_a_hundred_faults_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("".join(image(f"web-{number}", colour="red") for number in range(103)))

    lines = run("-f", str(tmp_path)).err.splitlines()

    assert len(lines) == 102
    assert lines[-2:] == ["and 3 more", "Nothing was applied."]


@pytest.mark.parametrize("arguments", [[], ["-f"], ["-f", "x", "--prone"]])
def test_unknown_arguments_end_with_2(arguments: list[str]) -> None:
    parser = Typed().create_parser("manage.py", "apply")

    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize("arguments", [["--source", "No Name"], ["--note", "x" * 201]])
def test_arguments_that_say_nothing_end_with_2(arguments: list[str], web: str) -> None:
    ended = run("-f", web, *arguments)

    assert (ended.status, slugs()) == (2, [])
    assert ended.err.startswith(f"{arguments[0]}: ")


def test_files_directories_and_standard_input_are_one_reading(tmp_path: Path, piped: Callable[[str], None]) -> None:
    for name, text in {
        "one.yml": image("one", group="shop"),
        "shop/two.json": '{"apiVersion": "kairos/v1", "kind": "Image", "metadata": {"name": "two"}, '
        '"spec": {"reference": "ghcr.io/shop/two:1"}}',
        "shop/deep/three.yaml": image("three"),
        "shop/.hidden.yaml": "no: [",
        ".git/config.yaml": "no: [",
        "README.md": "no: [",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    piped(image("four") + group("shop"))

    ended = run("-f", str(tmp_path / "one.yml"), "-f", str(tmp_path / "shop"), "-f", "-")

    assert (ended.status, slugs()) == (0, ["four", "one", "three", "two"])


def test_what_cannot_be_read_is_a_fault_and_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/a.yaml").write_text(image("a"))
    (tmp_path / "elsewhere.yaml").write_text(image("b"))
    (tmp_path / "here/b.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (tmp_path / "here/more").symlink_to(tmp_path)
    (tmp_path / "shut").mkdir()
    scandir = os.scandir

    def refused(path: str) -> Any:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", refused)
    ended = run("-f", str(tmp_path / "here"), "-f", str(tmp_path / "gone.yaml"), "-f", str(tmp_path / "shut"))

    assert (ended.status, slugs()) == (1, [])
    assert [line.removeprefix(f"{tmp_path}/") for line in ended.err.splitlines()] == [
        "here/more: It is a link that leads out of the directory. Name what it leads to by -f.",
        "here/b.yaml: It is a link that leads out of the directory. Name what it leads to by -f.",
        "gone.yaml: No such file or directory.",
        "shut: Permission denied.",
        "Nothing was applied.",
    ]


def test_files_that_kubernetes_mounts_are_read(tmp_path: Path) -> None:
    (tmp_path / "..2026_11_26").mkdir()
    (tmp_path / "..2026_11_26/web.yaml").write_text(image("web"))
    (tmp_path / "..data").symlink_to("..2026_11_26")
    (tmp_path / "web.yaml").symlink_to("..data/web.yaml")

    assert run("-f", str(tmp_path)).status == 0
    assert slugs() == ["web"]


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declared_files, "MAX_FILES", 2)
    monkeypatch.setattr(declared_files, "MAX_FILE_BYTES", 1024 * 1024)
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text(image(f"web-{number}"))
    (tmp_path / "0.yaml").write_text("#" * (1024 * 1024 + 1))

    assert run("-f", str(tmp_path)).err.splitlines() == [
        f"{tmp_path}/0.yaml: It has more than 1 MiB.",
        f"{tmp_path}: There are more than 2 files.",
        "Nothing was applied.",
    ]


@pytest.mark.parametrize(
    ("stream", "variables", "options", "is_coloured"),
    [
        (Terminal, {}, {}, True),
        (Terminal, {"NO_COLOR": "1"}, {}, False),
        (Terminal, {"NO_COLOR": ""}, {}, True),
        (Terminal, {}, {"no_color": True}, False),
        (io.StringIO, {}, {}, False),
        (io.StringIO, {"NO_COLOR": "1"}, {"force_color": True}, True),
    ],
)
def test_colours_are_for_who_looks_and_wants_them(
    stream: Callable[[], io.StringIO],
    variables: dict[str, str],
    options: dict[str, bool],
    is_coloured: bool,  # noqa: FBT001 - a row of the table
    web: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    done = run("-f", web, stream=stream, **options)
    refused = run("-f", "gone.yaml", stream=stream, **options)

    assert (f"{GREEN}+ Image/web\033[0m" in done.out) is is_coloured
    assert ("\033" in done.out) is is_coloured
    assert ("\033" in refused.err) is is_coloured


def test_what_goes_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "a.yaml").write_text(image("a") + image("b"))
    run("-f", str(tmp_path), "--source", "git")
    (tmp_path / "a.yaml").write_text(image("a"))

    stale = run("-f", str(tmp_path), "--source", "git", stream=Terminal)

    assert f"{RED}! Image/b is not listed any more: stale, and checked on\033[0m" in stale.out


def test_source_of_the_command_line_manages_what_has_none(web: str) -> None:
    made = run("-f", web, "--source", "git")

    assert made.out.splitlines()[0] == "+ Source/git"
    assert made.out.splitlines()[-1] == "Done: 1 created, one source made, 0 unchanged."
    assert Resource.objects.get().managed_by == Source.objects.get(slug="git")
    assert run("-f", web, "--source", "git").out == "Nothing to do: 1 unchanged.\n"


def test_source_of_the_command_line_is_that_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(source("shop-git", complete=False) + image("web"))

    assert run("-f", str(tmp_path), "--source", "shop-git").status == 0
    other = run("-f", str(tmp_path), "--source", "other")
    assert other.err.splitlines()[0] == f"--source: The source is shop-git by {tmp_path}/a.yaml:2."
    assert (other.status, Source.objects.count()) == (1, 1)


@pytest.mark.parametrize("empty", ["", "# all of it is elsewhere\n"])
def test_nothing_at_all_does_not_mean_that_a_source_has_nothing(
    empty: str, web: str, piped: Callable[[str], None]
) -> None:
    run("-f", web, "--source", "git")
    piped(empty)  # as of a command before a pipe that has failed

    ended = run("-f", "-", "--source", "git", "--prune", "--yes")

    assert (ended.status, Resource.objects.get().stale_at) == (1, None)
    assert ended.err.startswith("--source: Nothing was read.")
    piped(source("git"))
    assert run("-f", "-", "--prune").out.splitlines()[-1] == "Done: 1 retired, 0 unchanged."


def test_prune_of_more_than_half_wants_a_yes(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("".join(image(f"web-{number}") for number in range(12)))
    run("-f", str(path), "--source", "git")
    path.write_text(image("web-0"))

    refused = run("-f", str(path), "--source", "git", "--prune")
    assert (refused.status, refused.err.splitlines()[0]) == (
        1,
        "--source: Source/git: 11 of 12 would be pruned, more than half. Say yes (--yes) to that.",
    )
    assert run("-f", str(path), "--source", "git", "--prune", "--dry-run").status == 1
    assert not Resource.objects.exclude(retired_at=None).exists()
    assert run("-f", str(path), "--source", "git", "--prune", "--yes").status == 0
    assert Resource.objects.exclude(retired_at=None).count() == 11


def test_prune_without_a_source_says_how_to_name_one(web: str) -> None:
    refused = run("-f", web, "--prune")

    assert refused.status == 1
    assert refused.err.splitlines()[0].endswith("only what one manages is pruned. Name one (--source).")


def test_adopt_takes_over_and_says_from_whom(web: str) -> None:
    run("-f", web)

    refused = run("-f", web, "--source", "git")
    assert (refused.status, refused.err.splitlines()[0]) == (
        1,
        f"{web}:2: Image/web: It is there, and it is managed by hand. Adopt it (--adopt) to take it over.",
    )
    adopted = run("-f", web, "--source", "git", "--adopt")
    assert "~ Image/web is taken over from those who change it by hand" in adopted.out.splitlines()


def test_audit_log_tells_by_what_way_and_with_what_words(web: str) -> None:
    actor = acting.Actor(kind=ActorKind.COMMAND, name="ada", via=Via.APPLY, path="manage.py apply")
    with acting.acting(lambda: actor):
        run("-f", web, "--source", "git", "--note", "commit 0123abc")

    entry = AuditEntry.objects.filter(model="probes.resource").get()
    assert (entry.via, entry.actor, entry.path) == ("apply", "ada", "manage.py apply source git commit 0123abc")


def test_progress_is_told_of_long_work_and_not_of_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource_batches, "AT_ONCE", 2)
    path = tmp_path / "a.yaml"
    path.write_text(image("web-0") + image("web-1"))
    assert run("-f", str(path)).err == ""

    path.write_text("".join(image(f"web-{number}", interval_seconds=600) for number in range(5)))
    ended = run("-f", str(path))
    assert (ended.status, ended.err.splitlines()) == (0, ["2 of 3 made", "3 of 3 made"])

    path.write_text("".join(image(f"web-{number}", interval_seconds=900) for number in range(5)))
    assert run("-f", str(path)).err.splitlines() == ["2 of 5 changed", "4 of 5 changed", "5 of 5 changed"]


def test_help_tells_of_every_option_the_statuses_and_examples_that_are_taken() -> None:
    parser = command.Command().create_parser("manage.py", "apply")
    text = parser.format_help()

    for word in ("--dry-run", "--source", "--prune", "--adopt", "--yes", "--note", "standard input", "exit status"):
        assert word in text
    examples = [line.rpartition("manage.py apply")[2] for line in text.splitlines() if "manage.py apply" in line]
    assert len(examples) == 4  # the usage and three
    for example in examples[1:]:
        parser.parse_args(example.replace('"$(git rev-parse HEAD)"', "0123abc").split())


def test_secrets_come_from_the_environment_and_files_of_the_command_and_are_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Registry.objects.create(host="r.example")
    (tmp_path / "token").write_text("s3cret-of-a-file\n")
    file = tmp_path / "credentials.yaml"
    head = "apiVersion: kairos/v1\nkind: Credential\nmetadata: {name: %s}\nspec:\n  registry: r.example\n"
    file.write_text(
        f"{head % 'a'}  kind: bearer\n  secretFrom: {{file: {tmp_path / 'token'}}}\n---\n"
        f"{head % 'b'}  kind: bearer\n  repository_prefix: b\n  secretFrom:\n    bearer: {{env: A_TOKEN}}\n"
    )

    refused = run("-f", str(file))
    assert refused.err == (
        f"{file}:17: Credential/b: secretFrom.bearer: There is no variable A_TOKEN in the environment.\n"
        "Nothing was applied.\n"
    )
    monkeypatch.setenv("A_TOKEN", "s3cret-of-a-variable")
    done = run("-f", str(file))

    assert done.status == 0
    assert [open_secret(row).bearer for row in Credential.objects.order_by("slug")] == [
        "s3cret-of-a-file",
        "s3cret-of-a-variable",
    ]
    assert "s3cret" not in done.out + done.err
    assert run("-f", str(file), "--dry-run").status == 0


def test_export_prints_the_schema() -> None:
    out = io.StringIO()
    call_command("export", "--schema", stdout=out)

    assert json.loads(out.getvalue())["$id"] == "urn:kairos:configuration:v1"
