"""People who log in at an OpenID provider."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from probes.models.audited import audited


@audited(told=("user", "issuer", "subject"), unwatched=("made_at", "seen_at"))
class ProviderIdentity(models.Model):
    """What a provider calls a user. A row has no states: it is made with its user's first login and goes with him.

    Only these two say who somebody is: names and e-mail addresses change hands.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "provider identities"
        ordering = ["user", "issuer", "subject"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="provider_identity_is_one_users"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"
