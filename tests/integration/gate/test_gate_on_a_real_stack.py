"""How-to gate-a-deployment: the script waits for a tag that is pushed meanwhile, with all of Kairos running."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from probes.models import Outcome, Resource, Run
from tests.fakes.pipeline import Pipeline
from tests.integration.gate.gate import ended, gate, started

pytestmark = pytest.mark.slow

MANIFEST = b'{"schemaVersion":2}'
MISSING = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()


class SmallRegistry:
    """Over plain HTTP: every manifest is missing until it was pushed."""

    def __init__(self) -> None:
        self.is_pushed = False
        self.missed = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(registry: SmallRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            body = MANIFEST if registry.is_pushed else MISSING
            registry.missed += not registry.is_pushed
            self.send_response(200 if registry.is_pushed else 404)
            kind = "application/vnd.oci.image.manifest.v1+json" if registry.is_pushed else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def registry(pipeline: Pipeline) -> Iterator[SmallRegistry]:
    registry = SmallRegistry()
    pipeline.add_registry(registry.authority, plain_http=True)
    yield registry
    registry.close()


@pytest.fixture
def token(pipeline: Pipeline) -> str:
    """What a pipeline has: a token of an operator, to probe and to look."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - models of the pipeline's database

    from probes.policy.access import Role, Scope  # noqa: PLC0415 - likewise
    from tests.fakes.access import grant, token_of  # noqa: PLC0415 - likewise

    user = get_user_model().objects.create_user("ci")
    grant(user, Role.OPERATOR)
    return token_of(user, Scope.PROBE, Scope.READ)


def test_gate_opens_once_the_tag_is_there(pipeline: Pipeline, registry: SmallRegistry, token: str) -> None:
    image = f"{registry.authority}/org/app:1.4"
    asked = ("--regions", "eu-west,us-east", "--every", "0.5", "--depth", "resolve")
    waiting = started(*asked, "--timeout", "80", image, url=pipeline.address, token=token)
    pipeline.wait_for(lambda: registry.missed >= 2, 40, "the regions to look for the tag")
    registry.is_pushed = True
    said = ended(waiting)
    assert said.status == 0, said.text
    assert "eu-west: unavailable tag_not_found" in said.text or "us-east: unavailable tag_not_found" in said.text
    assert f"ready: {image} can be pulled from eu-west, us-east" in said.text
    assert not Resource.objects.exists()
    assert not Outcome.objects.exists()
    assert Run.objects.filter(finished_at=None).count() == 0

    registry.is_pushed = False
    said = gate(*asked, "--timeout", "4", image, url=pipeline.address, token=token)
    assert said.status == 1, said.text
    assert "not ready after 4 s: eu-west, us-east" in said.text
