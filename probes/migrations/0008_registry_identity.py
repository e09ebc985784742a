"""A client certificate for each registry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probes", "0007_credential_kinds")]

    operations = [
        migrations.AddField("registry", "client_certificate", models.TextField(blank=True, default="", editable=False)),
        migrations.AddField("registry", "client_key_encrypted", models.BinaryField(default=b"", editable=False)),
        migrations.AddConstraint(
            "registry",
            models.CheckConstraint(
                condition=models.Q(client_certificate="", client_key_encrypted=b"")
                | ~models.Q(client_certificate="") & ~models.Q(client_key_encrypted=b""),
                name="registry_identity_is_whole",
            ),
        ),
    ]
