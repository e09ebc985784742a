"""What the URL of a channel may be, and what is shown of it."""

import pytest

from probes.policy.channel_url import ChannelUrlRefused, read_url, secrets_in, shown
from probes.policy.delivery import ChannelKind

EMAIL, WEBHOOK, ALERTMANAGER, APPRISE = ChannelKind


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        (WEBHOOK, "https://hooks.example/services/T0KEN?key=S3CRET", "https://hooks.example:443"),
        (WEBHOOK, "http://127.0.0.1:8080/hook", "http://127.0.0.1:8080"),
        (ALERTMANAGER, "https://user:pass@am.example:9093/prefix", "https://am.example:9093"),
        (EMAIL, "smtp://mail.example", "smtp://mail.example:587"),
        (EMAIL, "smtps://user:pass@mail.example", "smtps://mail.example:465"),
        (EMAIL, "smtp+plain://[::1]:2525", "smtp+plain://[::1]:2525"),
        (EMAIL, "smtp+plain://[::1]", "smtp+plain://[::1]:25"),
        (EMAIL, "smtps://mail.example:4650/", "smtps://mail.example:4650"),
        (APPRISE, "slack://T0KEN/A/B", "slack://…"),
        (APPRISE, "Discord://ID/T0KEN", "discord://…"),
    ],
)
def test_shown_is_where_a_channel_leads_and_nothing_secret(kind: ChannelKind, url: str, expected: str) -> None:
    assert shown(kind, url) == expected


@pytest.mark.parametrize(
    ("kind", "url", "why"),
    [
        (WEBHOOK, "ftp://hooks.example", "neither https nor http"),
        (WEBHOOK, "hooks.example", "neither https nor http"),
        (WEBHOOK, "https://user:pass word@hooks.example", "characters that no URL holds"),
        (WEBHOOK, "https://hooks.example/" + "a" * 5000, "too long"),
        (WEBHOOK, "https://", "no valid host"),
        (ALERTMANAGER, "http://user:pass@am.example", "readable on the way"),
        (ALERTMANAGER, "https://am.example/?x=pass", "no query"),
        (EMAIL, "smtp+plain://user:pass@mail.example", "readable on the way"),
        (EMAIL, "https://mail.example", "begins with smtps://, smtp://, smtp+plain://"),
        (EMAIL, "smtp://mail.example/path", "no path"),
        (EMAIL, "smtp://mail.example:99999", "no valid port"),
        (APPRISE, "slack", "SERVICE://"),
        (APPRISE, "sla ck://x", "SERVICE://"),
        (APPRISE, "slack://" + "a" * 5000, "SERVICE://"),
    ],
)
def test_refused_url_is_refused_without_showing_it(kind: ChannelKind, url: str, why: str) -> None:
    with pytest.raises(ChannelUrlRefused) as caught:
        shown(kind, url)
    assert why in str(caught.value)
    assert "pass" not in str(caught.value)


def test_login_is_taken_out_of_the_url() -> None:
    address = read_url(WEBHOOK, "https://us%40er:p%3Ass@am.example:9093/base?x=1@2")
    assert (address.username, address.password) == ("us@er", "p:ss")
    assert address.url == "https://am.example:9093/base?x=1@2"
    plain = read_url(WEBHOOK, "https://hooks.example/a@b")
    assert (plain.url, plain.username) == ("https://hooks.example/a@b", "")


def test_parts_that_no_error_may_repeat_are_known() -> None:
    hidden = secrets_in("https://robot:pass%20word@hooks.example/services/T0KEN-1?key=S3CRET-2")
    assert {"pass%20word", "pass word", "T0KEN-1", "S3CRET-2"} <= set(hidden)
    assert "hooks.example" not in hidden
    assert "T0KEN-HOST" in secrets_in("slack://T0KEN-HOST/B")
    assert "123456:AAbbCCdd" in secrets_in("tgram://123456:AAbbCCdd/42")
    assert "AAbbCCdd" in secrets_in("tgram://123456:AAbbCCdd/42")
    assert secrets_in("https://[::1") == ("https://[::1",)


@pytest.mark.parametrize("password", ["pass#word", "pass?word", "pass:word", "pass@word"])
def test_password_that_is_used_is_the_one_that_is_hidden(password: str) -> None:
    url = f"smtp://robot:{password}@mail.example"
    assert read_url(EMAIL, url).password == password
    assert password in secrets_in(url)
