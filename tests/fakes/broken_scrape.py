"""The control plane's web service, for gunicorn, where the database goes away in the midst of `/metrics`."""

import hashlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from django.db import OperationalError

from kairos.wsgi import application

__all__ = ("application",)


def lines_that_end(*_: Any) -> Iterator[str]:
    """Yield a megabyte that packs badly, and fail. No line is left half."""
    for number in range(20_000):
        yield f"kairos_something {int(hashlib.sha256(b'%d' % number).hexdigest()[:40], 16)}\n"
    raise OperationalError("the connection was closed")


patch("api.metrics.views.lines", lines_that_end).start()
