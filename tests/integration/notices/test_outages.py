"""Outages and restarts, of a webhook and of a mail server alike: none is lost, and none comes twice unknown.

Things happen an hour ago by the control plane's clock, so that nothing is held any more when it is delivered.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from probes import tasks
from probes.models import Notice
from tests.fakes.receivers import HttpReceiver, MailReceiver, started
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import happen, states, try_at_once

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, slots=True)
class Copy:
    """A notice as it came: `id` is what its receiver knows a second copy by."""

    id: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class FarEnd:
    """Who is told by a channel of a kind."""

    kind: str
    receiver: HttpReceiver | MailReceiver

    @property
    def copies(self) -> list[Copy]:
        """What came, in order."""
        if isinstance(self.receiver, HttpReceiver):
            return [Copy(it.json["id"], it.json["key"], it.json["title"]) for it in self.receiver.posts]
        return [
            Copy(it["Message-ID"], it["X-Kairos-Key"], it["Subject"].removeprefix("[info] "))
            for it in self.receiver.mails
        ]


@pytest.fixture(params=["webhook", "email"])
def far_end(request: pytest.FixtureRequest) -> Iterator[FarEnd]:
    receiver = HttpReceiver() if request.param == "webhook" else MailReceiver()
    with started(receiver):
        yield FarEnd(request.param, receiver)


def test_no_event_is_lost_or_doubled_over_many_outages(make_channel: MakeChannel, far_end: FarEnd) -> None:
    make_channel(far_end.kind, far_end.receiver.url)
    for number in range(30):
        if number % 5 == 0:
            far_end.receiver.stop()
        elif number % 5 == 2:
            far_end.receiver.start()
        happen(f"{number:02}")
        if number % 3 == 0:
            try_at_once()
        if number % 5 != 3:  # so that some go out by twos
            tasks.notices()
    try_at_once()
    tasks.notices()
    assert [copy.title for copy in far_end.copies] == [f"Tag {number:02} moved." for number in range(30)]
    assert len({copy.id for copy in far_end.copies}) == 30
    assert set(states()) == {"sent"}


def test_process_that_is_killed_between_sending_and_noting_loses_nothing(
    make_channel: MakeChannel, far_end: FarEnd, postgres_url: str
) -> None:
    make_channel(far_end.kind, far_end.receiver.url)
    happen("a", "b")
    base = postgres_url.rpartition("/")[0]
    environment = os.environ | {
        "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
        "KAIROS_FERNET_KEYS_FILE": str(settings.KAIROS_FERNET_KEYS_FILE),
    }
    killed = subprocess.run([sys.executable, "-m", "tests.fakes.killed_delivery"], env=environment, check=False)
    assert killed.returncode == -9
    tasks.notices()
    assert list(Notice.objects.values_list("attempts", "state")) == [(1, "pending")] * 2  # not before its lease ends
    Notice.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    tasks.notices()
    assert states() == ["sent", "sent"]
    came = Counter((copy.key, copy.id) for copy in far_end.copies)
    assert sorted(key for key, _ in came) == ["event/a", "event/b"]
    assert max(came.values()) == 2  # the first for certain; the second may have been on its way
