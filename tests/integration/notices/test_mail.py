"""Notices delivered to a real SMTP server, and by Apprise, through outages: none is lost, and none is doubled.

Things happen an hour ago by the control plane's clock, so that nothing is held any more when it is delivered.
"""

import ssl
import time

import pytest
import trustme

from probes import tasks
from probes.actions import channels
from probes.models import Channel, Notice, Resource
from probes.notify import courier
from tests.fakes.control_plane import ControlPlane
from tests.fakes.receivers import HttpReceiver, MailReceiver, started
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, happen, states, titles, try_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_mail_server_gets_incidents_through_its_outage(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel, mailbox: MailReceiver
) -> None:
    make_channel("email", mailbox.url, recipients=["oncall@example.com", "lead@example.com"])
    mailbox.stop()
    plane.check(image, finds=EVERYWHERE)
    tasks.notices()
    assert Channel.objects.get().last_error == "mail server: Connection refused"
    plane.check(image)
    mailbox.start()
    try_at_once()
    tasks.notices()
    tasks.notices()
    assert [mail["Subject"] for mail in mailbox.mails] == [
        "[critical] ghcr.io/org/app:1 is unavailable",
        "[critical] ghcr.io/org/app:1 is available again, after 1 min",
    ]
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 2
    assert len({mail["References"] for mail in mailbox.mails}) == 1
    assert states() == ["sent", "sent"]


def test_mail_server_that_is_full_gets_it_later_and_one_that_refuses_holds_up_no_other(
    make_channel: MakeChannel, mailbox: MailReceiver
) -> None:
    channel = make_channel("email", mailbox.url)
    mailbox.answer = "452 4.3.1 no room"
    happen("a")
    tasks.notices()
    channel.refresh_from_db()
    assert channel.last_error == "mail server: 452 4.3.1 no room"
    mailbox.answer = "554 5.7.1 looks like spam"
    try_at_once()
    tasks.notices()
    channel.refresh_from_db()
    assert (channel.failures, Notice.objects.get().last_error) == (0, "mail server: 554 5.7.1 looks like spam")
    mailbox.answer, mailbox.answer_to_recipient = "", "550 5.1.1 nobody here"
    try_at_once()
    tasks.notices()
    assert Notice.objects.get().last_error == "mail server: oncall@example.com: 550 5.1.1 nobody here"
    mailbox.answer_to_recipient = ""
    happen("b")
    tasks.notices()
    assert [mail["Subject"] for mail in mailbox.mails] == ["[info] Tag b moved."]
    assert states() == ["pending", "sent"]


def test_mail_server_without_tls_gets_no_mail_where_tls_is_asked_for(
    make_channel: MakeChannel, mailbox: MailReceiver
) -> None:
    channel = make_channel("email", f"smtp://robot:pass-to-look-for@127.0.0.1:{mailbox.port}")
    happen("a")
    tasks.notices()
    channel.refresh_from_db()
    assert "STARTTLS" in channel.last_error
    assert "pass-to-look-for" not in channel.last_error
    assert mailbox.mails == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")  # it does not count smtps
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_goes_over_tls_with_a_login(
    make_channel: MakeChannel, authority: trustme.CA, tls: ssl.SSLContext, scheme: str
) -> None:
    trusted = authority.cert_pem.bytes().decode()
    with started(MailReceiver(scheme=scheme, tls=tls, login=("robot", "pass-to-look-for"))) as server:
        channel = make_channel("email", server.url)
        happen("a")
        tasks.notices()
        channel.refresh_from_db()
        assert "certificate verify failed" in channel.last_error.replace("_", " ").lower()
        channel.ca_pem = trusted
        channels.save(channel, url=server.url.replace("pass-", "another-pass-"))
        tasks.notices()
        channel.refresh_from_db()
        assert channel.last_error.startswith("mail server: 535 ")
        assert server.mails == []
        channels.save(channel, url=server.url)
        tasks.notices()
    assert [mail["Subject"] for mail in server.mails] == ["[info] Tag a moved."]


def test_mail_server_that_says_nothing_is_given_up_in_time(
    make_channel: MakeChannel, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "CHILD_SECONDS", 2.0)
    channel = make_channel("email", f"smtp+plain://127.0.0.1:{hook.port}")  # it waits to be asked
    happen("a")
    began = time.monotonic()
    tasks.notices()
    assert time.monotonic() - began < 10
    channel.refresh_from_db()
    assert channel.last_error == "no answer within 2 seconds"


def test_apprise_reaches_a_service(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    make_channel("apprise", f"json://127.0.0.1:{hook.port}/T0KEN-to-look-for")
    happen("a")
    tasks.notices()
    (item,) = hook.posts
    assert (item.json["title"], item.json["type"]) == ("Tag a moved.", "info")
    hook.status = 500
    happen("b")
    tasks.notices()
    channel = Channel.objects.get()
    assert channel.last_error.startswith("Apprise: ")
    assert "T0KEN" not in channel.last_error
    hook.status = 200
    try_at_once()
    tasks.notices()
    assert titles(hook) == ["Tag a moved.", "Tag b moved.", "Tag b moved."]
    assert states() == ["sent", "sent"]


def test_apprise_says_that_it_knows_no_such_service(make_channel: MakeChannel) -> None:
    make_channel("apprise", "nosuchservice://a/b")
    happen("a")
    tasks.notices()
    assert Channel.objects.get().last_error == "Apprise knows no such service"
