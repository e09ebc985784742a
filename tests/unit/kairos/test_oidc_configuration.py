"""What is set of an OpenID provider, whole or by half; and that nothing is imported for one that is not."""

import subprocess
import sys
from pathlib import Path

import pytest

from kairos.environment import Environment
from kairos.oidc import configuration
from kairos.oidc.configuration import Configuration, read_configuration

WHOLE = {
    "KAIROS_OIDC_ISSUER": "https://login.example.com/realm",
    "KAIROS_OIDC_CLIENT_ID": "kairos",
    "KAIROS_OIDC_CLIENT_SECRET": "hush",
    "KAIROS_OIDC_ROLES": "groups=sre:viewer",
}


def read(**changed: str) -> tuple[Configuration | None, list[str]]:
    environment = Environment({**WHOLE, **changed})
    return read_configuration(environment), [mistake.id for mistake in environment.mistakes]


def test_whole_configuration_is_read_and_shows_no_secret() -> None:
    found, mistakes = read(KAIROS_OIDC_SCOPES="groups profile", KAIROS_OIDC_ALLOW_CIDRS="10.0.0.0/8")
    assert found is not None
    assert mistakes == []
    assert (found.issuer, found.scopes, found.name) == (
        WHOLE["KAIROS_OIDC_ISSUER"],
        "openid groups profile",
        "single sign-on",
    )
    assert list(map(str, found.networks)) == ["10.0.0.0/8"]
    assert "hush" not in repr(found)


def test_nothing_is_set() -> None:
    environment = Environment({})
    assert read_configuration(environment) is None
    assert environment.mistakes == []


def test_secret_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from a file\n")
    path.chmod(0o600)
    found, mistakes = read(KAIROS_OIDC_CLIENT_SECRET="", KAIROS_OIDC_CLIENT_SECRET_FILE=str(path))
    assert found is not None
    assert found.client_secret == "from a file"
    assert mistakes == []


@pytest.mark.parametrize(
    ("changed", "mistake"),
    [
        ({"KAIROS_OIDC_ISSUER": ""}, "kairos.E011"),
        ({"KAIROS_OIDC_CLIENT_ID": ""}, "kairos.E011"),
        ({"KAIROS_OIDC_CLIENT_SECRET": ""}, "kairos.E011"),
        ({"KAIROS_OIDC_CLIENT_SECRET": "", "KAIROS_OIDC_CLIENT_SECRET_FILE": "/nowhere/secret"}, "kairos.E011"),
        ({"KAIROS_OIDC_ISSUER": "http://login.example.com"}, "kairos.E012"),
        ({"KAIROS_OIDC_ISSUER": "login.example.com"}, "kairos.E012"),
        ({"KAIROS_OIDC_ISSUER": "https://"}, "kairos.E012"),
        ({"KAIROS_OIDC_ISSUER": "https://user@login.example.com"}, "kairos.E012"),
        ({"KAIROS_OIDC_ISSUER": "https://login.example.com/?a=b"}, "kairos.E012"),
        ({"KAIROS_OIDC_ISSUER": "https://login.example.com:port"}, "kairos.E012"),
        ({"KAIROS_OIDC_ROLES": "groups=sre:owner"}, "kairos.E014"),
    ],
)
def test_half_a_configuration_is_a_mistake_and_logs_nobody_in(changed: dict[str, str], mistake: str) -> None:
    assert read(**changed) == (None, [mistake])


def test_rules_are_worth_a_warning_where_there_are_none() -> None:
    found, mistakes = read(KAIROS_OIDC_ROLES="")
    assert found is not None
    assert mistakes == ["kairos.W003"]


def test_library_that_is_not_installed_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "find_spec", lambda _: None)
    assert read() == (None, ["kairos.E013"])


_LOADED = (
    "import django, sys; django.setup(); import kairos.urls; "
    "print([name for name in ('mozilla_django_oidc', 'jwt', 'kairos.oidc.views') if name in sys.modules])"
)


@pytest.mark.parametrize(("environment", "is_loaded"), [({}, False), (WHOLE, True)], ids=["not set", "set"])
def test_library_is_loaded_where_a_provider_is_set_and_nowhere_else(
    tmp_path: Path,
    environment: dict[str, str],
    is_loaded: bool,  # noqa: FBT001 - a table's
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        env={"DJANGO_SETTINGS_MODULE": "kairos.settings", "KAIROS_STATE_DIR": str(tmp_path), **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = "['mozilla_django_oidc', 'jwt', 'kairos.oidc.views']"
    assert done.stdout.strip() == (loaded if is_loaded else "[]")
