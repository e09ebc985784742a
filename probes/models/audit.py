"""The audit log: who changed what of the configuration, when and from where."""

from typing import ClassVar, Final

import pgtrigger
from django.db import models

from probes.models.audited import FirmTrigger
from probes.policy.audit import ActorKind, AuditAction, Via

_REFUSED: Final = "RAISE EXCEPTION 'The audit log is only added to.' USING ERRCODE = 'insufficient_privilege';"


class AuditEntry(models.Model):
    """One change of one row of the configuration, written by its table's trigger in the very transaction (ADR 42).

    A row has no states: it is never changed and never deleted, by whomever; triggers of its own see to that. It has
    no foreign keys, so it outlives what it is about: all is named as it was called then. What changed together has
    one `txid`.

    `changes` has for each field that changed `[before, after]`: of what was created or deleted, of all fields that
    say something. Rows that it speaks of are named; what is secret is `"***"`, and null where there was nothing.

    `actor` is who did it: the user name of a person, or of whose token it was; the account that ran a command; a
    task's name; of SQL by hand, the database's user and program. `path` is what of ours it went through: a request's
    path, a command's name.
    """

    at = models.DateTimeField()
    txid = models.BigIntegerField("transaction")
    actor_kind = models.CharField(
        "kind of actor", max_length=8, choices=[(item.value, item.value) for item in ActorKind]
    )
    actor = models.CharField(max_length=200)
    user_id = models.BigIntegerField(null=True)
    token_id = models.BigIntegerField(null=True)
    token_name = models.CharField("token", max_length=100, blank=True)
    address = models.CharField(max_length=45, blank=True, help_text="The client's, of a request.")
    via = models.CharField(max_length=8, choices=[(item.value, item.value) for item in Via])
    request_id = models.CharField("request", max_length=64, blank=True)
    path = models.CharField(max_length=300, blank=True)
    model = models.CharField(max_length=100)
    object_pk = models.CharField("key", max_length=100)
    object_name = models.CharField("object", max_length=300)
    action = models.CharField(max_length=8, choices=[(item.value, item.value) for item in AuditAction])
    changes = models.JSONField()

    class Meta:
        verbose_name_plural = "audit entries"
        ordering: ClassVar = ["-at", "-id"]
        default_permissions = ("view",)
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="audit_entry_age"),
            models.Index(fields=["model", "object_pk", "-at", "-id"], name="audit_entry_of_object"),
            models.Index(fields=["object_name", "-at", "-id"], name="audit_entry_of_name"),
            models.Index(fields=["model", "-at", "-id"], name="audit_entry_of_model"),
            models.Index(fields=["actor", "-at", "-id"], name="audit_entry_of_actor"),
            models.Index(fields=["via", "-at", "-id"], name="audit_entry_by_way"),
            models.Index(fields=["request_id"], condition=~models.Q(request_id=""), name="audit_entry_of_request"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    actor_kind__in=[item.value for item in ActorKind],
                    via__in=[item.value for item in Via],
                    action__in=[item.value for item in AuditAction],
                ),
                name="audit_entry_words_are_known",
            ),
        ]
        triggers: ClassVar = [
            FirmTrigger(
                name="append_only",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=_REFUSED,
            ),
            # By itself, so that tests can do without it: they empty all tables.
            FirmTrigger(
                name="never_emptied",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func=_REFUSED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.model} {self.object_name}"
