"""A typed client, generated from the committed description as docs/how-to/client.md has it, before a live server."""

import importlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django.live_server_helper import LiveServer

from api import orders
from probes.actions.ingest import ingest
from probes.models import Resource
from probes.policy.access import Role
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane

if TYPE_CHECKING:
    from probes.actions.plans import Message

DOCS = Path(__file__).parents[3] / "docs"
DESCRIPTION = DOCS / "reference" / "openapi.yaml"
PAGE = DOCS / "how-to" / "client.md"
Generated = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is."""
    return tmp_path_factory.mktemp("client")


@pytest.fixture(scope="module")
def generated(place: Path) -> Iterator[Generated]:
    """Generate the package without a warning, and give its modules by name."""
    config = place / "config.yaml"
    # What it is to do besides is format it, which takes a second.
    (told,) = re.findall(r"```yaml\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    config.write_text(f"{told}post_hooks: []\n", encoding="utf-8")
    program = Path(sys.executable).with_name("openapi-python-client")
    to = ("--output-path", place / "kairos_client", "--meta", "none", "--config", config)
    command = [*map(str, (program, "generate", "--path", DESCRIPTION, *to)), "--fail-on-warning"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    sys.path.insert(0, str(place))
    try:
        yield lambda name: importlib.import_module(f"kairos_client.{name}")
    finally:
        sys.path.remove(str(place))
        for name in [name for name in sys.modules if name.partition(".")[0] == "kairos_client"]:
            del sys.modules[name]


@pytest.fixture
def token(db: None) -> str:
    user = User.objects.create(username="script")
    grant(user, Role.EDITOR)
    return token_of(user)


@pytest.fixture
def client(generated: Generated, live_server: LiveServer, token: str) -> Iterator[Any]:
    with generated("client").AuthenticatedClient(base_url=live_server.url, token=token) as client:
        yield client


def test_generated_client_does_what_a_script_does(
    generated: Generated, client: Any, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes images, finds and pages them, changes one unless somebody else has, and waits for a check."""
    models, resources = generated("models"), "api.resources.resources_"
    for number in range(3):
        sent = models.ResourceRequest(reference=f"ghcr.io/org/app:{number}", name=f"app {number}")
        made = generated(f"{resources}create").sync_detailed(client=client, body=sent)
        assert (made.status_code, made.parsed.reference) == (201, f"ghcr.io/org/app:{number}")
    image, tag = made.parsed, made.headers["ETag"]

    listed = generated(f"{resources}list").sync
    first = listed(client=client, registry="ghcr.io", page_size=2)
    assert [row.name for row in first.results] == ["app 0", "app 1"]
    cursor = first.next_.partition("cursor=")[2].partition("&")[0]
    last = listed(client=client, registry="ghcr.io", page_size=2, cursor=cursor)
    assert ([row.id for row in last.results], last.next_) == ([image.id], None)

    change = generated(f"{resources}partial_update").sync
    body = models.PatchedResourceRequest(labels=models.PatchedResourceRequestLabels.from_dict({"team": "shop"}))
    changed = change(image.id, client=client, body=body, if_match=tag)
    assert (changed.name, changed.labels.to_dict()) == ("app 2", {"team": "shop"})
    late = change(image.id, client=client, body=body, if_match=tag)
    assert isinstance(late, models.Problem)
    assert (late.status, late.code) == (412, "precondition_failed")
    wrong = generated(f"{resources}create").sync(client=client, body=models.ResourceRequest(reference="a:b:c"))
    assert isinstance(wrong, models.InvalidProblem)
    assert [mistake.field for mistake in wrong.errors] == ["reference"]

    messages: list[Message] = []
    monkeypatch.setattr(orders, "publish_on_commit", messages.extend)
    ordered = generated(f"{resources}check").sync(image.id, client=client, body=models.OrderRequest())
    look = generated("api.runs.runs_retrieve").sync
    assert not look(ordered.id, client=client).done
    for message in messages:
        region = plane.regions[message.queue.removeprefix("probe.")]
        ingest(region.report(region.open(message)), now=datetime.now(UTC))
    run = look(ordered.id, client=client)
    assert run.done
    assert {(check.region, check.status) for check in run.checks} == {
        (slug, models.StatusEnum.AVAILABLE) for slug in plane.regions
    }


@pytest.fixture(scope="module")
def script() -> str:
    """The program of the how-to."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(script)


def test_program_of_the_page_passes_a_type_checker(generated: Generated, place: Path, script: str) -> None:
    """And so does what it uses of the client, for it is checked along."""
    (place / "script.py").write_text(script, encoding="utf-8")
    (place / "mypy.ini").write_text("[mypy]\nstrict = true\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "script.py"]
    run = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_program_of_the_page_does_what_it_says(
    generated: Generated,
    live_server: LiveServer,
    token: str,
    script: str,
    plane: ControlPlane,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(messages: Iterable["Message"]) -> None:
        """Answer each once it would have been sent."""
        for message in messages:
            region = plane.regions[message.queue.removeprefix("probe.")]
            report = region.report(region.open(message))
            transaction.on_commit(partial(ingest, report, now=datetime.now(UTC)))

    monkeypatch.setattr(orders, "publish_on_commit", answer)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    program = script.replace("https://kairos.example.com", live_server.url).replace("kairos_…", token)
    names: dict[str, Any] = {}
    exec(compile(program, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    names["client"].get_httpx_client().close()  # the program's end would
    image = Resource.objects.get()
    assert (image.reference, image.name) == ("ghcr.io/org/app:1", "app")
    assert capsys.readouterr().out.startswith("available {")
