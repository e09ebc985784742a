"""The delivery of notices, killed after the first was sent and before that was noted.

Run as `python -m tests.fakes.killed_delivery` with the settings of the test that starts it.
"""

import os
import signal
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

    from probes.actions import delivery
    from probes.tasks.notices import deliver

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    delivery.note = die
    deliver()
