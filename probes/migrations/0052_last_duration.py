"""How long the last check took, for lists with the slowest first."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0051_published_groups'),
    ]

    operations = [
        migrations.AddField(
            model_name='regionstate',
            name='duration_ms',
            field=models.PositiveIntegerField(blank=True, help_text='How long that check took.', null=True),
        ),
    ]
