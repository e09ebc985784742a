"""The words of the audit log."""

from enum import StrEnum


class ActorKind(StrEnum):
    """What kind of somebody has changed something."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    COMMAND = "command"
    SYSTEM = "system"


class Via(StrEnum):
    """The way by which a change came; the last is whatever told nothing of itself."""

    ADMIN = "admin"
    API = "api"
    PAGE = "page"
    COMMAND = "command"
    APPLY = "apply"
    TASK = "task"
    SQL = "sql"


class AuditAction(StrEnum):
    """What became of the object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
