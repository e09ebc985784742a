"""Each check of the API's fuzzing can fail: of an API that does one thing wrong at each address, it tells that."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from api.codes import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX
from probes.policy.access import Scope
from tests.fuzz import api
from tests.fuzz.holders import FAR, FOREIGN, Holder
from tests.fuzz.stage import Stage

JSON: Final = "application/json"
RIGHT: Final[dict[str, Any]] = {"name": "a"}

WRONG: Final = {
    "/fault": "not_a_server_error",
    "/status": "status_code_conformance",
    "/type": "content_type_conformance",
    "/header": "response_headers_conformance",
    "/shape": "response_schema_conformance",
    "/taken": "negative_data_rejection",
    "/passed-over/bulk": "negative_data_rejection",
    "/needed": "missing_required_header",
    "/method": "unsupported_method",
    "/allow": "allow_header_conformance",
    "/refusal": "refusals_are_problems",
    "/scope": "scopes_are_held",
    "/foreign": "nothing_foreign_is_told",
    "/far": "nothing_foreign_is_told",
}
"""What each address does wrong, by the check that is to say so."""

ANSWERS: Final[dict[str, tuple[int, Any, str]]] = {
    "/status": (203, RIGHT, JSON),
    "/type": (200, RIGHT, "text/plain"),
    "/shape": (200, {"name": 5}, JSON),
    "/refusal": (400, {"code": "invalid", "status": 400}, MEDIA_TYPE),
    "/foreign": (200, {"name": FOREIGN}, JSON),
    "/far": (200, {"name": FAR}, JSON),
    "/passed-over/bulk": (200, {"failed": 0}, JSON),
    "/documents": (200, "name: a\n---\nname: b\n", "application/yaml"),
}

SECURITY: Final[dict[str, Any]] = {
    "/scope": [{"token": ["admin"]}],
    "/everybody": [{"token": ["admin"]}, {}],
}

FINE: Final = ("/fine", "/by-item/bulk", "/everybody", "/documents")


def operation(path: str) -> dict[str, Any]:
    """Return what is said of an address; but for its own fault, it does as is said."""
    row = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    if path.endswith("/bulk"):
        row = {"type": "object", "required": ["failed"], "properties": {"failed": {"type": "integer"}}}
    said: dict[str, Any] = {"description": "", "content": {JSON: {"schema": row}}}
    if path == "/documents":  # of which each is one, and the answer a text
        said["content"] = {"application/yaml": {"schema": {"type": "string"}}}
    if path == "/header":
        said["headers"] = {"X-Count": {"required": True, "schema": {"type": "integer"}}}
    problem = {"description": "", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
    number: dict[str, Any] = {"name": "number", "in": "query", "schema": {"type": "integer", "minimum": 0}}
    name: dict[str, Any] = {"name": "X-Name", "in": "header", "required": True, "schema": {"type": "string"}}
    return {
        "operationId": path.strip("/").replace("/", "_"),
        "parameters": {"/taken": [number], "/needed": [name]}.get(path, []),
        "security": SECURITY.get(path, [{"token": ["read"]}]),
        "responses": {"200": said, "400": problem, "405": problem, "500": problem},
        **({"requestBody": _BODY} if path.endswith("/bulk") else {}),
    }


_BODY: Final = {
    "required": True,
    "content": {JSON: {"schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}},
}


def description() -> dict[str, Any]:
    paths = {path: {"post" if path.endswith("/bulk") else "get": operation(path)} for path in (*WRONG, *FINE)}
    scheme = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Faults", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": scheme},
    }


class Faulty(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def answer(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        taken = "POST" if path.endswith("/bulk") else "GET"
        if path == "/api/v1/schema/":
            self.say(200, description())
        elif self.command != taken and path != "/method":
            self.refuse("method_not_allowed", {"Allow": "GET, DELETE" if path == "/allow" else taken})
        elif path == "/fault":
            self.refuse("internal_error")
        elif path == "/by-item/bulk":
            self.say(200, {"failed": 0 if _is_right(body) else 1})
        else:
            self.say(*ANSWERS.get(path, (200, RIGHT, JSON)))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = answer  # noqa: N815 - theirs

    def refuse(self, code: str, headers: dict[str, str] | None = None) -> None:
        kind = PROBLEMS[code]
        problem = {
            "type": TYPE_PREFIX + code,
            "title": kind.title,
            "status": kind.status,
            "detail": "No.",
            "code": code,
        }
        self.say(kind.status, problem, MEDIA_TYPE, headers)

    def say(self, status: int, value: Any, media_type: str = JSON, headers: dict[str, str] | None = None) -> None:
        content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {
            "Content-Type": media_type,
            "Content-Length": str(len(content)),
            **(headers or {}),
        }.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _is_right(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("n"), int) and not isinstance(value["n"], bool)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    holders = (
        Holder(name="reader of one group", text="kairos_a", is_limited=True, scopes=frozenset({Scope.READ})),
        Holder(name="reader of everything", text="kairos_b", is_limited=False, scopes=frozenset({Scope.READ})),
    )
    yield Stage(f"http://127.0.0.1:{server.server_port}", holders, Path())
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def found(stage: Stage) -> list[api.Fault]:
    return list(api.faults(stage, api.Tally(), seconds=120, seed=1, thorough=True, by_chance=False))


@pytest.mark.parametrize(("path", "check"), WRONG.items())
def test_what_is_wrong_is_told_by_its_check(found: list[api.Fault], path: str, check: str) -> None:
    told = {fault.check for fault in found if fault.operation.endswith(f" {path}")}
    assert check in told


@pytest.mark.parametrize("path", FINE)
def test_nothing_is_told_of_what_is_right(found: list[api.Fault], path: str) -> None:
    assert [str(fault) for fault in found if fault.operation.endswith(f" {path}")] == []


def test_every_check_is_shown_to_fail() -> None:
    assert set(WRONG.values()) == set(api.CHECKED)


def test_leak_is_told_of_those_alone_who_are_not_to_know(found: list[api.Fault]) -> None:
    leaks = {fault.holder for fault in found if fault.check == "nothing_foreign_is_told"}
    assert leaks == {"reader of one group"}


def test_thread_that_breaks_down_ends_the_run() -> None:
    """Else what is left to ask would not be asked, and nobody told."""

    def ask() -> None:
        thread = threading.Thread(target=lambda: 1 // 0)
        thread.start()
        thread.join()

    with pytest.raises(ZeroDivisionError), api.no_thread_lost():
        ask()
