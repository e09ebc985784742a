"""What is exported is what is stored: applied again, it changes nothing."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from errno import EBUSY, ENOSPC, EROFS
from io import StringIO
from pathlib import Path
from typing import IO, Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from probes.actions import applying
from probes.management.commands import export as command
from probes.models import Registry, Resource
from probes.policy.declared import writing
from probes.policy.declared.kinds import Kind
from probes.policy.declared.planning import Wishes
from probes.selectors.declared import everything
from tests.fakes.access import token_of
from tests.integration.admin.pages import ADMIN
from tests.integration.declared.conftest import Apply, read
from tests.integration.declared.test_applying import ALL, image

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def exported() -> str:
    return "".join(writing.text(writing.documents(everything(Kind))))


def test_what_is_exported_and_applied_changes_nothing(apply: Apply) -> None:
    apply(ALL)
    text = "".join(writing.text(writing.documents(everything(Kind, source="shop-git"))))

    again = apply(
        "{apiVersion: kairos/v1, kind: Source, metadata: {name: shop-git}, spec: {complete: true}}\n---\n" + text
    )

    assert again.is_nothing
    assert again.plan.unchanged == 6


def test_export_leaves_out_what_is_by_default_and_nothing_else(apply: Apply) -> None:
    apply(ALL)

    documents = {item["kind"]: item for item in yaml.safe_load_all(exported())}

    assert documents["Policy"] == {
        "apiVersion": "kairos/v1",
        "kind": "Policy",
        "metadata": {"name": "strict"},
        "spec": {"terms": {"severity": "warning"}},
    }
    assert documents["Image"]["metadata"] == {"name": "web", "labels": {"team": "shop"}}
    assert documents["Image"]["spec"]["terms"] == {"failures": 2, "uptime_target_percent": 99.9}
    assert documents["Endpoint"]["spec"]["endpoint"] == {"headers": {"X-Probe": "s3cret"}, "statuses": "200-204"}


def test_command_writes_what_is_asked_for(apply: Apply, tmp_path: Path) -> None:
    apply(ALL)
    out = StringIO()

    call_command("export", kinds=["Image"], source="shop-git", stdout=out)
    assert [item["kind"] for item in yaml.safe_load_all(out.getvalue())] == ["Image"]

    call_command("export", output=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{kind.lower()}.yaml" for kind in Kind)
    call_command("export", output=f"{tmp_path}/made/")
    assert (tmp_path / "made/image.yaml").read_text() == (tmp_path / "image.yaml").read_text()
    call_command("export", output=str(tmp_path / "all.yaml"))
    assert (tmp_path / "all.yaml").read_text() == exported()
    with pytest.raises(CommandError, match=r"none/all\.yaml: No such file"):
        call_command("export", output=str(tmp_path / "none" / "all.yaml"))


def test_files_stay_as_they_were_unless_all_is_written(
    apply: Apply, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(ALL)
    (tmp_path / "all.yaml").write_text("as it was")
    (tmp_path / "all.yaml").chmod(0o640)
    (tmp_path / "led-to.yaml").symlink_to(tmp_path / "all.yaml")
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "schedule.yaml").write_text("as it was")

    def broken(_document: object) -> bool:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "shows_hidden", broken)
        for output in ("all.yaml", "kinds"):
            with pytest.raises(CommandError, match=f"{output}: No space left"):
                call_command("export", output=str(tmp_path / output))
    with monkeypatch.context() as patch:
        patch.setattr(writing, "shows_hidden", lambda document: document["kind"] == "Image" and broken(document))
        with pytest.raises(CommandError, match="No space left"):
            call_command("export", output=str(tmp_path / "kinds"))
    assert {path.name: path.read_text() for path in tmp_path.rglob("*.yaml")} == {
        "all.yaml": "as it was",
        "led-to.yaml": "as it was",
        "schedule.yaml": "as it was",
    }
    assert len(list(tmp_path.rglob("*"))) == 4

    call_command("export", output=str(tmp_path / "led-to.yaml"))
    assert (tmp_path / "led-to.yaml").is_symlink()
    assert (tmp_path / "all.yaml").read_text() == exported()
    assert (tmp_path / "all.yaml").stat().st_mode & 0o777 == 0o640


def test_file_that_is_mounted_by_itself_is_written_in_place(
    apply: Apply, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker mounts a file of the host as a mount of its own: the kernel lets nothing be renamed to it."""
    apply(ALL)
    mounted, err = tmp_path / "all.yaml", StringIO()
    mounted.write_text("longer than what comes" * 10_000)
    number = mounted.stat().st_ino

    def refused(self: Path, target: Path) -> Path:
        raise OSError(EBUSY, "Device or resource busy", str(self), None, str(target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refused)
        call_command("export", output=str(mounted), stderr=err)
    assert mounted.read_text() == exported()
    assert mounted.stat().st_ino == number
    assert "all.yaml is mounted by itself, so it was written in place" in err.getvalue()
    assert list(tmp_path.iterdir()) == [mounted]

    def cut_off(_source: Path, target: Path) -> None:
        target.write_text("a pa")
        raise OSError(ENOSPC, "No space left on device", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refused)
        patch.setattr(command, "copyfile", cut_off)
        with pytest.raises(CommandError, match=r"all\.yaml: No space left on device.*is kept as") as caught:
            call_command("export", output=str(mounted))
    (kept,) = set(tmp_path.iterdir()) - {mounted}
    assert str(kept) in str(caught.value)
    assert kept.read_text() == exported()
    kept.unlink()

    def closed(self: Path, *_args: Any, **_more: Any) -> IO[str]:
        raise OSError(EROFS, "Read-only file system", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", closed)
        with pytest.raises(
            CommandError, match=r"Read-only file system\. A file is made there first.*standard output"
        ):
            call_command("export", output=str(mounted))


def test_no_file_is_replaced_where_the_end_of_another_cannot_be_written(apply: Apply, tmp_path: Path) -> None:
    """What was still to be written when files were closed failed once others were in place."""
    apply(ALL)
    call_command("export", output=f"{tmp_path}/")
    before = (tmp_path / "image.yaml").read_text()
    Resource.objects.update(interval_seconds=1234)
    (tmp_path / "schedule.yaml").unlink()
    (tmp_path / "schedule.yaml").symlink_to("/dev/full")
    with pytest.raises(CommandError, match="No space left"):
        call_command("export", output=f"{tmp_path}/")
    assert (tmp_path / "image.yaml").read_text() == before


def ways(user: Any, directory: Path) -> dict[str, Callable[[], str]]:
    """Each way in which images are exported."""
    program, browser = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}"), Client()
    browser.force_login(user)
    export = "/api/v1/configuration/export?kind=Image"
    chosen = {"action": "export", "_selected_action": list(Resource.objects.values_list("pk", flat=True))}

    def printed() -> str:
        call_command("export", kinds=["Image"], stdout=(out := StringIO()))
        return out.getvalue()

    def in_files() -> str:
        call_command("export", kinds=["Image"], output=f"{directory}/")
        return (directory / "image.yaml").read_text()

    def streamed(response: Any) -> str:
        return b"".join(response.streaming_content).decode()

    return {
        "command": printed,
        "files": in_files,
        "api": lambda: streamed(program.get(export, HTTP_ACCEPT="application/yaml")),
        "admin": lambda: streamed(browser.post(f"{ADMIN}/resource/", chosen)),
    }


@pytest.mark.django_db(transaction=True)
def test_export_is_of_one_moment_whatever_changes_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch, django_user_model: Any, tmp_path: Path
) -> None:
    names = ["a", "b", "c"]
    applying.apply(read("".join(map(image, names))), Wishes(), now=NOON)
    user = django_user_model.objects.create(username="root", is_staff=True, is_superuser=True)
    asked = ways(user, tmp_path)
    documents = writing.documents

    def rename() -> None:
        Resource.objects.filter(slug="b").update(slug="z")
        connection.close()

    def read_slowly(*args: Any, **options: Any) -> Iterator[Any]:
        for number, document in enumerate(documents(*args, **options)):
            if number == 0:
                somebody = threading.Thread(target=rename)
                somebody.start()
                somebody.join()
            yield document

    monkeypatch.setattr("probes.selectors.declared._AT_ONCE", 1)
    monkeypatch.setattr(writing, "documents", read_slowly)
    for way, export in asked.items():
        found = [item["metadata"]["name"] for item in yaml.safe_load_all(export())]
        assert (way, found) == (way, names)
        assert Resource.objects.filter(slug="z").update(slug="b") == 1  # and by now it is so


@pytest.mark.django_db(transaction=True)
def test_whoever_stops_reading_holds_no_transaction(django_user_model: Any) -> None:
    applying.apply(read(image("a") + image("b")), Wishes(), now=NOON)
    user = django_user_model.objects.create(username="root", is_staff=True, is_superuser=True)
    program = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    answer: Any = program.get("/api/v1/configuration/export?kind=Image")
    assert next(answer.streaming_content)
    assert connection.in_atomic_block
    answer.close()
    assert not connection.in_atomic_block


def test_what_is_retired_is_not_exported(apply: Apply) -> None:
    apply(ALL)
    Resource.objects.update(paused_at=NOON, retired_at=NOON)

    assert "Image" not in exported()
    assert Registry.objects.exists()


def test_what_may_be_secret_is_exported_with_a_warning(apply: Apply) -> None:
    apply(ALL)
    err = StringIO()
    call_command("export", stdout=StringIO(), stderr=err)
    assert err.getvalue().startswith("Headers, bodies or queries of 1 endpoints are written as they are stored")
    err = StringIO()
    call_command("export", kinds=["Image"], stdout=StringIO(), stderr=err)
    assert err.getvalue() == ""


def test_what_is_read_page_by_page_is_the_whole(apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    image = "{{apiVersion: kairos/v1, kind: Image, metadata: {{name: {}}}, spec: {{reference: ghcr.io/a/b:1}}}}"
    apply("\n---\n".join(image.format(name) for name in ("a-b", "a.b", "ab", "a_b", "b", "9")))
    whole = [row.name for row in everything([Kind.IMAGE])]

    for size in (1, 2, 3, 6):
        monkeypatch.setattr("probes.selectors.declared._AT_ONCE", size)
        assert [row.name for row in everything([Kind.IMAGE])] == whole
    assert sorted(whole) == sorted(["a-b", "a.b", "ab", "a_b", "b", "9"])
