"""When the queues that regions write to were last seen to be read to their end (ADR 32)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0030_quota_holds")]

    operations = [
        migrations.AddField("controlbeat", "results_empty_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("controlbeat", "heartbeats_empty_at", models.DateTimeField(blank=True, null=True)),
    ]
