"""A kind for each credential. What is stored stays as it is: an identity token is told by its lack of a user name."""

from django.db import migrations, models

TELL = "UPDATE probes_credential SET kind = 'identity_token' WHERE username = '' AND secret_encrypted <> ''"
KINDS = [
    ("password", "user name and password"),
    ("identity_token", "identity token"),
    ("bearer", "static bearer token"),
    ("ecr", "Amazon ECR"),
    ("google", "Google"),
    ("acr", "Azure"),
]


class Migration(migrations.Migration):
    dependencies = [("probes", "0006_resource_sampling")]

    operations = [
        migrations.AddField(
            "credential",
            "kind",
            models.CharField(
                choices=KINDS,
                default="password",
                help_text="Cloud registries exchange what is stored here for a password that lasts some hours.",
                max_length=20,
            ),
        ),
        migrations.RunSQL(TELL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "credential",
            models.CheckConstraint(
                condition=models.Q(("kind__in", [kind for kind, _ in KINDS])), name="credential_kind_is_known"
            ),
        ),
    ]
