"""What people call the scope of an incident, the outcome behind a line of a timeline, and what checks of layers found."""

from django.db import migrations, models

KINDS = [
    "opened", "back_dated", "turned", "flapping", "settled", "resolved", "region", "depth", "joined", "left",
    "acknowledged", "comment",
]  # fmt: skip
KIND_IS_KNOWN = "incident_entry_kind_is_known"
CALLED = "What people called it when this was opened, where its name says nothing to them: a credential."


class Migration(migrations.Migration):
    dependencies = [("probes", "0027_success_seed")]

    operations = [
        migrations.AddField(
            "incident",
            "scope_label",
            models.CharField(blank=True, db_default="", default="", help_text=CALLED, max_length=520),
        ),
        migrations.AddField("incidententry", "slot", models.DateTimeField(blank=True, null=True)),
        migrations.RemoveConstraint("incidententry", KIND_IS_KNOWN),
        migrations.AlterField(
            "incidententry", "kind", models.CharField(choices=[(kind, kind) for kind in KINDS], max_length=16)
        ),
        migrations.AddConstraint(
            "incidententry", models.CheckConstraint(condition=models.Q(kind__in=KINDS), name=KIND_IS_KNOWN)
        ),
    ]
