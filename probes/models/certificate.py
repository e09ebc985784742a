"""Certificates of the hosts that checks meet on their way."""

from typing import ClassVar

from django.db import models

from probes.models.region import Region
from probes.models.registry import Registry


class HostCertificate(models.Model):
    """The certificate that a host showed to a region last, on the way to a registry.

    The host is the registry's own, its auth host, or one that it led to. `seen_at` is up to some minutes behind;
    where it is long past, nobody asks that host any more.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, db_index=False, related_name="certificates")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="certificates")
    host = models.CharField(max_length=260)
    not_after = models.DateTimeField("expires at")
    issuer = models.CharField(max_length=300, blank=True)
    first_seen_at = models.DateTimeField(help_text="This certificate, from this region.")
    seen_at = models.DateTimeField("last seen at", db_index=True)

    class Meta:
        ordering: ClassVar = ["not_after", "host", "region"]
        indexes: ClassVar = [models.Index(fields=["not_after", "host"], name="certificate_by_end")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["registry", "region", "host"], name="certificate_is_one_per_place"),
        ]

    def __str__(self) -> str:
        return f"{self.host} until {self.not_after:%Y-%m-%d %H:%M}"
