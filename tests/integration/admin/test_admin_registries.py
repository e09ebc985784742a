"""Registries in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from probes.actions import secrets
from probes.models import Channel, Credential, Registry, Rule
from probes.policy.delivery import ChannelKind
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, shown

pytestmark = pytest.mark.django_db

ADD = f"{ADMIN}/registry/add/"


def typed(**values: str) -> dict[str, Any]:
    """Return what the form sends when a person has typed only a host."""
    empty = ("name", "notes", "api_host", "resolve", "allow_cidrs", "allow_hosts", "ca_pem", "trusted_auth_hosts")
    return {"host": "registry.example.com", **dict.fromkeys(empty, ""), **values}


def test_registry_is_stored_as_typed(client: Client) -> None:
    client.post(
        ADD,
        typed(
            resolve="registry.example.com=10.0.0.5, fd12::5\nauth.example.com:8443=10.0.0.6",
            allow_cidrs="10.0.0.0/8, fd12::/32",
            allow_hosts="registry.internal, blobs.internal:9000",
            trusted_auth_hosts="auth.example.net",
            plain_http="on",
        ),
    )
    registry = Registry.objects.get()
    assert registry.resolve == {
        "registry.example.com": ["10.0.0.5", "fd12::5"],
        "auth.example.com:8443": ["10.0.0.6"],
    }
    assert registry.allow_hosts == ["registry.internal", "blobs.internal:9000"]
    assert registry.allow_cidrs == ["10.0.0.0/8", "fd12::/32"]
    assert (registry.trusted_auth_hosts, registry.plain_http) == (["auth.example.net"], True)
    page = client.get(f"{ADMIN}/registry/{registry.pk}/change/").content.decode()
    assert "registry.example.com=10.0.0.5,fd12::5\nauth.example.com:8443=10.0.0.6" in page
    assert 'value="10.0.0.0/8, fd12::/32"' in page


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"host": "Registry.Example.com"}, "host", "names it 'registry.example.com'"),
        ({"host": "registry"}, "host", "names it 'docker.io'"),
        ({"allow_cidrs": "10.0.0.0/8,everything"}, "allow_cidrs", "'everything' is not a network"),
        ({"allow_cidrs": "169.254.0.0/16"}, "allow_cidrs", "never dialled"),
        ({"allow_cidrs": "fd20:ce::254/128"}, "allow_cidrs", "never dialled"),
        ({"allow_hosts": "registry.internal,https://blobs.internal"}, "allow_hosts", "no scheme"),
        ({"allow_hosts": "Registry.internal"}, "allow_hosts", "'registry.internal"),
        ({"trusted_auth_hosts": "https://auth.example.net"}, "trusted_auth_hosts", "no scheme"),
        ({"resolve": "registry.example.com=nowhere"}, "resolve", "'nowhere' is not an address"),
        ({"resolve": "registry.example.com="}, "resolve", "write a list of addresses"),
        ({"ca_pem": "-----BEGIN"}, "ca_pem", "Not certificates in PEM."),
    ],
)
def test_bad_input_is_an_error_at_its_field_and_nothing_is_stored(
    client: Client, values: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(client.post(ADD, typed(**values)))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert not Registry.objects.exists()


def test_host_does_not_change(client: Client) -> None:
    registry = Registry.objects.create(host="registry.example.com")
    client.post(f"{ADMIN}/registry/{registry.pk}/change/", typed(host="registry.attacker.example", name="ours"))
    registry.refresh_from_db()
    assert (registry.host, registry.name) == ("registry.example.com", "ours")


def test_list_tells_what_depends_on_each_in_constant_queries(client: Client, plane: ControlPlane) -> None:
    def page() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            text = shown(client, f"{ADMIN}/registry/")
        return text, len(captured)

    plane.image("ghcr.io/org/one:1")
    _, few = page()
    plane.image("ghcr.io/org/two:1")
    for number in range(10):
        plane.image(f"registry-{number}.example.com/org/app:1")
    for prefix in ("", "org", "team"):
        Credential.objects.create(registry=Registry.objects.get(host="ghcr.io"), repository_prefix=prefix)
    text, many = page()
    assert "2 3 — registry-0.example.com" in text
    assert many == few


def test_registry_with_images_is_not_deleted(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    page = shown(client, f"{ADMIN}/registry/{image.registry.pk}/delete/")
    assert "would require deleting the following protected related objects" in page


def test_whoever_may_not_touch_a_credential_may_not_lead_it_elsewhere(client: Client, django_user_model: Any) -> None:
    registry = Registry.objects.create(host="registry.example.com")
    editor = django_user_model.objects.create_user("editor", is_staff=True)
    editor.user_permissions.set(Permission.objects.filter(codename__in=("view_registry", "change_registry")))
    client.force_login(editor)
    change = f"{ADMIN}/registry/{registry.pk}/change/"
    moved = typed(api_host="elsewhere.example.net", trusted_auth_hosts="elsewhere.example.net", notes="moved")

    client.post(change, moved)
    registry.refresh_from_db()
    assert registry.api_host == "elsewhere.example.net"  # nothing is stored that could be led astray

    Registry.objects.update(api_host="", trusted_auth_hosts=[])
    secrets.store_secret(Credential(registry=registry), password="secret", now=timezone.now())
    client.post(change, {**moved, "notes": "moved again"})
    registry.refresh_from_db()
    assert (registry.api_host, registry.trusted_auth_hosts) == ("", [])
    assert registry.notes == "moved again"


def test_registry_with_a_credential_is_not_deleted(client: Client) -> None:
    """Its secret would go with it, which nobody can bring back."""
    credential = Credential.objects.create(registry=Registry.objects.create(host="ghcr.io"), label="robot")
    registry = credential.registry
    page = shown(client, f"{ADMIN}/registry/{registry.pk}/delete/")
    assert f"1 credential ({credential.slug})" in page
    client.post(f"{ADMIN}/registry/{registry.pk}/delete/", {"post": "yes"})
    client.post(f"{ADMIN}/registry/", {"action": "delete_selected", "_selected_action": [registry.pk], "post": "yes"})
    assert Credential.objects.get() == credential
    credential.delete()
    client.post(f"{ADMIN}/registry/{registry.pk}/delete/", {"post": "yes"})
    assert not Registry.objects.exists()


def test_registry_that_a_rule_names_is_not_deleted(client: Client) -> None:
    """The rule would tell of every registry then."""
    registry = Registry.objects.create(host="ghcr.io")
    rule = Rule.objects.create(channel=Channel.objects.create(name="mail", kind=ChannelKind.EMAIL))
    rule.registries.set([registry])
    address = f"{ADMIN}/registry/{registry.pk}/delete/"
    assert f"1 rule ({rule.slug})" in shown(client, address)
    client.post(address, {"post": "yes"})
    client.post(f"{ADMIN}/registry/", {"action": "delete_selected", "_selected_action": [registry.pk], "post": "yes"})
    assert list(rule.registries.all()) == [registry]


def test_list_tells_where_a_registry_is_asked_where_that_is_not_as_usual(client: Client, db: None) -> None:
    Registry.objects.create(host="ghcr.io")
    Registry.objects.create(host="mirrored.example.com", api_host="mirror.example.com")
    Registry.objects.create(host="plain.example.com", plain_http=True)
    page = shown(client, f"{ADMIN}/registry/")
    assert "ghcr.io — — 0 0 —" in page
    assert "mirrored.example.com — mirror.example.com 0 0 —" in page
    assert "plain.example.com — ! plain HTTP 0 0 —" in page
