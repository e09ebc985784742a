"""Sums of what belongs to a registry or a group, partitioned by month (ADR 40)."""

import django.contrib.postgres.fields
from django.db import migrations, models

COLUMNS = """
    owner_kind varchar(8) NOT NULL,
    owner_id bigint NOT NULL,
    region_id bigint NOT NULL,
    starts_at timestamptz NOT NULL,
    resources bigint NOT NULL,
    outcomes_available bigint,
    outcomes_unavailable bigint,
    outcomes_degraded bigint,
    outcomes_indeterminate bigint,
    outcomes_config_error bigint,
    without_egress bigint,
    seconds_available bigint,
    seconds_degraded bigint,
    seconds_unavailable bigint,
    seconds_unknown bigint,
    seconds_maintenance bigint,
    seconds_paused bigint,
    latency bigint[],
    PRIMARY KEY (owner_kind, owner_id, region_id, starts_at)
"""
KNOWN = "CHECK (owner_kind IN ('registry', 'group'))"
CREATE = f"""
CREATE TABLE probes_hoursum ({COLUMNS}, CONSTRAINT hour_sum_owner_is_known {KNOWN}) PARTITION BY RANGE (starts_at);
CREATE TABLE probes_daysum ({COLUMNS}, CONSTRAINT day_sum_owner_is_known {KNOWN}) PARTITION BY RANGE (starts_at);
"""
DROP = "DROP TABLE probes_hoursum; DROP TABLE probes_daysum"
SUMS = (
    *("outcomes_available", "outcomes_unavailable", "outcomes_degraded", "outcomes_indeterminate"),
    *("outcomes_config_error", "without_egress", "seconds_available", "seconds_degraded", "seconds_unavailable"),
    *("seconds_unknown", "seconds_maintenance", "seconds_paused"),
)


def _model(name: str, constraint: str) -> migrations.CreateModel:
    keys = ("owner_kind", "owner_id", "region_id", "starts_at")
    key = models.CompositePrimaryKey(*keys, blank=True, editable=False, primary_key=True, serialize=False)
    return migrations.CreateModel(
        name=name,
        fields=[
            ("pk", key),
            (
                "owner_kind",
                models.CharField(choices=[("registry", "Registry"), ("group", "Group")], max_length=8),
            ),
            ("owner_id", models.BigIntegerField()),
            ("region_id", models.BigIntegerField()),
            ("starts_at", models.DateTimeField()),
            ("resources", models.BigIntegerField()),
            *((column, models.BigIntegerField(null=True)) for column in SUMS),
            (
                "latency",
                django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None),
            ),
        ],
        options={
            "constraints": [
                models.CheckConstraint(condition=models.Q(owner_kind__in=["registry", "group"]), name=constraint)
            ],
        },
    )


class Migration(migrations.Migration):
    dependencies = [("probes", "0032_names")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, DROP)],
            state_operations=[
                _model("HourSum", "hour_sum_owner_is_known"),
                _model("DaySum", "day_sum_owner_is_known"),
            ],
        ),
        migrations.AddField("hourrollup", "registry_id", models.BigIntegerField(null=True)),
        migrations.AddField("hourrollup", "group_id", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "regionstate",
            models.Index(
                fields=["region", "-run_since"],
                condition=models.Q(ballot__in=["impaired", "bad"]),
                name="region_state_failing_there",
            ),
        ),
    ]
