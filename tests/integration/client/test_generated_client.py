"""A typed client, generated from the committed description as docs/how-to/client.md has it, before a live server."""

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from api import orders
from probes.actions.ingest import ingest
from probes.policy.access import Role
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane

if TYPE_CHECKING:
    from probes.actions.plans import Message

DESCRIPTION = Path(__file__).parents[3] / "docs" / "reference" / "openapi.yaml"
PAGE = DESCRIPTION.parents[1] / "how-to" / "client.md"
Generated = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """Generate the package without a warning, and give its modules by name."""
    place = tmp_path_factory.mktemp("client")
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
def client(generated: Generated, live_server: LiveServer) -> Iterator[Any]:
    user = User.objects.create(username="script")
    grant(user, Role.EDITOR)
    with generated("client").AuthenticatedClient(base_url=live_server.url, token=token_of(user)) as client:
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
