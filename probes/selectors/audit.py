"""The audit log, newest first. Each question is one query, of as many rows as are sliced from it."""

from typing import Any

from django.db.models import QuerySet

from probes.models import AuditEntry


def entries() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.order_by("-at", "-id")


def history(row: Any) -> QuerySet[AuditEntry]:
    """Entries of one row of the configuration, of what it was under the same key: keys are not used again."""
    return entries().filter(model=row._meta.label_lower, object_pk=str(row.pk))  # noqa: SLF001 - Django's documented API
