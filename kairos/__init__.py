"""The Django project of the control plane: settings, URLs, its Celery app, and the one-machine start."""

import atexit
import gc

from kairos import loading

loading.begin()

from kairos.celery import app as celery_app  # noqa: E402 - this is where it begins

__all__ = ["celery_app"]

# When a program ends, Python looks for cycles in all there is, again and again: half a second of CPU, for nothing.
# Where all programs of a machine are stopped at once, each has four seconds to be gone.
atexit.register(gc.freeze)
