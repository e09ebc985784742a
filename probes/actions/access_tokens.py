"""Tokens of the API: made, shown once, and revoked for good."""

import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db import connection, transaction

from probes.models import AccessToken, Region, ResourceGroup
from probes.policy import token_text
from probes.policy.access import Scope

NOTED_EVERY: Final = timedelta(minutes=1)
"""The last use of a token is written down so often at most."""

_ALPHABET: Final = string.ascii_lowercase + string.digits

_NOTE_USE: Final = """
UPDATE probes_accesstoken SET last_used_at = %(now)s WHERE id = (
    SELECT id FROM probes_accesstoken
    WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at <= %(before)s)
    FOR NO KEY UPDATE SKIP LOCKED
)
"""
_REVOKE: Final = """
WITH RECURSIVE concerned (id) AS (
    SELECT id FROM probes_accesstoken WHERE id = ANY(%(ids)s)
    UNION
    SELECT made.id FROM probes_accesstoken AS made JOIN concerned ON made.made_with_id = concerned.id
)
UPDATE probes_accesstoken SET revoked_at = %(now)s
WHERE revoked_at IS NULL AND id IN (SELECT id FROM concerned)
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; `text` is what its holder shows, and is kept nowhere."""

    token: AccessToken
    text: str = field(repr=False)


def may_own(owner: User, *, by: User | None) -> bool:
    """Tell whether somebody may make tokens of that owner: those of a superuser may what no role does."""
    return not owner.is_superuser or by is None or by.is_superuser


@transaction.atomic
def issue(
    token: AccessToken,
    *,
    groups: Collection[ResourceGroup] = (),
    regions: Collection[Region] = (),
    by: User | None,
    made_with: AccessToken | None = None,
    now: datetime,
) -> Issued:
    """Make a token of the owner, name, scopes and expiry that `token` has, limited to groups and regions if any.

    What is asked for more than `by` or `made_with` may is for the caller to refuse. Raises `ValidationError` by
    field.
    """
    token.prefix = "".join(secrets.choice(_ALPHABET) for _ in range(token_text.PREFIX_CHARACTERS))
    text = token_text.written(token.prefix, secrets.token_urlsafe(token_text.SECRET_BYTES))
    token.secret_hash = token_text.hashed(text)
    token.scopes = [scope.value for scope in Scope if scope in token.scopes]
    token.is_of_all_groups, token.is_of_all_regions = not groups, not regions
    token.created_by, token.made_with, token.created_at = by, made_with, now
    token.full_clean(exclude=["created_by", "made_with"])
    token.save(force_insert=True)
    token.groups.set(groups)
    token.regions.set(regions)
    return Issued(token, text)


def revoke(token_ids: Collection[int], *, now: datetime) -> int:
    """Revoke tokens for good, and whatever was made with them; return how many that ended."""
    with connection.cursor() as cursor:
        cursor.execute(_REVOKE, {"ids": list(token_ids), "now": now})
        return int(cursor.rowcount)


def note_use(token: AccessToken, *, now: datetime) -> None:
    """Write down that a token is used. It waits for nobody: whoever holds the row writes the same, or revokes it."""
    before = now - NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, {"id": token.pk, "now": now, "before": before})
