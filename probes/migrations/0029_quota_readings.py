"""What each region was told of a quota, and a line for each to wait in (ADR 30)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0028_incident_words")]

    operations = [
        migrations.AddField(
            model_name="quotaaccount",
            name="readings",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.RemoveIndex(model_name="quotawait", name="quota_wait_line"),
        migrations.AddIndex(
            model_name="quotawait",
            index=models.Index(
                fields=["account", "region", "off_since", "deep_since", "resource"],
                name="quota_wait_line_of_a_region",
            ),
        ),
    ]
