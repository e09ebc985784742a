import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from probes.actions import notices
from probes.models import Channel
from probes.policy.notices import NoticeState
from probes.tasks.notices import send

WAIT_SECONDS: Final = 30.0


class Command(BaseCommand):
    help = "Try the channels by which people are told."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(title="what to do", dest="verb", metavar="VERB", required=True)
        verbs.add_parser("list", help="list the channels and how they are")
        test = verbs.add_parser("test", help="send a test notice, and say what came of it")
        test.add_argument("channel", help="the channel's name")

    def handle(self, *, verb: str, channel: str = "", **options: Any) -> None:
        if verb == "list":
            self._list()
        else:
            self._test(channel)

    def _list(self) -> None:
        for row in Channel.objects.all():
            state = "disabled" if not row.is_enabled else f"failing: {row.last_error}" if row.failures else "well"
            self.stdout.write(f"{row.name}  {row.kind}  {row.address}  {state}")

    def _test(self, name: str) -> None:
        row = Channel.objects.filter(name=name).first()
        if row is None:
            raise CommandError(f"there is no channel {name!r}: see manage.py notify list")
        notice = notices.test(row, now=timezone.now())
        end = time.monotonic() + WAIT_SECONDS
        while notice.state == NoticeState.PENDING and not notice.last_error and time.monotonic() < end:
            send()  # unless the worker does, at this moment
            notice.refresh_from_db()
            if notice.state == NoticeState.PENDING and not notice.last_error:
                time.sleep(0.5)
        if notice.state != NoticeState.SENT:
            raise CommandError(f"not delivered: {notice.last_error or 'nobody has taken it yet'}")
        self.stdout.write("delivered")
