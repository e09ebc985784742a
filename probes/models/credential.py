"""A registry secret, encrypted at rest and never shown again."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from probes.models import validation
from probes.models.audited import audited
from probes.models.named import Named
from probes.models.region import Region
from probes.models.registry import Registry
from probes.models.source import Managed
from probes.protocol.provider import Provider


class CredentialKind(models.TextChoices):
    """What is stored, and so what becomes of it: shown as it is, or exchanged for what is (ADR 15)."""

    PASSWORD = "password", "user name and password"
    IDENTITY_TOKEN = "identity_token", "identity token"
    BEARER = "bearer", "static bearer token"
    ECR = Provider.ECR.value, "Amazon ECR"
    GOOGLE = Provider.GOOGLE.value, "Google"
    ACR = Provider.ACR.value, "Azure"

    @property
    def is_exchanged(self) -> bool:
        return self in (self.ECR, self.GOOGLE, self.ACR)


@audited(
    told=("slug", "registry", "repository_prefix", "region", "label", "kind", "username", "expires_at", "managed_by"),
    masked=("secret_encrypted",),
    unwatched=("rotated_at",),
)
class Credential(Named, Managed):
    """A secret for a registry, optionally only for repositories under a prefix and only from one region.

    States of a row:
    - empty: `secret_encrypted` has no bytes yet; checks stay anonymous;
    - sealed: `secret_encrypted` holds Fernet text of JSON, fields of `Secret` such as `{"password": …}`, and
      `rotated_at` says since when.

    No property gives the secret: `actions.secrets` stores it, and opens it only to seal it for a region.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="credentials")
    repository_prefix = models.CharField(
        max_length=255,
        blank=True,
        validators=[validation.repository_prefix],
        help_text="Whole leading parts of a repository, such as team/project. Empty is the whole registry.",
    )
    region = models.ForeignKey(
        Region,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="credentials",
        help_text="Use it only from this region, in place of the one without a region.",
    )
    label = models.CharField(max_length=100, blank=True)
    kind = models.CharField(
        max_length=20,
        choices=CredentialKind.choices,
        default=CredentialKind.PASSWORD,
        help_text="Cloud registries exchange what is stored here for a password that lasts some hours.",
    )
    username = models.CharField(max_length=255, blank=True)
    secret_encrypted = models.BinaryField(default=b"", editable=False)
    expires_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When what is stored here ends, if that is known: you are told 30, 14, 7 and 1 days before. "
        "Read from the token itself where that is a JWT.",
    )
    rotated_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["registry", "repository_prefix", "region"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.UniqueConstraint(
                fields=["registry", "repository_prefix"],
                condition=models.Q(region=None),
                name="credential_is_one_per_place",
                violation_error_message="There is a credential for this registry and prefix already.",
            ),
            models.UniqueConstraint(
                fields=["registry", "repository_prefix", "region"],
                condition=models.Q(region__isnull=False),
                name="credential_is_one_per_place_and_region",
                violation_error_message="There is a credential for this registry, prefix and region already.",
            ),
            models.CheckConstraint(
                condition=models.Q(secret_encrypted=b"", rotated_at=None)
                | ~models.Q(secret_encrypted=b"") & models.Q(rotated_at__isnull=False),
                name="credential_secret_has_its_date",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=CredentialKind.values), name="credential_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        place = "/".join(filter(None, (self.registry.host, self.repository_prefix)))
        where = f" from {self.region.slug}" if self.region else ""
        return self.label or f"{self.username or self.get_kind_display()} at {place}{where}"

    @property
    def named_after(self) -> str:
        place = "/".join(filter(None, (self.registry.host, self.repository_prefix)))
        return self.label or " from ".join(filter(None, (place, self.region.slug if self.region else "")))

    def clean(self) -> None:
        super().clean()
        if "\0" in self.username or (self.username and ":" in self.username):
            raise ValidationError({"username": "A user name holds no colon (Basic authentication)."})

    @property
    def has_secret(self) -> bool:
        return bool(self.secret_encrypted)
