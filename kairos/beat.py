"""The scheduler of Celery beat: django-celery-beat's, which begins only with a database and a broker."""

from django_celery_beat.schedulers import DatabaseScheduler

from kairos.start import ensure_services


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped
    def setup_schedule(self) -> None:
        ensure_services()
        super().setup_schedule()
