"""The Django project of the control plane: settings, URLs, its Celery app, and the one-machine start."""

from kairos.celery import app as celery_app

__all__ = ["celery_app"]
