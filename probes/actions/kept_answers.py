"""Doing once what is asked for several times under one key (ADR 34)."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db import connection

from probes.models import KeptAnswer

KEPT_FOR: Final = timedelta(hours=24)
LARGEST_ANSWER: Final = 4 * 1024 * 1024
"""Bytes, before they are compressed. What would be larger is not done."""
_SIGNED_64_BITS: Final = 8


class InProgress(Exception):
    """Somebody else is just doing what was asked for under this key."""


class AnotherRequest(Exception):
    """The key was used for something else."""


class AnswerTooLarge(ValueError):
    """An answer that is too large to be kept."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def claim(holder: str, key: str, fingerprint: str, *, now: datetime) -> Answer | None:
    """Take a key until the transaction ends; return what was answered under it before, if anything was.

    Raises `InProgress` while another transaction has it, and `AnotherRequest` where it was used for something else.
    """
    lock = int.from_bytes(sha256(f"{holder}/{key}".encode()).digest()[:_SIGNED_64_BITS], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        if not cursor.fetchone()[0]:
            raise InProgress
    kept = KeptAnswer.objects.filter(holder=holder, key=key).first()
    if kept is None:
        return None
    if kept.kept_at <= now - KEPT_FOR:
        kept.delete()
        return None
    if kept.fingerprint != fingerprint:
        raise AnotherRequest
    return Answer(status=kept.status, headers=kept.headers, body=zlib.decompress(bytes(kept.body)))


def keep(holder: str, key: str, fingerprint: str, answer: Answer, *, now: datetime) -> None:
    """Store an answer, in the transaction that claimed its key. Raises `AnswerTooLarge`."""
    if len(answer.body) > LARGEST_ANSWER:
        raise AnswerTooLarge(f"The answer would be larger than {LARGEST_ANSWER} bytes.")
    KeptAnswer.objects.create(
        holder=holder,
        key=key,
        fingerprint=fingerprint,
        status=answer.status,
        headers=dict(answer.headers),
        body=zlib.compress(answer.body),
        kept_at=now,
    )


def drop(holder: str, key: str) -> None:
    """Forget what was answered under a key: what it tells of has not come about."""
    KeptAnswer.objects.filter(holder=holder, key=key).delete()
