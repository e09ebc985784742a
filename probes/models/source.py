"""Who manages a row: a repository of configuration, a cluster that is looked through, or somebody by hand."""

from typing import ClassVar

from django.db import models

from probes.models.audited import audited
from probes.models.named import Named


@audited(told=("slug", "name", "notes"))
class Source(Named):
    """A place from which rows are made and changed by a program, such as a directory of files or a cluster.

    What it manages names it as `managed_by`; what nobody manages is changed by hand. A row has no states. When it is
    deleted, what it managed stays, is nobody's, and is stale no more: nobody lists it or does not.
    """

    name = models.CharField(max_length=100)
    notes = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [*Named.Meta.constraints]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name


class Managed(models.Model):
    """A row that a source may manage."""

    managed_by = models.ForeignKey(
        Source,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        db_index=False,
        help_text="Which source makes and changes this. None: it is changed by hand.",
    )

    class Meta:
        abstract = True
