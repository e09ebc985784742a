"""Stable names: each row that people configure gets one of its name or reference (ADR 35).

The column comes empty, with a default for what a process of the version before stores meanwhile. Rows are named in
batches, each of its own transaction, so that nobody waits long; killed half-way, it goes on where it was. Then a name is
demanded, of each table by itself.
"""

import re
import unicodedata

from django.contrib.postgres.functions import RandomUUID
from django.core.validators import RegexValidator
from django.db import migrations, models
from django.db.models.functions import Cast

AT_ONCE = 2000
LONGEST = 100
PATTERN = r"\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\Z"
ROOM = 14

CREDENTIAL = """
    coalesce(nullif(label, ''), concat_ws(' from ',
        concat_ws('/', (SELECT host FROM probes_registry WHERE id = registry_id), nullif(repository_prefix, '')),
        (SELECT slug FROM probes_region WHERE id = region_id)))
"""
RULE = """
    (SELECT slug FROM probes_channel WHERE id = channel_id) || ' '
        || coalesce(nullif(array_to_string(topics, ' '), ''), 'everything')
"""
RESOURCE = "coalesce(nullif(name, ''), CASE kind WHEN 'http' THEN split_part(reference, '?', 1) ELSE reference END)"
NAMED_AFTER = {
    "resourcegroup": ("group", "name"),
    "credential": ("credential", CREDENTIAL),
    "resource": ("resource", RESOURCE),
    "channel": ("channel", "name"),
    "rule": ("rule", RULE),  # after the channels, of which it has a part of its name
    "maintenancewindow": ("maintenance-window", "name"),
}

ADD = """
ALTER TABLE probes_{0} ADD COLUMN IF NOT EXISTS slug varchar({1}) COLLATE "C";
ALTER TABLE probes_{0} ALTER COLUMN slug SET DEFAULT (gen_random_uuid())::varchar;
"""
# Each table by itself, and waiting for nobody else meanwhile: others read one of them and write to another.
DEMAND = """
ALTER TABLE probes_{0} ALTER COLUMN slug SET NOT NULL,
    DROP CONSTRAINT IF EXISTS {0}_slug_is_unique, ADD CONSTRAINT {0}_slug_is_unique UNIQUE (slug),
    DROP CONSTRAINT IF EXISTS {0}_slug_is_stable, ADD CONSTRAINT {0}_slug_is_stable CHECK (slug ~ '{1}')
"""
FREE = """
ALTER TABLE probes_{0} ALTER COLUMN slug DROP NOT NULL,
    DROP CONSTRAINT {0}_slug_is_unique, DROP CONSTRAINT {0}_slug_is_stable
"""
NAME = """
UPDATE probes_{0} AS named SET slug = made.slug
FROM unnest(%s::bigint[], %s::varchar[]) AS made (id, slug) WHERE named.id = made.id AND named.slug IS NULL
"""
UNNAMED = "SELECT id, {1} FROM probes_{0} WHERE slug IS NULL AND id > %s ORDER BY id LIMIT %s"
TAKEN = "SELECT slug FROM probes_{0} WHERE slug IS NOT NULL"


def stable_name(text, otherwise):
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9._-]+", "-", plain).strip("._-")[: LONGEST - ROOM].rstrip("._-") or otherwise


def free_name(name, taken, next_of):
    """Return the first free one of `name`, `name-2`, `name-3`, …"""
    free = name
    while free in taken:
        next_of[name] = next_of.get(name, 1) + 1
        free = f"{name}-{next_of[name]}"
    taken.add(free)
    return free


def name_all(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table, (kind, text) in NAMED_AFTER.items():
            cursor.execute(TAKEN.format(table))
            taken, next_of, last = {slug for (slug,) in cursor.fetchall()}, {}, 0
            while True:
                cursor.execute(UNNAMED.format(table, text), [last, AT_ONCE])
                found = cursor.fetchall()
                if not found:
                    break
                made = [free_name(stable_name(text or "", kind), taken, next_of) for _, text in found]
                cursor.execute(NAME.format(table), [[pk for pk, _ in found], made])
                last = found[-1][0]


def slug():
    return models.CharField(
        "stable name",
        max_length=LONGEST,
        blank=True,
        default="",
        db_default=Cast(RandomUUID(), models.CharField()),
        db_collation="C",
        validators=[
            RegexValidator(
                PATTERN, "Small letters and digits, with dots, dashes and underscores between them.", code="slug"
            )
        ],
        error_messages={"unique": "This stable name is taken."},
        help_text="By what programs and files know it. Made once where it is left empty, and kept.",
    )


def constraints(table):
    return (
        models.UniqueConstraint(fields=["slug"], name=f"{table}_slug_is_unique"),
        models.CheckConstraint(condition=models.Q(slug__regex=PATTERN), name=f"{table}_slug_is_stable"),
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("probes", "0031_queues_empty")]

    operations = [
        *(
            migrations.RunSQL(
                ADD.format(table, LONGEST),
                f"ALTER TABLE probes_{table} DROP COLUMN slug",
                state_operations=[migrations.AddField(table, "slug", slug())],
            )
            for table in NAMED_AFTER
        ),
        migrations.RunPython(name_all, migrations.RunPython.noop),
        *(
            migrations.RunSQL(
                DEMAND.format(table, PATTERN),
                FREE.format(table),
                state_operations=[migrations.AddConstraint(table, constraint) for constraint in constraints(table)],
            )
            for table in NAMED_AFTER
        ),
    ]
