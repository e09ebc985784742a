"""What `manage.py probe` says of an image: the ladder, the JSON document, the exit status."""

import json

import pytest

from tests.integration.probe.conftest import Demo, Probe

FIELDS = {
    "reference", "canonical", "kind", "status", "reason", "stage", "host", "confidence", "depth", "digest",
    "platforms", "warnings", "notices", "hint", "detail", "retry_at", "started_at", "duration_ms", "attempts",
    "requests", "bytes_read", "auth_path", "connection", "proxy", "rate_limit", "certificates", "steps",
}  # fmt: skip
STEP_FIELDS = {
    "stage", "method", "url", "host", "address", "http_status", "error", "connection", "dns_ms", "connect_ms",
    "tls_ms", "first_byte_ms", "total_ms", "bytes",
    "request_id",
}  # fmt: skip


def test_an_available_image_is_a_ladder_and_status_0(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, "--platform=all", demo.reference("shop/storefront:stable"))

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == demo.reference("shop/storefront:stable")
    assert "HEAD manifest stable" in lines[2]
    assert "127.0.0.2" in lines[2]
    assert sum("GET layer" in line for line in lines) >= 4
    assert any(line.startswith("    linux/arm64  ok  sha256:") for line in lines)
    assert "✓ available · proven to blobs" in lines[-1]


def test_the_hint_stands_under_the_step_that_failed(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, demo.reference("media/thumbnails:1.3"))

    lines = done.stdout.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.lstrip().startswith("✗ GET layer"))
    assert "layer_missing" in "".join(lines[failed : failed + 3])
    assert "Re-push, or restore storage." in "".join(lines[failed : failed + 4])
    assert done.returncode == 1


def test_json_is_the_contract_one_document_a_line(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, "--json", demo.reference("shop/checkout:2.4.1"), demo.reference("shop/search:3.0.0"))

    available, missing = (json.loads(line) for line in done.stdout.splitlines())
    assert set(available) >= FIELDS
    assert set(available["steps"][0]) == STEP_FIELDS
    assert (available["status"], available["reason"], available["stage"]) == ("available", "ok", None)
    assert (missing["status"], missing["reason"], missing["stage"]) == ("unavailable", "tag_not_found", "manifest")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("name", "host", "status"),
    [
        ("shop/checkout:2.4.1", "registry", 0),
        ("shop/search:3.0.0", "registry", 1),
        ("library/warehouse:7", "hub", 4),
        ("legacy/reports:1", "registry", 5),
    ],
)
def test_the_exit_status_says_who_has_to_act(demo: Demo, probe: Probe, name: str, host: str, status: int) -> None:
    assert probe(*demo.options, demo.reference(name, host)).returncode == status


def test_an_unresolvable_host_is_degraded_or_our_resolver_and_never_unavailable(probe: Probe) -> None:
    done = probe("--json", "--timeout=5", "registry.invalid/app:1")
    assert json.loads(done.stdout)["reason"] in ("dns_nxdomain", "dns_temporary")
    assert done.returncode in (3, 4)
