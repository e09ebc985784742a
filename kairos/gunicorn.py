"""What gunicorn is told beside its arguments: `--config python:kairos.gunicorn`."""

import os
from typing import Final

import django

# The worker with threads, which also keeps streams of events without a thread for each (ADR 47).
worker_class: Final = "kairos.streaming.Worker"


def on_starting(_server: object) -> None:
    """Look before the first worker is started: one that fails later would be started again and again."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kairos.settings")
    django.setup()
    from kairos.start import ensure_services  # noqa: PLC0415 - it reads the settings

    ensure_services()
