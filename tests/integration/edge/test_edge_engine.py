"""The worker as it is started in a region, with the engine that speaks HTTP."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from probes.protocol.plan import Plan, Site
from probes.version import VERSION
from tests.integration.edge.region import EdgeProcess, Region


class EmptyRegistry(ThreadingHTTPServer):
    """Speaks the registry's protocol and has no image; `agents` are those who asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.agents: set[str | None] = set()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EmptyRegistry

    def do_GET(self) -> None:
        self.server.agents.add(self.headers["User-Agent"])
        body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        if self.path == "/v2/":
            self.send_response(200)
            body = b"{}"
        else:
            self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Docker-Distribution-API-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def registry() -> Iterator[EmptyRegistry]:
    with EmptyRegistry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_worker_asks_a_real_registry_and_names_its_region(
    region: Region, edge: Callable[..., EdgeProcess], registry: EmptyRegistry
) -> None:
    worker = edge(module="probes.edge")
    site = Site(allow_cidrs=("127.0.0.0/8",), plain_http=True)
    plans = (
        Plan(reference=f"{registry.host}/team/app:1", site=site, key="1", slot="s"),
        Plan(reference=f"{registry.host}/team/app:1", key="2", slot="s"),
    )
    region.send(region.envelope(replace(region.batch(), plans=plans)))
    (report,) = region.wait_for_reports(1)
    missing, forbidden = (finding.outcome for finding in report.findings)
    assert (missing.status, missing.conclusion.reason) == ("unavailable", "tag_not_found")
    assert (forbidden.status, forbidden.conclusion.reason) == ("config_error", "target_forbidden")
    assert registry.agents == {f"kairos-probe/{VERSION} (region=eu-west)"}
    worker.terminate()
    assert worker.wait() == 0
    assert "ERROR" not in worker.log
