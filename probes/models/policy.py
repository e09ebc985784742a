"""Terms with a name, which resources and groups may share."""

from typing import ClassVar

from django.db import models

from probes.models.audited import audited
from probes.models.named import Named
from probes.models.source import Managed
from probes.models.terms import TERM_FIELDS, TermFields


@audited(told=("slug", "name", "notes", "managed_by", *TERM_FIELDS))
class Policy(Named, Managed, TermFields):
    """The terms of what takes this policy: beneath a resource's own, and beneath a group's (ADR 36).

    A row has no states. While something takes it, it cannot be deleted.
    """

    name = models.CharField(max_length=100, unique=True)
    notes = models.TextField(blank=True)

    class Meta(TermFields.Meta):
        verbose_name_plural = "policies"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [*Named.Meta.constraints, *TermFields.Meta.constraints]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name
