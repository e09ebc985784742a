"""Channels and the outbox in the admin: URLs go in and never come out; a button tries a channel."""

from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from probes.actions import channels, delivery, notices, secrets
from probes.models import Channel, Notice, Rule
from probes.policy.delivery import Receipt, Result
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown

pytestmark = pytest.mark.django_db

ADD = f"{ADMIN}/channel/add/"
URL = "https://hooks.example/services/T0KEN-to-look-for"
KEY = "a signing key to look for"


def typed(**values: Any) -> dict[str, Any]:
    rules = {
        "rules-TOTAL_FORMS": "1",
        "rules-INITIAL_FORMS": "0",
        "rules-0-severity": "warning",
        "rules-0-topics": ["incident_opened", "incident_resolved"],
        "rules-0-labels": "team=payments",
    }
    given = {"name": "the hook", "kind": "webhook", "is_enabled": "on", "url": URL, "signing_key": KEY}
    return {**rules, "recipients": "", "allowed_cidrs": "", "ca_pem": "", **given, **values}


@pytest.fixture
def channel(client: Client) -> Channel:
    client.post(ADD, typed())
    return Channel.objects.get()


def page_of(channel: Channel) -> str:
    return f"{ADMIN}/channel/{channel.pk}/change/"


def test_channel_is_stored_with_its_rule_and_its_secrets_encrypted(channel: Channel) -> None:
    assert secrets.open_channel_secret(channel) == (URL, KEY)
    assert b"T0KEN" not in bytes(channel.secret_encrypted)
    assert channel.address == "https://hooks.example:443"
    rule = Rule.objects.get()
    assert (rule.severity, rule.topics, rule.labels) == (
        "warning",
        ["incident_opened", "incident_resolved"],
        {"team": "payments"},
    )


def test_rules_that_are_alike_are_named_apart(client: Client, db: None) -> None:
    alike = {
        f"rules-1-{name}": value for name, value in (("severity", "info"), ("topics", ["expiry"]), ("labels", ""))
    }
    first = {"rules-0-severity": "warning", "rules-0-topics": ["expiry"]}
    client.post(ADD, typed(**first, **alike, **{"rules-TOTAL_FORMS": "2"}))
    assert list(Rule.objects.values_list("slug", flat=True)) == ["the-hook-expiry", "the-hook-expiry-2"]


def test_secrets_are_shown_nowhere(client: Client, channel: Channel) -> None:
    for address in (f"{ADMIN}/channel/", page_of(channel), f"{ADMIN}/channel/{channel.pk}/history/"):
        page = client.get(address).content.decode()
        assert "T0KEN" not in page
        assert KEY not in page


def test_what_is_left_empty_is_kept(client: Client, channel: Channel) -> None:
    rule = {"rules-INITIAL_FORMS": "1", "rules-0-id": str(Rule.objects.get().pk), "rules-0-channel": str(channel.pk)}
    client.post(page_of(channel), typed(name="renamed", url="", signing_key="", **rule))
    channel.refresh_from_db()
    assert channel.name == "renamed"
    assert secrets.open_channel_secret(channel) == (URL, KEY)


def test_signing_key_that_is_made_is_shown_once(client: Client, db: None) -> None:
    response = client.post(ADD, typed(signing_key=""))
    _, key = secrets.open_channel_secret(Channel.objects.get())
    assert len(key) > 40
    assert any(key in message for message in messages_of(response))


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"url": ""}, "url", "Say where it leads."),
        ({"url": "ftp://hooks.example"}, "url", "neither https nor http"),
        ({"allowed_cidrs": "169.254.169.254/32"}, "allowed_cidrs", "never dialled"),
        ({"kind": "email", "url": "smtp://mail.example"}, "recipients", "E-mail goes to somebody."),
        ({"kind": "alertmanager", "reminder_minutes": "60"}, "reminder_minutes", "repeats by itself"),
        ({"reminder_minutes": "1"}, "reminder_minutes", "From 5 minutes"),
    ],
)
def test_what_makes_no_channel_is_refused(client: Client, values: dict[str, str], field: str, words: str) -> None:
    errors = errors_of(client.post(ADD, typed(**values)))
    assert any(words in message for message in errors[field])
    assert not Channel.objects.exists()


def test_apprise_is_for_superusers(django_user_model: Any, client: Client) -> None:
    from django.contrib.auth.models import Permission  # noqa: PLC0415 - models, once Django is set up

    user = django_user_model.objects.create(username="operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__contains="channel"))
    user.user_permissions.add(*Permission.objects.filter(codename__endswith="_rule"))
    operator = Client()
    operator.force_login(user)
    apprise = typed(kind="apprise", url="slack://T0KEN/A/B")
    errors = errors_of(operator.post(ADD, apprise))
    assert errors["__all__"] == ["Apprise dials wherever its URL leads: only a superuser may set it."]
    assert client.post(ADD, apprise).status_code == 302
    assert Channel.objects.get().address == "slack://…"


@pytest.mark.django_db(transaction=True)
def test_button_sends_a_test_and_leads_to_what_comes_of_it(client: Client, channel: Channel, broker: str) -> None:
    response = client.post(f"{ADMIN}/channel/{channel.pk}/test/")
    notice = Notice.objects.get()
    assert response["Location"] == f"{ADMIN}/notice/{notice.pk}/change/?wait=1"
    with redis.Redis.from_url(broker) as server:
        assert server.llen("control") == 1
    assert 'http-equiv="refresh"' in client.get(response["Location"]).content.decode()
    (given,) = delivery.hand_out(now=notice.created_at)
    lost = Receipt(id=notice.pk, result=Result.UNREACHABLE, detail="connect refused")
    delivery.note(lost, given.parcels[0], channel.pk, now=notice.created_at, jitter=0.5)
    assert "connect refused" in shown(client, response["Location"])
    assert "failing since" in shown(client, f"{ADMIN}/channel/")


def test_onlooker_sees_the_outbox_and_orders_nothing(onlooker: Client, channel: Channel, plane: ControlPlane) -> None:
    notice = notices.test(channel, now=plane.now)
    page = shown(onlooker, f"{ADMIN}/notice/{notice.pk}/change/")
    assert "This is a test of Kairos' notices" in page
    assert "Send it again" not in page
    assert onlooker.post(f"{ADMIN}/channel/{channel.pk}/test/").status_code == 403
    assert onlooker.post(f"{ADMIN}/notice/{notice.pk}/send/").status_code == 403
    assert "URL" not in shown(onlooker, page_of(channel))


@pytest.mark.django_db(transaction=True)
def test_notices_are_sent_again_from_the_list_and_from_their_page(
    client: Client, channel: Channel, broker: str
) -> None:
    Notice.objects.all().delete()
    notice = notices.test(channel, now=timezone.now())
    Notice.objects.update(state="failed", last_error="HTTP 500")
    assert "HTTP 500" in shown(client, f"{ADMIN}/notice/?state__exact=failed")
    order = {"action": "send_again", "_selected_action": [notice.pk], "index": "0"}
    assert messages_of(client.post(f"{ADMIN}/notice/", order)) == ["1 to be sent."]
    notice.refresh_from_db()
    assert notice.state == "pending"
    Notice.objects.update(state="failed")
    client.post(f"{ADMIN}/notice/{notice.pk}/send/")
    notice.refresh_from_db()
    assert notice.state == "pending"


def test_rotating_keys_takes_channels_along(channel: Channel, settings: Settings, tmp_path: Path) -> None:
    keys = Path(settings.KAIROS_FERNET_KEYS_FILE).read_text()
    settings.KAIROS_FERNET_KEYS_FILE = tmp_path / "fernet-keys"
    settings.KAIROS_FERNET_KEYS_FILE.write_text(keys)
    before = bytes(channel.secret_encrypted)
    secrets.make_key()
    assert secrets.reencrypt_secrets()[1] == []
    channel.refresh_from_db()
    assert bytes(channel.secret_encrypted) != before
    assert secrets.open_channel_secret(channel) == (URL, KEY)
    assert channels.save(channel, url="https://other.example/") == ""
