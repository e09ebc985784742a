"""What `manage.py check` says about the settings; people search for the ids and silence them."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

from kairos.checks import check_deployment, check_environment
from kairos.environment import Mistake


def test_every_mistake_is_reported_with_its_id_and_hint(settings: Settings) -> None:
    settings.KAIROS_MISTAKES = (
        Mistake("kairos.E002", "DATABASE_URL: no", "Write a URL."),
        Mistake("kairos.W001", "a file", "chmod 600"),
    )
    error, warning = check_environment(None)
    assert (error.id, error.hint, error.is_serious()) == ("kairos.E002", "Write a URL.", True)
    assert (warning.id, warning.is_serious()) == ("kairos.W001", False)


def test_settings_of_the_tests_are_without_mistakes() -> None:
    assert check_environment(None) == []
    assert check_deployment(None) == []


@pytest.mark.parametrize(
    ("name", "value", "check_id"),
    [
        ("BROKER_URL", "", "kairos.E102"),
        ("KAIROS_SECRET_KEY_FILE", Path("/nowhere/key"), "kairos.E103"),
        ("KAIROS_FERNET_KEYS_FILE", Path("/nowhere/keys"), "kairos.E104"),
        ("KAIROS_CONTROL_KEY_FILE", Path("/nowhere/control"), "kairos.E105"),
    ],
)
def test_deployment_lacks_nothing(settings: Settings, name: str, value: object, check_id: str) -> None:
    setattr(settings, name, value)
    (message,) = check_deployment(None)
    assert message.id == check_id


@pytest.mark.parametrize(("proxies", "found"), [((), ["kairos.W102"]), ((ip_network("10.0.0.0/8"),), [])])
def test_proxy_that_ends_tls_is_named(settings: Settings, proxies: tuple[object, ...], found: list[str]) -> None:
    settings.KAIROS_HTTPS = True
    settings.KAIROS_TRUSTED_PROXIES = proxies
    assert [message.id for message in check_deployment(None)] == found


def test_deployment_has_a_database(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setitem(settings.DATABASES, "default", {})
    (message,) = check_deployment(None)
    assert message.id == "kairos.E101"
