"""Until when the head of a line holds what there is of a quota (ADR 30)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0029_quota_readings")]

    operations = [
        migrations.AddField(
            model_name="quotawait",
            name="holds_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
