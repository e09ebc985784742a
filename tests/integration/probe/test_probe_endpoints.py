"""`manage.py probe URL`: the same command, the same document, the same exit status."""

import json

import pytest

from tests.integration.probe.conftest import Demo, Probe


def url(demo: Demo, path: str) -> str:
    return f"https://{demo.reference(path)}"


def test_endpoint_that_answers_as_expected_is_available(probe: Probe, demo: Demo) -> None:
    """H2, H15, H22."""
    done = probe(
        *demo.options,
        "--username=robot",
        "--json",
        "--expect=401",
        "--json-path=$.errors[*].code",
        '--json-equals="UNAUTHORIZED"',
        "--certificate-days=1",
        url(demo, "v2/"),
        KAIROS_PROBE_PASSWORD="swordfish",
    )
    document = json.loads(done.stdout)
    assert (done.returncode, document["status"], document["kind"]) == (0, "available", "http")
    assert document["reference"] == document["canonical"] == url(demo, "v2/")
    assert (document["depth"], document["digest"], document["platforms"]) == (None, None, [])
    assert [(step["stage"], step["http_status"]) for step in document["steps"]] == [("request", 401)]
    assert document["certificates"][0]["host"] == "registry.kairos.test"
    assert "swordfish" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        ((), 1, "endpoint_denied"),
        (("--expect=401", "--contains=welcome"), 1, "endpoint_content"),
        (("--expect=401", "--certificate-days=825"), 3, "certificate_expiring"),
        (("--expect=4xx",), 5, "endpoint_invalid"),
        (("--expect=401", "--header=Host: other.example"), 5, "endpoint_invalid"),
    ],
)
def test_exit_status_is_that_of_the_outcome(
    probe: Probe, demo: Demo, options: tuple[str, ...], code: int, reason: str
) -> None:
    """H1, H3, H14, H16."""
    done = probe(*demo.options, *options, "--json", url(demo, "v2/"))
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (code, reason)


def test_ladder_tells_what_was_asked_and_why_it_failed(probe: Probe, demo: Demo) -> None:
    done = probe(*demo.options, url(demo, "v2/?token=hush"))
    assert "GET request" in done.stdout
    assert "endpoint_denied: HTTP 401, not 200-299" in done.stdout
    assert f"asked: {url(demo, 'v2/?token=…')}" in done.stdout
    assert "hush" not in done.stdout


def test_images_and_endpoints_are_checked_together(probe: Probe, demo: Demo) -> None:
    done = probe(*demo.options, "--expect=200,401", demo.reference("shop/checkout:2.4.1"), url(demo, "v2/"))
    assert done.returncode == 0
    assert "2 checks: 2 available" in done.stdout


def test_what_is_for_urls_is_refused_without_one(probe: Probe) -> None:
    done = probe("--json-path=$.status", "alpine")
    assert done.returncode == 2
    assert "--json-path is for URLs, and none is given" in done.stderr


def test_one_credential_is_never_shown_to_two_hosts(probe: Probe) -> None:
    """H11, S1."""
    done = probe("--username=robot", "quay.io/a/b", "https://www.example/", KAIROS_PROBE_PASSWORD="x")
    assert done.returncode == 2
    assert "one credential for several hosts (quay.io, www.example)" in done.stderr


@pytest.mark.parametrize("option", ["--header=Accept", "--body-file=missing.json", "--latency=soon", "--method=BREW"])
def test_a_bad_option_is_wrong_usage_in_one_line(probe: Probe, option: str) -> None:
    done = probe(option, "https://www.example/")
    assert done.returncode == 2
    assert option.partition("=")[0] in done.stderr.splitlines()[-1]
