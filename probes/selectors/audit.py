"""The audit log, newest first. Each question is one query, of as many rows as are sliced from it."""

from django.db.models import QuerySet

from probes.models import AuditEntry


def entries() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.order_by("-at", "-id")


def history(model: str, key: str) -> QuerySet[AuditEntry]:
    """Entries of one row, by the label of its model and its key, which no other row gets after it."""
    return entries().filter(model=model, object_pk=key)
