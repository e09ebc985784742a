"""Maintenance windows, what a timeline is laid out of, and roll-ups partitioned by month (ADR 27)."""

import django.contrib.postgres.fields
import django.db.models.deletion
import probes.models.validation
from django.db import migrations, models

COLUMNS = """
    resource_id bigint NOT NULL,
    region_id bigint NOT NULL,
    starts_at timestamptz NOT NULL,
    outcomes_available integer,
    outcomes_unavailable integer,
    outcomes_degraded integer,
    outcomes_indeterminate integer,
    outcomes_config_error integer,
    without_egress integer,
    seconds_available integer,
    seconds_degraded integer,
    seconds_unavailable integer,
    seconds_unknown integer,
    seconds_maintenance integer,
    seconds_paused integer,
    latency integer[],
    PRIMARY KEY (resource_id, region_id, starts_at)
"""
CREATE = f"""
CREATE TABLE probes_hourrollup ({COLUMNS}) PARTITION BY RANGE (starts_at);
CREATE TABLE probes_dayrollup ({COLUMNS}) PARTITION BY RANGE (starts_at);
"""
DROP = "DROP TABLE probes_hourrollup; DROP TABLE probes_dayrollup"


class Migration(migrations.Migration):
    dependencies = [("probes", "0018_endpoint")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, DROP)],
            state_operations=[
                migrations.CreateModel(
                    name="DayRollUp",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "resource_id",
                                "region_id",
                                "starts_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("resource_id", models.BigIntegerField()),
                        ("region_id", models.BigIntegerField()),
                        ("starts_at", models.DateTimeField()),
                        ("outcomes_available", models.IntegerField(null=True)),
                        ("outcomes_unavailable", models.IntegerField(null=True)),
                        ("outcomes_degraded", models.IntegerField(null=True)),
                        ("outcomes_indeterminate", models.IntegerField(null=True)),
                        ("outcomes_config_error", models.IntegerField(null=True)),
                        ("without_egress", models.IntegerField(null=True)),
                        ("seconds_available", models.IntegerField(null=True)),
                        ("seconds_degraded", models.IntegerField(null=True)),
                        ("seconds_unavailable", models.IntegerField(null=True)),
                        ("seconds_unknown", models.IntegerField(null=True)),
                        ("seconds_maintenance", models.IntegerField(null=True)),
                        ("seconds_paused", models.IntegerField(null=True)),
                        (
                            "latency",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.IntegerField(), null=True, size=None
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="HourRollUp",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "resource_id",
                                "region_id",
                                "starts_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("resource_id", models.BigIntegerField()),
                        ("region_id", models.BigIntegerField()),
                        ("starts_at", models.DateTimeField()),
                        ("outcomes_available", models.IntegerField(null=True)),
                        ("outcomes_unavailable", models.IntegerField(null=True)),
                        ("outcomes_degraded", models.IntegerField(null=True)),
                        ("outcomes_indeterminate", models.IntegerField(null=True)),
                        ("outcomes_config_error", models.IntegerField(null=True)),
                        ("without_egress", models.IntegerField(null=True)),
                        ("seconds_available", models.IntegerField(null=True)),
                        ("seconds_degraded", models.IntegerField(null=True)),
                        ("seconds_unavailable", models.IntegerField(null=True)),
                        ("seconds_unknown", models.IntegerField(null=True)),
                        ("seconds_maintenance", models.IntegerField(null=True)),
                        ("seconds_paused", models.IntegerField(null=True)),
                        (
                            "latency",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.IntegerField(), null=True, size=None
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
            ],
        ),
        migrations.AddField(
            model_name="outcome",
            name="latency",
            field=models.BinaryField(
                help_text="Which bucket each duration fell into (`policy.latency.packed`); null where that was not kept.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("starts_on", models.DateField(help_text="By the clock of the time zone below.")),
                ("starts_at", models.TimeField()),
                (
                    "zone",
                    models.CharField(
                        default="UTC",
                        help_text="Europe/Berlin, say.",
                        max_length=60,
                        validators=[probes.models.validation.time_zone],
                        verbose_name="time zone",
                    ),
                ),
                (
                    "duration_minutes",
                    models.PositiveIntegerField(help_text="Whole days of it are days of the calendar."),
                ),
                (
                    "rule",
                    models.CharField(
                        blank=True,
                        help_text="When it happens again, as in RFC 5545: FREQ=WEEKLY;BYDAY=SU, or FREQ=MONTHLY;BYDAY=2TU. Empty is once. The time of day is that above.",
                        max_length=300,
                    ),
                ),
                (
                    "is_of_everything",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="No resource, group or registry was chosen: regions alone decide.",
                    ),
                ),
                (
                    "is_from_everywhere",
                    models.BooleanField(default=True, editable=False, help_text="No region was chosen."),
                ),
                ("planned_until", models.DateTimeField(editable=False, null=True)),
                (
                    "regions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Only as seen from there. None chosen means from everywhere.",
                        related_name="maintenance_windows",
                        to="probes.region",
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(blank=True, related_name="maintenance_windows", to="probes.resourcegroup"),
                ),
                (
                    "registries",
                    models.ManyToManyField(blank=True, related_name="maintenance_windows", to="probes.registry"),
                ),
                (
                    "resources",
                    models.ManyToManyField(blank=True, related_name="maintenance_windows", to="probes.resource"),
                ),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="MaintenanceOccurrence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "resource_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "group_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "registry_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "region_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "window",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="occurrences",
                        to="probes.maintenancewindow",
                    ),
                ),
            ],
            options={
                "ordering": ["starts_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Pause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resource",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pauses",
                        to="probes.resource",
                    ),
                ),
            ],
            options={
                "ordering": ["starts_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="RollUpProgress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("unit", models.CharField(choices=[("hour", "Hour"), ("day", "Day")], max_length=4)),
                ("starts_at", models.DateTimeField()),
                ("resource_id", models.BigIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at", None)), fields=["starts_at"], name="rollup_progress_open"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("unit", "starts_at"), name="rollup_progress_is_one_per_unit"),
                    models.CheckConstraint(
                        condition=models.Q(("unit__in", ["hour", "day"])), name="rollup_progress_unit_is_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LateOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                (
                    "resource",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="probes.resource",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("resource", "starts_at"), name="late_outcome_is_noted_once")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration_minutes__range", (1, 132480))), name="maintenance_duration_in_range"
            ),
        ),
        migrations.AddIndex(
            model_name="maintenanceoccurrence",
            index=models.Index(fields=["ends_at", "starts_at"], name="occurrence_times"),
        ),
        migrations.AddConstraint(
            model_name="maintenanceoccurrence",
            constraint=models.UniqueConstraint(fields=("window", "starts_at"), name="occurrence_is_one_per_start"),
        ),
        migrations.AddConstraint(
            model_name="maintenanceoccurrence",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="occurrence_ends_after_it_starts"
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenanceoccurrence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("group_ids", []), ("region_ids", []), ("registry_ids", []), ("resource_ids", []), _negated=True
                ),
                name="occurrence_concerns_something",
            ),
        ),
        migrations.AddIndex(
            model_name="pause",
            index=models.Index(fields=["resource", "starts_at"], name="pause_of_resource"),
        ),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ends_at", None)),
                fields=("resource",),
                name="pause_is_one_at_a_time_per_resource",
            ),
        ),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at", None), ("ends_at__gte", models.F("starts_at")), _connector="OR"),
                name="pause_ends_after_it_starts",
            ),
        ),
    ]
