"""Roles and tokens from before there were any (ADR 37).

Whoever had a login could read everything, so each user becomes a viewer of everything; superusers need no role.
Tokens were kept in clear: what is kept of them from now on is their hash, and the table goes.
"""

import hashlib
from typing import Any, Final

from django.conf import settings
from django.db import migrations
from django.db.models import Q

_ALL: Final = ["read", "probe", "write", "admin", "metrics"]
_READING: Final = ["read", "metrics"]
_CHANGING: Final = ("change_resource", "change_incident", "change_region")
_PREFIX_CHARACTERS: Final = 12


def seed(apps: Any, editor: Any) -> None:
    users = apps.get_model(settings.AUTH_USER_MODEL)
    grants = apps.get_model("probes", "RoleGrant")
    grants.objects.bulk_create(
        grants(user_id=pk, role="viewer")
        for pk in users.objects.filter(is_superuser=False).values_list("pk", flat=True)
    )
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('authtoken_token')")
        if cursor.fetchone() == (None,):
            return
        cursor.execute("SELECT key, user_id, created FROM authtoken_token ORDER BY created, key")
        rows = cursor.fetchall()
    changing = Q(user_permissions__codename__in=_CHANGING) | Q(groups__permissions__codename__in=_CHANGING)
    writers = set(users.objects.filter(changing).values_list("pk", flat=True))
    superusers = set(users.objects.filter(is_superuser=True).values_list("pk", flat=True))
    tokens = apps.get_model("probes", "AccessToken")
    tokens.objects.bulk_create(
        tokens(
            owner_id=user_id,
            name="from before there were scopes",
            prefix=key[:_PREFIX_CHARACTERS],
            secret_hash=hashlib.sha256(key.encode()).digest(),
            scopes=_ALL if user_id in superusers | writers else _READING,
            created_at=created,
        )
        for key, user_id, created in rows
    )
    editor.execute("DROP TABLE authtoken_token")
    apps.get_model("auth", "Permission").objects.filter(content_type__app_label="authtoken").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("probes", "0034_access"),
    ]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
