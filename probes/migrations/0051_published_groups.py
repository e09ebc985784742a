"""A group that is on a status page is not deleted before it is taken off: nothing changes in the database."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0050_list_orders'),
    ]

    operations = [
        migrations.AlterField(
            model_name='statusgroup',
            name='group',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='status_groups', to='probes.resourcegroup'),
        ),
    ]
