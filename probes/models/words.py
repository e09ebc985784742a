"""What resources are found by."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from probes.models.resource import Resource


class ResourceWords(models.Model):
    """The words of a resource's name, stable name and reference; of a URL, without its query.

    Written by the database whenever one of these changes (migration 0041), and by nobody else. Apart from the
    resource, whose row is written with each check: this one is not.
    """

    resource = models.OneToOneField(Resource, on_delete=models.CASCADE, primary_key=True, related_name="+")
    words = SearchVectorField()

    class Meta:
        verbose_name_plural = "resource words"
        indexes: ClassVar = [GinIndex(fields=["words"], name="resource_words")]

    def __str__(self) -> str:
        return f"{self.resource_id}: {self.words}"
