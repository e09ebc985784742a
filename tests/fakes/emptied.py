"""The audit log, which is only added to, among tables that are emptied between tests."""

from probes.models import AuditEntry


def let_the_audit_log_be_emptied() -> None:
    """Switch off the trigger that refuses it. Whoever migrates to and fro makes that anew."""
    (guard,) = [trigger for trigger in AuditEntry._meta.triggers if trigger.name == "never_emptied"]  # type: ignore[attr-defined]  # noqa: SLF001 - pgtrigger's
    guard.disable(AuditEntry)
