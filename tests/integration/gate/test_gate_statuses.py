"""What the gate of a pipeline does with each answer of Kairos, of which this is a small fake."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.integration.gate.gate import gate

RUN = "b4b2a9a0-95ad-4a3e-9a51-5c0e7a7d1f28"
IMAGE = "ghcr.io/org/app:1"
SOON = ("--every", "0.05", "--timeout", "0.4")


class Kairos:
    """Answers each probe with the next of `rounds` (the last stays): what each region finds, or an HTTP status."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, str] | int] = []
        self.asked: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.keys: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(body)
        found = self.rounds[min(len(self.asked), len(self.rounds)) - 1]
        if isinstance(found, int):
            return found, {"detail": "Not now.\x1b[31m"}
        checks = [_check(region, found[region]) for region in body["regions"] if region in found]
        return 202, {"id": RUN, "done": True, "poll_after_seconds": None, "checks": checks}


def _check(region: str, found: str) -> dict[str, Any]:
    if found in ("missed", "refused"):
        return {"region": region, "state": found, "refusal": None}
    status, _, reason = found.partition("/")
    told = {"status": status, "reason": reason or "ok", "stage": None, "host": None, "digest": None}
    return {"region": region, "state": "done", "egress_down": False, **told}


def _handler(kairos: Kairos) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kairos.tokens.add(self.headers["Authorization"])
            kairos.keys.append(self.headers["Idempotency-Key"])
            status, told = kairos.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def kairos() -> Iterator[Kairos]:
    fake = Kairos()
    yield fake
    fake.close()


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"a": "available", "b": "available"}, 0),
        ({"a": "available", "b": "unavailable/tag_not_found"}, 1),
        ({"a": "degraded/registry_error", "b": "config_error/auth_failed"}, 3),
        ({"a": "available", "b": "indeterminate/rate_limited"}, 4),
        ({"a": "config_error/target_forbidden", "b": "available"}, 5),
        ({"a": "missed", "b": "available"}, 4),
        ({"a": "refused", "b": "unavailable/layer_missing"}, 1),
        ({}, 4),
    ],
)
def test_exit_status_is_that_of_the_worst_region(kairos: Kairos, found: dict[str, str], status: int) -> None:
    kairos.rounds = [found]
    said = gate("--regions", "a,b", *SOON, IMAGE, url=kairos.url)
    assert said.status == status, said.text


def test_only_regions_that_are_not_ready_are_asked_again(kairos: Kairos) -> None:
    kairos.rounds = [{"a": "available", "b": "unavailable/tag_not_found"}, {"b": "available"}]
    said = gate("--regions", "a,b", *SOON, "--platform", "linux/arm64", IMAGE, url=kairos.url)
    assert said.status == 0, said.text
    asked = {"reference": IMAGE, "depth": "blobs", "platforms": ["linux/arm64"]}
    assert kairos.asked == [{**asked, "regions": ["a", "b"]}, {**asked, "regions": ["b"]}]
    assert kairos.tokens == {"Bearer a-token"}
    assert f"ready: {IMAGE} can be pulled from a, b" in said.text


def test_quorum_is_enough(kairos: Kairos) -> None:
    kairos.rounds = [{"a": "available", "b": "available", "c": "missed"}]
    assert gate("--regions", "a,b,c", "--quorum", "2", *SOON, IMAGE, url=kairos.url).status == 0


def test_kairos_that_is_away_is_asked_again(kairos: Kairos) -> None:
    kairos.rounds = [503, {"a": "available"}]
    said = gate("--regions", "a", *SOON, IMAGE, url=kairos.url)
    assert said.status == 0, said.text
    assert "Kairos answers 503 Not now.?[31m" in said.text


def test_order_whose_answer_was_lost_is_sent_again_under_its_key(kairos: Kairos) -> None:
    kairos.rounds = [503, 409, {"a": "unavailable/tag_not_found"}, {"a": "available"}]
    said = gate("--regions", "a", "--every", "0.05", "--timeout", "2", IMAGE, url=kairos.url)
    assert said.status == 0, said.text
    first, again, answered, next_round = kairos.keys
    assert first == again == answered != next_round


@pytest.mark.parametrize("status", [302, 400, 401, 403])
def test_kairos_that_refuses_is_not_asked_again(kairos: Kairos, status: int) -> None:
    kairos.rounds = [status]
    said = gate("--regions", "a", *SOON, IMAGE, url=kairos.url)
    assert said.status == 5, said.text
    assert len(kairos.asked) == 1


def test_nobody_at_the_address_is_not_known(kairos: Kairos) -> None:
    kairos.close()
    assert gate("--regions", "a", *SOON, IMAGE, url=kairos.url).status == 4


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("--regions", "a"), "https://kairos.example"),
        ((IMAGE,), "https://kairos.example"),
        (("--regions", ",", IMAGE), "https://kairos.example"),
        (("--regions", "a", "--quorum", "2", IMAGE), "https://kairos.example"),
        (("--regions", "a", "--timeout", "nan", IMAGE), "https://kairos.example"),
        (("--regions", "a", IMAGE), "http://kairos.example"),
        (("--regions", "a", IMAGE), "kairos.example"),
        (("--regions", "a", "--token-file", "/nowhere", IMAGE), "https://kairos.example"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(arguments: tuple[str, ...], url: str) -> None:
    assert gate(*arguments, url=url).status == 2
