"""Why a message from a queue is not acted upon: one closed set, for the counts on both sides."""

from enum import StrEnum


class RefusalCause(StrEnum):
    """What is wrong with a message. Refusals are counted by queue and cause, so the set stays small."""

    MALFORMED = "malformed"  # not what it claims to be, at any layer: broker entry, envelope or body
    OVERSIZED = "oversized"
    CONTENT_TYPE = "content_type"  # a serialisation other than JSON
    UNKNOWN_TASK = "unknown_task"
    VERSION = "version"  # an envelope or a body of a version we do not speak
    UNSIGNED = "unsigned"
    UNKNOWN_SENDER = "unknown_sender"
    BAD_SIGNATURE = "bad_signature"
    WRONG_RECIPIENT = "wrong_recipient"
    WRONG_KIND = "wrong_kind"
    REPLAYED = "replayed"  # well signed, and already acted upon
    UNSOLICITED = "unsolicited"  # well signed, and an answer to nothing that was asked
    EXPIRED = "expired"  # well signed, and too late to act upon


class Refused(Exception):
    """A message that must not be acted upon. `detail` is short and repeats only names from the message."""

    def __init__(self, cause: RefusalCause, detail: str = "") -> None:
        super().__init__(f"{cause.value}: {detail}" if detail else cause.value)
        self.cause = cause
        self.detail = detail
