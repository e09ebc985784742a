"""Rows that the machinery writes and programs read: each with the names of what it is about. One query each."""

from typing import Any

from django.db.models import Model, QuerySet

from probes.models import HostCertificate, MissedSlots, Notice


def missed_slots() -> QuerySet[MissedSlots]:
    return _naming(MissedSlots, "region__slug")


def certificates() -> QuerySet[HostCertificate]:
    return _naming(HostCertificate, "registry__host", "region__slug")


def notices() -> QuerySet[Notice]:
    return _naming(Notice, "channel__slug")


def _naming(model: type[Any], *names: str) -> QuerySet[Any]:
    """Return rows with columns of related ones, and nothing else of those."""
    own: type[Model] = model
    columns = (field.attname for field in own._meta.concrete_fields)  # noqa: SLF001 - Django's documented API
    rows: QuerySet[Any] = model.objects.select_related(*(name.partition("__")[0] for name in names))
    return rows.only(*columns, *names)
