"""Conditions of regions and their events; outcomes from a region without egress are marked; clocks are reckoned with."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now
from django.utils import timezone

CONDITIONS = ["retired", "announced", "paused", "draining", "silent", "egress_down", "late", "active"]
CHOICES = [(item, item) for item in CONDITIONS]


def instant():
    return models.DateTimeField(blank=True, editable=False, null=True)


class Migration(migrations.Migration):
    dependencies = [("probes", "0008_registry_identity")]

    operations = [
        migrations.AddField("region", "draining_at", instant()),
        migrations.AddField("region", "condition_since", instant()),
        migrations.AddField("region", "egress_down_since", instant()),
        migrations.AddField("region", "late_since", instant()),
        migrations.AddField(
            "region",
            "queue_lag_seconds",
            models.FloatField(blank=True, editable=False, help_text="How long batches wait in its queue.", null=True),
        ),
        migrations.AddField("region", "clock_offset_seconds", models.FloatField(blank=True, editable=False, null=True)),
        migrations.AddField(
            "region", "clock_uncertainty_seconds", models.FloatField(blank=True, editable=False, null=True)
        ),
        migrations.AddField(
            "region",
            "canaries",
            models.JSONField(
                blank=True, editable=False, help_text="The last round of canaries that a worker told of.", null=True
            ),
        ),
        migrations.AddField("region", "liveness", models.JSONField(blank=True, default=dict, editable=False)),
        migrations.CreateModel(
            name="RegionEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("before", models.CharField(choices=CHOICES, max_length=16)),
                ("after", models.CharField(choices=CHOICES, max_length=16)),
                ("detail", models.CharField(blank=True, max_length=300)),
                (
                    "region",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="probes.region"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["region", "-id"], name="region_event_of_region"),
                    models.Index(fields=["at"], name="region_event_age"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(before__in=CONDITIONS) & models.Q(after__in=CONDITIONS),
                        name="region_event_conditions_are_known",
                    ),
                    models.CheckConstraint(
                        condition=~models.Q(before=models.F("after")), name="region_event_is_a_change"
                    ),
                ],
            },
        ),
        migrations.AddField(
            "outcome",
            "egress_down",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="The region had lost its way out: this says nothing about the image and has no vote.",
            ),
        ),
        migrations.AlterField(
            "outcome",
            "checked_at",
            models.DateTimeField(help_text="When the check began, by our clock as far as the region's is known."),
        ),
        migrations.AddField(
            "regionstate",
            "egress_down",
            models.BooleanField(db_default=False, default=False, help_text="There are newer outcomes, which say nothing."),
        ),
        migrations.AlterField(
            "regionstate",
            "checked_at",
            models.DateTimeField(help_text="When the last check began, by our clock as far as the region's is known."),
        ),
        migrations.AddField("controlbeat", "running_since", models.DateTimeField(db_default=Now(), default=timezone.now)),
    ]
