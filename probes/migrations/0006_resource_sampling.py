"""How often and how thoroughly an image is looked at, to be chosen for each."""

import probes.models.validation
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0005_registry_reach'),
    ]

    operations = [
        migrations.AddField(
            model_name='resource',
            name='blobs_cadence_seconds',
            field=models.PositiveIntegerField(default=86400, help_text="How often an unchanged image's config and layers are asked for, where the depth is automatic.", validators=[probes.models.validation.cadence_seconds]),
        ),
        migrations.AddField(
            model_name='resource',
            name='manifest_cadence_seconds',
            field=models.PositiveIntegerField(default=21600, help_text="How often an unchanged image's manifests are read again.", validators=[probes.models.validation.cadence_seconds]),
        ),
        migrations.AddField(
            model_name='resource',
            name='sample_blobs',
            field=models.BooleanField(default=False, help_text='Look at the first, the last, the largest and one more layer in turn, instead of at all of them.'),
        ),
        migrations.AddConstraint(
            model_name='resource',
            constraint=models.CheckConstraint(condition=models.Q(('manifest_cadence_seconds__range', (1, 2592000)), ('blobs_cadence_seconds__range', (1, 2592000))), name='resource_cadences_in_range'),
        ),
    ]
