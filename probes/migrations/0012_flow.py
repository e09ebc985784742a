"""What a worker returned is handed out a second time, as deep as it was asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0009_liveness")]

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
    ]
