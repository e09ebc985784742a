"""Outcomes: one table partitioned by day of slot, which Django does not make by itself (ADR 0007).

The state operations tell Django what the statements below made. Partitions are made by `actions.partitions`.
"""

import django.db.models.deletion
from django.db import migrations, models

CREATE = """
CREATE SEQUENCE probes_outcome_id_seq AS bigint;
CREATE TABLE probes_outcome (
    id bigint NOT NULL DEFAULT nextval('probes_outcome_id_seq'),
    resource_id bigint NOT NULL,
    region_id bigint NOT NULL,
    slot timestamptz NOT NULL,
    checked_at timestamptz NOT NULL,
    batch uuid NOT NULL,
    duration_ms integer NOT NULL CONSTRAINT outcome_duration_not_negative CHECK (duration_ms >= 0),
    status varchar(16) NOT NULL CONSTRAINT outcome_status_is_known CHECK (
        status IN ('available', 'unavailable', 'degraded', 'indeterminate', 'config_error')),
    reason varchar(40) NOT NULL,
    stage varchar(16),
    host varchar(260),
    confidence varchar(16) NOT NULL,
    depth varchar(8),
    digest varchar(140),
    document jsonb,
    CONSTRAINT outcome_is_one_per_slot PRIMARY KEY (resource_id, region_id, slot)
) PARTITION BY RANGE (slot);
ALTER SEQUENCE probes_outcome_id_seq OWNED BY probes_outcome.id;
-- In order of arrival, so a few bytes for each block range find a row by its surrogate.
CREATE INDEX outcome_id ON probes_outcome USING brin (id) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX outcome_slot ON probes_outcome (slot);
"""

DROP = "DROP TABLE probes_outcome"


class Migration(migrations.Migration):
    dependencies = [("probes", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, DROP)],
            state_operations=[
                migrations.CreateModel(
                    name="Outcome",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("slot", models.DateTimeField()),
                        (
                            "checked_at",
                            models.DateTimeField(help_text="When the check began, by the region's clock."),
                        ),
                        ("batch", models.UUIDField()),
                        ("duration_ms", models.IntegerField()),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("available", "available"),
                                    ("unavailable", "unavailable"),
                                    ("degraded", "degraded"),
                                    ("indeterminate", "indeterminate"),
                                    ("config_error", "config_error"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("reason", models.CharField(max_length=40)),
                        (
                            "stage",
                            models.CharField(
                                choices=[
                                    ("parse", "parse"),
                                    ("dns", "dns"),
                                    ("connect", "connect"),
                                    ("tls", "tls"),
                                    ("challenge", "challenge"),
                                    ("token", "token"),
                                    ("manifest", "manifest"),
                                    ("index", "index"),
                                    ("child", "child"),
                                    ("config", "config"),
                                    ("layer", "layer"),
                                ],
                                max_length=16,
                                null=True,
                            ),
                        ),
                        ("host", models.CharField(max_length=260, null=True)),
                        (
                            "confidence",
                            models.CharField(
                                choices=[("definite", "definite"), ("ambiguous", "ambiguous")], max_length=16
                            ),
                        ),
                        (
                            "depth",
                            models.CharField(
                                choices=[
                                    ("resolve", "resolve"),
                                    ("manifest", "manifest"),
                                    ("platform", "platform"),
                                    ("blobs", "blobs"),
                                ],
                                max_length=8,
                                null=True,
                            ),
                        ),
                        ("digest", models.CharField(max_length=140, null=True)),
                        ("document", models.JSONField(null=True)),
                        (
                            "region",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="outcomes",
                                to="probes.region",
                            ),
                        ),
                        (
                            "resource",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="outcomes",
                                to="probes.resource",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-slot", "-id"],
                    },
                ),
                migrations.AddConstraint(
                    model_name="outcome",
                    constraint=models.UniqueConstraint(
                        fields=("resource", "region", "slot"), name="outcome_is_one_per_slot"
                    ),
                ),
            ],
        ),
    ]
