"""How soon a worker tries again to reach a broker that is away.

Celery waits two seconds longer before each try, up to thirty: after an outage of minutes a region would come back
half a minute after its broker, which is two intervals of the shortest kind. It has no setting for that.
"""

import random
from typing import Any, Final

from celery.app.amqp import AMQP
from kombu import Connection

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 5.0


class EagerConnection(Connection):
    """Waits a second before its second try, a little longer before each, and five at most, give or take one.

    No two workers wait alike, so that a broker that is back is not asked by all of them at the same instant.
    """

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        jitter = random.uniform(0.8, 1.2)
        intervals = {
            "interval_start": FIRST_SECONDS * jitter,
            "interval_step": FIRST_SECONDS * jitter,
            "interval_max": LONGEST_SECONDS * jitter,
        }
        return super().ensure_connection(*arguments, **{**intervals, **options})


class EagerAMQP(AMQP):
    """For a Celery app: `Celery(…, amqp=EagerAMQP)`."""

    Connection = EagerConnection
