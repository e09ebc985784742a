"""Resources that belong together: of one team, of one service."""

from typing import ClassVar

from django.db import models

from probes.models.audited import audited
from probes.models.named import Named
from probes.models.policy import Policy
from probes.models.source import Managed
from probes.models.terms import TERM_FIELDS, TermFields


@audited(told=("slug", "managed_by", "name", "notes", "policy", *TERM_FIELDS))
class ResourceGroup(Named, Managed, TermFields):
    """A name for resources that belong together, and the terms of those that have none of their own."""

    name = models.CharField(max_length=100, unique=True)
    notes = models.TextField(blank=True)
    policy = models.ForeignKey(
        Policy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="groups",
        help_text="Whose terms hold where this group has none of its own.",
    )

    class Meta(TermFields.Meta):
        verbose_name = "group"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [*Named.Meta.constraints, *TermFields.Meta.constraints]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name
