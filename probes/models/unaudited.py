"""Whose changes are not written down as configuration, each for a reason. `manage.py check` asks for one."""

from typing import Final

APPS: Final = {
    "admin": "Django's own notes, which say less than an audit entry does.",
    "axes": "Logins that failed, and locks that end by themselves.",
    "contenttypes": "Follow from the code.",
    "django_celery_beat": "Beat's clockwork, which follows from the code and from settings.",
    "sessions": "Come and go with logins.",
}
"""By label of the app, why none of its tables is."""

_FOUND: Final = "What was found, or reckoned from that."
_PIPELINE: Final = "Moved by the pipeline all the time."
_HISTORY: Final = "A history of its own, never changed by hand."

MODELS: Final = {
    "auth.Permission": "Follow from the code.",
    "probes.AccountCosts": _FOUND,
    "probes.AuditEntry": "It is what is written.",
    "probes.Batch": _PIPELINE,
    "probes.ControlBeat": _PIPELINE,
    "probes.Counter": _PIPELINE,
    "probes.DayRollUp": _FOUND,
    "probes.DaySum": _FOUND,
    "probes.Event": _FOUND,
    "probes.HostCertificate": _FOUND,
    "probes.HourRollUp": _FOUND,
    "probes.HourSum": _FOUND,
    "probes.Incident": _FOUND + " What people do to one is in its own timeline.",
    "probes.IncidentEntry": _HISTORY,
    "probes.KeptAnswer": "Told again to whoever was told it, for a day.",
    "probes.LateOutcome": _PIPELINE,
    "probes.MaintenanceOccurrence": "Follows from its window.",
    "probes.MessageRefusal": _PIPELINE,
    "probes.MissedSlots": _FOUND,
    "probes.Notice": _PIPELINE,
    "probes.Outcome": _FOUND,
    "probes.Pause": _HISTORY + " Its resource's `paused_at` is audited.",
    "probes.QuotaAccount": _FOUND,
    "probes.QuotaWait": _PIPELINE,
    "probes.RegionEvent": _HISTORY,
    "probes.RegionState": _FOUND,
    "probes.RequestCount": "Counts requests: each would write a row about itself.",
    "probes.ResourceCosts": _FOUND,
    "probes.ResourceWords": "Follows from its resource.",
    "probes.RollUpProgress": _PIPELINE,
    "probes.Run": "What was ordered of what is stored, and by whom: it is its own ledger.",
    "probes.RunCheck": _FOUND,
    "probes.TagWatch": _FOUND,
    "probes.Verdict": _FOUND,
    "probes.VerdictChange": _HISTORY,
}
"""By label of the model, why it is not."""
