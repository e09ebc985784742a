"""How often each token asks (ADR 37)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0041_fast_lists")]

    operations = [
        migrations.CreateModel(
            name="RequestCount",
            fields=[
                (
                    "key",
                    models.CharField(
                        help_text="A kind of request, and whose.", max_length=80, primary_key=True, serialize=False
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("taken", models.PositiveIntegerField()),
            ],
        ),
        # Nothing is lost that matters: after a crash everybody begins anew.
        migrations.RunSQL("ALTER TABLE probes_requestcount SET UNLOGGED", migrations.RunSQL.noop),
    ]
