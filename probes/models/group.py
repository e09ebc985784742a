"""Resources that belong together: of one team, of one service."""

from typing import ClassVar

from django.db import models

from probes.models.audited import audited
from probes.models.named import Named
from probes.models.terms import TERM_FIELDS, TermFields


@audited(told=("slug", "name", "notes", *TERM_FIELDS))
class ResourceGroup(Named, TermFields):
    """A name for resources that belong together, and the terms of those that have none of their own."""

    name = models.CharField(max_length=100, unique=True)
    notes = models.TextField(blank=True)

    class Meta(TermFields.Meta):
        verbose_name = "group"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [*Named.Meta.constraints, *TermFields.Meta.constraints]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name
