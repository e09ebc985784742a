"""Orders of lists that no check changes: by name and by creation (ADR 43)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0049_publishing_by_programs'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='resource',
            index=models.Index(fields=['name', 'id'], name='resource_by_name'),
        ),
        migrations.AddIndex(
            model_name='resource',
            index=models.Index(fields=['created_at', 'id'], name='resource_by_creation'),
        ),
    ]
