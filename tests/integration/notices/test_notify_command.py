"""`manage.py notify`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.fakes.receivers import HttpReceiver
from tests.integration.notices.conftest import MakeChannel

pytestmark = pytest.mark.django_db(transaction=True)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("notify", *arguments, stdout=out)
    return out.getvalue().strip()


def test_test_is_sent_at_once_and_says_what_came_of_it(make_channel: MakeChannel, hook: HttpReceiver) -> None:
    make_channel(name="hook", url=hook.url)
    assert said("test", "hook") == "delivered"
    assert hook.posts[0].json["topic"] == "test"
    hook.status = 404
    with pytest.raises(CommandError, match="not delivered: HTTP 404: ok"):
        said("test", "hook")
    assert said("list") == f"hook  webhook  http://127.0.0.1:{hook.port}  failing: HTTP 404: ok"


def test_unknown_channel_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="there is no channel 'nobody'"):
        said("test", "nobody")
