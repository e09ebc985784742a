"""Answers that are kept for those who did not hear them."""

from typing import ClassVar

from django.db import models


class KeptAnswer(models.Model):
    """What a request under an idempotency key was answered, so that it is answered again and not done again (ADR 34).

    A row has no states: it is stored in the transaction of what was done, and dropped a day later. Nothing is kept of
    what was refused, for nothing was done. `holder` stands for whoever asked, and `fingerprint` for what was asked;
    both are SHA-256 in hex. `body` is compressed with zlib.
    """

    holder = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    kept_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["holder", "key"], name="kept_answer_is_one_per_key"),
        ]

    def __str__(self) -> str:
        return self.key
