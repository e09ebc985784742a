"""What a program of the control plane makes sure of before it begins: that its database and its broker answer.

Later either may go away and come back, and the programs wait for it. One that is started without them ends instead,
so that whoever starts it is told what is missing, and tries again. What runs once, before all others, may wait:
nobody would start it again.
"""

import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import Error, connection

from probes.broker.ping import BrokerAway, ping

_UNSET: Final = "is not set, and no `manage.py up` runs here"
_RETRY_SECONDS: Final = 2.0


class ServiceAway(SystemExit):
    """A service that the settings name does not answer. Its code is one line that says which, where and why."""


def ensure_services() -> None:
    """End this process with one line and status 1 unless everything it needs is there."""
    for mistake in settings.KAIROS_MISTAKES:
        if mistake.id.startswith("kairos.E"):
            raise SystemExit(f"{mistake.message}. {mistake.hint}")
    _ensure_database()
    _ensure_broker()


def await_services(
    *, with_broker: bool, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait for as long as it takes until the database answers, and the broker too if it is needed.

    `say` is told in one line what is waited for, and again when the reason changes. Ends this process as
    `ensure_services` does where the settings name none.
    """
    for ensure in (_ensure_database, _ensure_broker) if with_broker else (_ensure_database,):
        said = ""
        while True:
            try:
                ensure()
            except ServiceAway as away:
                if (reason := str(away)) != said:
                    say(f"Waiting: {reason}")
                said = reason
                sleep(_RETRY_SECONDS)
            else:
                break


def _ensure_database() -> None:
    place = connection.settings_dict
    if not place["NAME"]:
        raise SystemExit(f"DATABASE_URL {_UNSET}")
    try:
        connection.ensure_connection()
    except Error as error:
        reason = str(error).strip().partition("\n")[0]
        where = f"{place['HOST']}:{place['PORT']}"
        raise ServiceAway(f"DATABASE_URL: PostgreSQL does not answer at {where}: {reason}") from None
    finally:
        connection.close()  # a process that is forked off must not inherit it


def _ensure_broker() -> None:
    if not settings.BROKER_URL:
        raise SystemExit(f"BROKER_URL {_UNSET}")
    try:
        ping(settings.KAIROS_BROKER)
    except BrokerAway as error:
        raise ServiceAway(f"BROKER_URL: {error}") from None
