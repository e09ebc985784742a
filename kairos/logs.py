"""How log lines look, and which are left out."""

import json
import logging
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines that collect logs (`KAIROS_LOG_FORMAT=json`).

    Fields: `at` (RFC 3339, UTC), `level`, `logger`, `message`, and `exception` where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def is_not_about_readiness(record: logging.LogRecord) -> bool:
    """Drop the line that Django writes for each "not ready": whoever asks has the answer, and asks often."""
    return getattr(getattr(record, "request", None), "path", None) != "/readyz"
