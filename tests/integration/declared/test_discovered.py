"""`manage.py discover PATH | manage.py apply -f - --source x`: what is used is watched, and what is not is not.

Both commands in one process here, with the text of one as the standard input of the other.
"""

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import call_command

from probes.models import AuditEntry, Registry, Resource
from tests.integration.declared.test_command import Ended, run

pytestmark = pytest.mark.django_db

WEB: Final = "ghcr.io_shop_web_1"
DATABASE: Final = "docker.io_library_postgres_17"
WHOLE: Final = "services: {web: {image: 'ghcr.io/shop/web:1'}, db: {image: 'postgres:17'}}\n"
PART: Final = "services: {web: {image: 'ghcr.io/shop/web:1'}}\n"

Pipe = Callable[..., Ended]


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Discover a Compose file of this text, and apply that with these arguments."""

    def ended(compose: str, *arguments: str) -> Ended:
        (tmp_path / "compose.yaml").write_text(compose)
        found = io.StringIO()
        with suppress(SystemExit):  # what could not be read is told by its status; a shell's pipe goes on
            call_command("discover", str(tmp_path), "--quiet", stdout=found, stderr=io.StringIO())
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(found.getvalue().encode())))
        return run("-f", "-", "--source", "compose", *arguments)

    return ended


def rows() -> list[Any]:
    return list(Resource.objects.order_by("slug").values())


def seen(slug: str) -> tuple[bool, bool]:
    """Tell whether a resource is stale, and whether it is retired."""
    row = Resource.objects.get(slug=slug)
    return row.stale_at is not None, row.is_retired


def test_what_is_found_twice_is_stored_once(pipe: Pipe) -> None:
    first = pipe(WHOLE)
    before, entries = rows(), AuditEntry.objects.count()
    second = pipe(WHOLE)

    assert first.out.splitlines()[-1] == "Done: 2 created, one source made, 0 unchanged."
    assert [row["slug"] for row in before] == [DATABASE, WEB]
    assert (second.status, second.out) == (0, "Nothing to do: 2 unchanged.\n")
    assert rows() == before
    assert AuditEntry.objects.count() == entries
    assert pipe(WHOLE, "--dry-run").status == 0


def test_what_is_gone_is_stale_then_retired_and_comes_back(pipe: Pipe) -> None:
    pipe(WHOLE)

    assert pipe(PART).out.splitlines()[-1] == "Done: 1 stale, 1 unchanged."
    assert (seen(DATABASE), seen(WEB)) == ((True, False), (False, False))
    assert pipe(PART).out == "Nothing to do: 1 unchanged.\n"
    assert pipe(PART, "--prune").out.splitlines()[-1] == "Done: 1 retired, 1 unchanged."
    assert seen(DATABASE) == (True, True)
    assert pipe(PART, "--prune").out == "Nothing to do: 1 unchanged.\n"
    back = pipe(WHOLE)
    assert back.out.splitlines() == [
        f"~ Image/{DATABASE} is listed again",
        "Done: 1 restored, 1 unchanged.",
    ]
    row = Resource.objects.get(slug=DATABASE)
    assert (row.stale_at, row.retired_at, row.paused_at) == (None, None, None)
    assert pipe(WHOLE).out == "Nothing to do: 2 unchanged.\n"


def test_nothing_follows_from_what_could_not_be_read(pipe: Pipe, tmp_path: Path) -> None:
    pipe(WHOLE)
    (tmp_path / "Dockerfile").write_text("FROM $GONE\n")

    assert pipe(PART).out == "Nothing to do: 1 unchanged.\n"
    assert seen(DATABASE) == (False, False)
    refused = pipe(PART, "--prune")
    assert (refused.status, "Its reading is not complete" in refused.err) == (1, True)
    assert Resource.objects.filter(retired_at=None).count() == 2


def test_settings_that_follow_from_what_is_found_are_nobodys(pipe: Pipe) -> None:
    pipe(WHOLE)
    pipe(PART, "--prune", "--yes")

    assert set(Registry.objects.filter(managed_by=None).values_list("host", flat=True)) == {"ghcr.io", "docker.io"}
