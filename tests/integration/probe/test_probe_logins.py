"""Logins of `manage.py probe`: from standard input, the environment or a file, and never shown."""

import json
from pathlib import Path

import pytest

from kairos.demo.accounts import USERNAME
from tests.integration.probe.conftest import Demo, Probe


def test_a_password_comes_from_standard_input_or_the_environment(demo: Demo, probe: Probe) -> None:
    private = (*demo.options, f"--username={USERNAME}", demo.reference("payments/gateway:4.2"))

    by_stdin = probe(*private, "--password-stdin", stdin=f"{demo.password}\n")
    by_environment = probe(*private, KAIROS_PROBE_PASSWORD=demo.password)

    assert (by_stdin.returncode, by_environment.returncode) == (0, 0), by_stdin.stdout


def test_a_wrong_one_is_refused_and_not_shown(demo: Demo, probe: Probe) -> None:
    done = probe(
        *demo.options,
        f"--username={USERNAME}",
        demo.reference("payments/gateway:4.2"),
        KAIROS_PROBE_PASSWORD="not-this",
    )
    assert "auth_bad_credentials" in done.stdout
    assert "not-this" not in done.stdout + done.stderr
    assert done.returncode == 1


def test_there_is_no_option_for_a_password(probe: Probe) -> None:
    done = probe("--username=robot", "--password=secret", "alpine")
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--username=robot", "alpine"), "needs a password"),
        (("--password-stdin", "alpine"), "needs --username"),
        (("--identity-token-stdin", "alpine"), "no identity token on standard input"),
        (("--bearer-stdin", "alpine"), "no bearer token on standard input"),
        (("--credential-kind=ecr", "alpine"), "--credential-kind ecr: Not JSON."),
        (("--credential-kind=ecr", "--credential-file=missing.json", "alpine"), "missing.json: No such file"),
        (("--credential-file=key.json", "alpine"), "needs --credential-kind"),
        (("--credential-kind=ecr", "--bearer-stdin", "alpine"), "not allowed with argument"),
    ],
)
def test_half_a_login_is_wrong_usage(probe: Probe, arguments: tuple[str, ...], message: str) -> None:
    done = probe(*arguments)
    assert message in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("options", [("--password-stdin",), ("--identity-token-stdin",)])
def test_a_login_that_is_no_text_is_wrong_usage(probe: Probe, options: tuple[str, ...]) -> None:
    """Not status 1, which says that the image is unavailable."""
    done = probe("--username=robot", *options, "127.0.0.1:1/app", stdin="to-look-for-\udcff\n")
    assert done.returncode == 2
    assert done.stderr.endswith("the login is not text in UTF-8\n")
    assert "to-look-for" not in done.stderr


def test_a_bearer_token_comes_from_standard_input_or_the_environment(demo: Demo, probe: Probe) -> None:
    arguments = (*demo.options, "--json", demo.reference("payments/gateway:4.2"))

    by_stdin = probe(*arguments, "--bearer-stdin", stdin="a-token-to-look-for\n")
    by_environment = probe(*arguments, KAIROS_PROBE_BEARER="a-token-to-look-for")

    for done in (by_stdin, by_environment):
        document = json.loads(done.stdout)
        assert (document["reason"], document["requests"]) == ("auth_bad_credentials", 1)
        assert "to-look-for" not in done.stdout + done.stderr


def test_a_bearer_token_that_no_header_holds_is_wrong_usage(probe: Probe) -> None:
    done = probe("--bearer-stdin", "alpine", stdin="two to-look-for\n")
    assert done.returncode == 2
    assert "to-look-for" not in done.stderr


def test_a_clouds_key_comes_from_a_file_or_standard_input(demo: Demo, probe: Probe, tmp_path: Path) -> None:
    endpoint = f"https://{demo.reference('')}"
    key = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "to-look-for", "region": "eu-west-1"}
    path = tmp_path / "key.json"
    path.write_text(json.dumps({**key, "endpoint": endpoint}))
    arguments = (*demo.options, "--json", "--credential-kind=ecr", demo.reference("payments/gateway:4.2"))

    by_file = probe(*arguments, f"--credential-file={path}")
    by_stdin = probe(*arguments, stdin=path.read_text())

    for done in (by_file, by_stdin):
        # The demonstration is no cloud: what matters is who was asked, and that it ended there.
        document = json.loads(done.stdout)
        assert [step["stage"] for step in document["steps"]] == ["token"]
        assert (document["stage"], document["host"]) == ("token", demo.reference("").rstrip("/"))
        assert "to-look-for" not in done.stdout + done.stderr


def test_a_clouds_key_that_is_none_is_named_by_its_field_and_not_shown(probe: Probe) -> None:
    done = probe("--credential-kind=ecr", "alpine", stdin='{"secret_access_key": "to-look-for"}')
    assert "--credential-kind ecr: access_key_id: Write an access key ID" in done.stderr
    assert "to-look-for" not in done.stderr
    assert done.returncode == 2


def test_one_credential_is_never_shown_to_two_registries(probe: Probe) -> None:
    done = probe("--username=robot", "quay.io/a/b", "ghcr.io/a/b", KAIROS_PROBE_PASSWORD="secret")
    assert "one credential for several registries" in done.stderr
    assert done.returncode == 2
