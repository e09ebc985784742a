"""Which token a run was ordered with."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0043_pause_until'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='asked_with',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.accesstoken'),
        ),
    ]
