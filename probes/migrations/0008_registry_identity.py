"""A client certificate for each registry; how strictly an image's platform and the tag beside its digest are taken."""

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
        migrations.AddField(
            "resource",
            "strict_platform",
            models.BooleanField(
                default=False,
                help_text="Call it unavailable where the reference names one image, and that is for another platform. "
                "Otherwise it is available with a warning. Looked at from the depth platform on.",
            ),
        ),
        migrations.AddField(
            "resource",
            "check_tag",
            models.BooleanField(
                default=False,
                help_text="Of name:tag@digest, ask for the tag as well, and warn when it points elsewhere by now. "
                "The digest alone is what is available or not.",
            ),
        ),
    ]
