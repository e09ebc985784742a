"""Checks that a worker returned go out a second time; regions that cannot keep up are sent a part of their slots."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0010_region_keys")]

    operations = [
        migrations.AddField(
            "batch",
            "depth",
            models.CharField(
                max_length=16,
                null=True,
                blank=True,
                choices=[
                    ("resolve", "resolve"),
                    ("manifest", "manifest"),
                    ("platform", "platform"),
                    ("blobs", "blobs"),
                ],
            ),
        ),
        migrations.AddField(
            "batch",
            "is_second",
            models.BooleanField(default=False, help_text="Made of checks that a worker returned when it stopped."),
        ),
        migrations.AddField(
            "region",
            "stride",
            models.PositiveSmallIntegerField(
                default=1,
                editable=False,
                help_text="It is sent every so many-th slot of each resource: more it cannot do.",
            ),
        ),
        migrations.AddField("region", "pace", models.JSONField(blank=True, default=dict, editable=False)),
        migrations.AddConstraint(
            "region",
            models.CheckConstraint(
                condition=models.Q(stride__in=(1, 2, 4, 8, 16)), name="region_stride_is_known"
            ),
        ),
        migrations.AddField("missedslots", "stride", models.PositiveSmallIntegerField(default=1)),
        migrations.AddConstraint(
            "missedslots",
            models.CheckConstraint(
                condition=models.Q(stride=1) | models.Q(stride__gt=1, cause="shed"),
                name="missed_stride_is_of_the_shed",
            ),
        ),
    ]
