"""Notices delivered to a real HTTP server, through outages: none is lost, and none comes twice unknown.

Things happen an hour ago by the control plane's clock, so that nothing is held any more when it is delivered.
"""

import hashlib
import hmac
import ssl
import time
from datetime import timedelta

import pytest
import trustme
from django.conf import settings
from django.db import connection
from django.utils import timezone

from probes import tasks
from probes.actions import channels, notices
from probes.models import Channel, Notice, Resource, RollUpProgress
from probes.notify import post
from probes.policy.delivery import LEASE
from probes.tasks import control
from probes.tasks.notices import HAND_OUT_SECONDS, RUN_SECONDS
from probes.tasks.summing import WORK_SECONDS
from tests.fakes.control_plane import ControlPlane
from tests.fakes.receivers import HttpReceiver, started, until
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, happen, states, titles, try_at_once

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a signing key, to look for"


def test_incident_reaches_a_webhook_signed(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel, hook: HttpReceiver
) -> None:
    make_channel(url=hook.url, signing_key=KEY)
    plane.check(image, finds=EVERYWHERE)
    tasks.notices()
    plane.check(image)
    tasks.notices()
    assert titles(hook) == ["ghcr.io/org/app:1 is unavailable", "ghcr.io/org/app:1 is available again, after 1 min"]
    for item in hook.posts:
        time_, digest = (part.partition("=")[2] for part in item.headers["x-kairos-signature"].split(","))
        assert digest == hmac.new(KEY.encode(), time_.encode() + b"." + item.body, hashlib.sha256).hexdigest()
        assert item.headers["idempotency-key"] == item.json["id"]
    tasks.notices()
    assert len(hook.posts) == 2
    assert states() == ["sent", "sent"]


def test_webhook_that_was_away_gets_each_event_once_when_it_is_back(
    make_channel: MakeChannel, hook: HttpReceiver
) -> None:
    channel = make_channel(url=hook.url)
    hook.stop()
    happen("a", "b", "c")
    tasks.notices()
    channel.refresh_from_db()
    assert (channel.failures, states()) == (1, ["pending"] * 3)
    assert channel.last_error.startswith("connect refused")
    happen("d")
    tasks.notices()  # not before its pause is over
    channel.refresh_from_db()
    assert channel.failures == 1
    hook.status = 503
    hook.start()
    try_at_once()
    tasks.notices()
    assert len(hook.posts) == 1
    hook.status = 200
    try_at_once()
    tasks.notices()
    assert titles(hook)[1:] == [f"Tag {key} moved." for key in "abcd"]
    assert hook.posts[0].json["id"] == hook.posts[1].json["id"]
    channel.refresh_from_db()
    assert (channel.failures, channel.last_error) == (0, "")


def test_answer_that_got_lost_is_a_second_copy_under_the_same_id(
    make_channel: MakeChannel, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "SEND_SECONDS", 0.5)
    make_channel(url=hook.url)
    hook.pause_seconds = 1.0
    happen("a")
    tasks.notices()
    hook.pause_seconds = 0.0
    try_at_once()
    tasks.notices()
    assert len({item.json["id"] for item in hook.posts}) == 1
    assert [item.body for item in hook.posts] == [hook.posts[0].body] * 2
    assert states() == ["sent"]


def test_slow_channel_holds_up_no_other_and_no_longer_than_a_run(
    make_channel: MakeChannel, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "SEND_SECONDS", 5.0)
    slow = HttpReceiver(pause_seconds=30.0)
    slow.start()
    try:
        make_channel(name="slow", url=slow.url)
        make_channel(name="quick", url=hook.url)
        happen(*"abc")
        began = time.monotonic()
        tasks.notices()
        assert time.monotonic() - began < 10
    finally:
        slow.stop()
    assert len(hook.posts) == 3
    sent = Notice.objects.filter(channel__name="quick").values_list("sent_at", flat=True)
    given_up_at = Channel.objects.get(name="slow").failing_since
    assert given_up_at
    assert max(filter(None, sent)) < given_up_at
    assert Notice.objects.filter(channel__name="slow").values_list("attempts", flat=True).order_by("id")[0] == 1
    assert len(slow.posts) == 1  # the others wait for the channel's pause


def test_one_process_delivers_at_a_time(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    make_channel(url=hook.url)
    happen("a")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [0x6E6F7469636573])
        tasks.notices()
        assert hook.posts == []
    finally:
        other.close()
    until(_lock_is_free)
    tasks.notices()
    assert len(hook.posts) == 1


def _lock_is_free() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        return bool(cursor.fetchone() == (0,))


@pytest.mark.parametrize(
    ("url", "allowed", "why"),
    [
        ("http://127.0.0.1:{port}/", [], "address forbidden: 127.0.0.1 may not be dialled: not public"),
        ("http://localhost:{port}/", [], "may not be dialled: not public"),
        ("http://[::ffff:127.0.0.1]:{port}/", [], "address forbidden: 127.0.0.1 may not be dialled: not public"),
        ("http://169.254.169.254/latest/", [], "address forbidden: 169.254.169.254 may not be dialled: metadata"),
        ("http://169.254.169.254/", ["0.0.0.0/0"], "address forbidden: 169.254.169.254 may not be dialled: metadata"),
        ("http://10.0.0.1/", ["127.0.0.0/8"], "address forbidden: 10.0.0.1 may not be dialled: not public"),
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
def test_guard_refuses_what_the_channel_does_not_allow(
    make_channel: MakeChannel, hook: HttpReceiver, kind: str, url: str, allowed: list[str], why: str
) -> None:
    channel = make_channel(kind, url.format(port=hook.port), allowed_cidrs=allowed)
    happen("a")
    tasks.notices()
    channel.refresh_from_db()
    assert why in channel.last_error
    assert (hook.posts, states()) == ([], ["pending"])


def test_webhook_of_a_private_authority_is_trusted_where_the_channel_says_so(
    make_channel: MakeChannel, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    with started(HttpReceiver(tls=tls)) as hook:
        channel = make_channel(url=hook.url)
        happen("a")
        tasks.notices()
        channel.refresh_from_db()
        assert channel.last_error.startswith("tls untrusted")
        channel.ca_pem = authority.cert_pem.bytes().decode()
        channels.save(channel)
        tasks.notices()
        assert titles(hook) == ["Tag a moved."]


def test_redirect_is_not_followed(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    channel = make_channel(url=hook.url)
    hook.status, hook.headers = 302, {"Location": "http://127.0.0.1:1/"}
    happen("a")
    tasks.notices()
    channel.refresh_from_db()
    assert channel.last_error == "HTTP 302: redirects are not followed"


def test_receiver_that_asks_for_a_pause_gets_it(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    channel = make_channel(url=hook.url)
    hook.status, hook.headers = 429, {"Retry-After": "600"}
    happen("a")
    tasks.notices()
    channel.refresh_from_db()
    assert channel.quiet_until
    assert timedelta(seconds=590) < channel.quiet_until - timezone.now() <= timedelta(seconds=600)


def test_message_that_is_refused_does_not_hold_up_the_next(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    make_channel(url=hook.url)
    hook.status, hook.answer = 422, b"no such field"
    happen("a")
    tasks.notices()
    assert Notice.objects.get().last_error == "HTTP 422: no such field"
    hook.status = 200
    happen("b")
    tasks.notices()
    assert titles(hook) == ["Tag a moved.", "Tag b moved."]
    assert states() == ["pending", "sent"]


def test_error_repeats_nothing_of_the_url(
    make_channel: MakeChannel, hook: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    channel = make_channel(url=f"{hook.url}/T0KEN-to-look-for?key=S3CRET-to-look-for", signing_key=KEY)
    hook.status, hook.answer = 404, b"no hook at /hook/T0KEN-to-look-for?key=S3CRET-to-look-for"
    happen("a")
    tasks.notices()
    channel.refresh_from_db()
    told = f"{channel.last_error} {Notice.objects.get().last_error} {channel.address} {caplog.text}"
    assert "HTTP 404" in told
    for secret in ("T0KEN-to-look-for", "S3CRET-to-look-for", KEY):
        assert secret not in told


def test_test_of_a_channel_reaches_it_at_once(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    channel = make_channel(url=hook.url, rule={"topics": ["expiry"]})
    notice = notices.test(channel, now=timezone.now())
    tasks.notices()
    notice.refresh_from_db()
    assert (notice.state, hook.posts[0].json["topic"]) == ("sent", "test")


def test_lease_is_longer_than_a_run() -> None:
    assert HAND_OUT_SECONDS < RUN_SECONDS < settings.CELERY_TASK_SOFT_TIME_LIMIT < LEASE.total_seconds()


def test_run_leaves_time_for_a_piece_of_the_other_work() -> None:
    """Whoever is alone does both, one after the other."""
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT - RUN_SECONDS - WORK_SECONDS > 15


def test_what_was_ordered_during_a_roll_up_is_sent_at_its_end(
    make_channel: MakeChannel, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order finds another at work and is dropped; and beat's next one may find another roll-up."""
    make_channel(url=hook.url)

    def sum_up() -> bool:
        happen("a")
        return True

    monkeypatch.setattr(control, "sum_up", sum_up)
    tasks.rollup()
    assert titles(hook) == ["Tag a moved."]


def test_roll_up_gets_its_turn_though_there_is_always_something_to_send(
    make_channel: MakeChannel, hook: HttpReceiver
) -> None:
    make_channel(url=hook.url)
    begun = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    RollUpProgress.objects.create(unit="hour", starts_at=begun, finished_at=begun)
    tasks.notices()
    assert RollUpProgress.objects.count() == 1
    happen("a")
    tasks.notices()
    assert titles(hook) == ["Tag a moved."]
    assert RollUpProgress.objects.filter(finished_at__gt=begun).exists()
