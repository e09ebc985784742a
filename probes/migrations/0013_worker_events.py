"""Events of one worker of a region, beside those of the region itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0012_broker_account")]

    operations = [migrations.AddField("regionevent", "worker", models.UUIDField(blank=True, null=True))]
