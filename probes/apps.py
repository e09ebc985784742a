"""The domain as a Django app. Its label, `probes`, is the prefix of every table."""

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils import timezone

from probes.actions.acting import watch_connection


class ProbesConfig(AppConfig):
    name = "probes"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Probes"

    def ready(self) -> None:
        from probes.models.timestamps import read_timestamps  # noqa: PLC0415 - models exist only once apps are ready

        post_migrate.connect(_make_partitions, sender=self)
        connection_created.connect(watch_connection)
        connection_created.connect(read_timestamps)


def _make_partitions(*, using: str, plan: Any = (), **_: Any) -> None:
    """Leave a database that can take outcomes of today, whatever else runs or does not."""
    from probes.actions.partitions import ensure_partitions  # noqa: PLC0415 - models exist only once apps are ready

    backwards = any(is_backwards for _migration, is_backwards in plan)
    if using == DEFAULT_DB_ALIAS and not backwards:
        ensure_partitions(timezone.now().date())
