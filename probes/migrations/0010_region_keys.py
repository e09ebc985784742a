"""Keys of a region as rows of their own, so that two can count while they are being changed."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone


def copy_keys(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Make each region's one pair of keys its current key, or its last one where the region is retired.

    Its private half is not known here. `manage.py prepare` adds that of a region whose key file is on this machine.
    """
    region_key = apps.get_model("probes", "RegionKey")
    now = timezone.now()
    region_key.objects.bulk_create(
        region_key(
            region=region,
            verify_key=region.verify_key,
            box_public_key=region.box_public_key,
            made_at=now,
            first_used_at=region.last_seen_at,
            last_used_at=region.last_seen_at,
            valid_until=region.retired_at,
        )
        for region in apps.get_model("probes", "Region").objects.exclude(verify_key="")
    )


class Migration(migrations.Migration):
    dependencies = [("probes", "0009_region_conditions")]

    operations = [
        migrations.AlterField(
            "region",
            "verify_key",
            models.TextField(blank=True, editable=False, help_text="Ed25519, base64: that of its newest key."),
        ),
        migrations.AlterField(
            "region",
            "box_public_key",
            models.TextField(blank=True, editable=False, help_text="X25519, base64: likewise."),
        ),
        migrations.CreateModel(
            "RegionKey",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verify_key",
                    models.TextField(editable=False, help_text="Ed25519, base64: checks signatures.", unique=True),
                ),
                ("box_public_key", models.TextField(editable=False, help_text="X25519, base64: seals secrets.")),
                ("box_private_encrypted", models.BinaryField(default=b"", editable=False)),
                ("made_at", models.DateTimeField()),
                (
                    "first_used_at",
                    models.DateTimeField(blank=True, help_text="When a worker first signed with it.", null=True),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, help_text="When a heartbeat with it last arrived.", null=True),
                ),
                ("valid_until", models.DateTimeField(blank=True, null=True)),
                (
                    "region",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="probes.region"
                    ),
                ),
            ],
            {"ordering": ["region", "made_at"]},
        ),
        migrations.AddConstraint(
            "regionkey",
            models.UniqueConstraint(
                condition=models.Q(valid_until=None), fields=["region"], name="region_key_current_is_one"
            ),
        ),
        migrations.AddConstraint(
            "regionkey",
            models.CheckConstraint(
                condition=~models.Q(verify_key="") & ~models.Q(box_public_key=""), name="region_key_is_a_pair"
            ),
        ),
        migrations.AddConstraint(
            "regionkey",
            models.CheckConstraint(
                condition=models.Q(first_used_at=None, last_used_at=None)
                | models.Q(first_used_at__isnull=False, last_used_at__isnull=False)
                & models.Q(first_used_at__lte=models.F("last_used_at")),
                name="region_key_uses_are_in_order",
            ),
        ),
        migrations.RunPython(copy_keys, migrations.RunPython.noop),
    ]
