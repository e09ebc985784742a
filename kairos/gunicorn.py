"""What gunicorn is told beside its arguments: `--config python:kairos.gunicorn`."""

import os

import django


def on_starting(_server: object) -> None:
    """Look before the first worker is started: one that fails later would be started again and again."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kairos.settings")
    django.setup()
    from kairos.start import ensure_services  # noqa: PLC0415 - it reads the settings

    ensure_services()
