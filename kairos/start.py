"""What a program of the control plane makes sure of before it begins: that its database and its broker answer.

Later either may go away and come back, and the programs wait for it. One that is started without them ends instead,
so that whoever starts it is told what is missing, and tries again.
"""

from typing import Final

from django.conf import settings
from django.db import Error, connection

from probes.broker.ping import BrokerAway, ping

_UNSET: Final = "is not set, and no `manage.py up` runs here"


def ensure_services() -> None:
    """End this process with one line and status 1 unless everything it needs is there."""
    for mistake in settings.KAIROS_MISTAKES:
        if mistake.id.startswith("kairos.E"):
            raise SystemExit(f"{mistake.message}. {mistake.hint}")
    _ensure_database()
    _ensure_broker()


def _ensure_database() -> None:
    place = connection.settings_dict
    if not place["NAME"]:
        raise SystemExit(f"DATABASE_URL {_UNSET}")
    try:
        connection.ensure_connection()
    except Error as error:
        reason = str(error).strip().partition("\n")[0]
        where = f"{place['HOST']}:{place['PORT']}"
        raise SystemExit(f"DATABASE_URL: PostgreSQL does not answer at {where}: {reason}") from None
    finally:
        connection.close()  # a process that is forked off must not inherit it


def _ensure_broker() -> None:
    if not settings.BROKER_URL:
        raise SystemExit(f"BROKER_URL {_UNSET}")
    try:
        ping(settings.KAIROS_BROKER)
    except BrokerAway as error:
        raise SystemExit(f"BROKER_URL: {error}") from None
