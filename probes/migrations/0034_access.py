"""Who may do what: roles of people, and tokens of programs (ADR 37)."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('probes', '0033_sums'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccessToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What it is for: the pipeline, the script.', max_length=100)),
                ('prefix', models.CharField(editable=False, max_length=16, unique=True)),
                ('secret_hash', models.BinaryField()),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'read'), ('probe', 'probe'), ('write', 'write'), ('admin', 'admin'), ('metrics', 'metrics')], max_length=8), size=5)),
                ('is_of_all_groups', models.BooleanField(default=True, editable=False)),
                ('is_of_all_regions', models.BooleanField(default=True, editable=False)),
                ('created_at', models.DateTimeField(editable=False)),
                ('expires_at', models.DateTimeField(blank=True, help_text='Empty: never.', null=True)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('groups', models.ManyToManyField(blank=True, help_text='Limits it to these. None chosen means no limit.', related_name='+', to='probes.resourcegroup')),
                ('made_with', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='made', to='probes.accesstoken')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='access_tokens', to=settings.AUTH_USER_MODEL)),
                ('regions', models.ManyToManyField(blank=True, help_text='Limits it to these. None chosen means no limit.', related_name='+', to='probes.region')),
            ],
            options={
                'verbose_name': 'API token',
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['read', 'probe', 'write', 'admin', 'metrics'])), name='access_token_scopes_known')],
            },
        ),
        migrations.CreateModel(
            name='RoleGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'viewer'), ('operator', 'operator'), ('editor', 'editor'), ('admin', 'admin')], max_length=8)),
                ('group', models.ForeignKey(blank=True, help_text='Of resources. Empty: over everything.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='role_grants', to='probes.resourcegroup')),
                ('team', models.ForeignKey(blank=True, help_text='Instead of a user: all who are in this group of users.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='role_grants', to='auth.group')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='role_grants', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'role',
                'ordering': ['user', 'team', 'group', 'role'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('team', None), ('user__isnull', False)), models.Q(('team__isnull', False), ('user', None)), _connector='OR'), name='role_grant_is_of_a_user_or_a_team', violation_error_message='Choose a user or a group of users, one of them.'), models.CheckConstraint(condition=models.Q(('role__in', ['viewer', 'operator', 'editor', 'admin'])), name='role_grant_role_is_known'), models.UniqueConstraint(condition=models.Q(group=None, user__isnull=False), fields=["user"], name="role_grant_is_one_per_user", violation_error_message="There is a role for this already: change that one."), models.UniqueConstraint(condition=models.Q(group__isnull=False, user__isnull=False), fields=["user", "group"], name="role_grant_is_one_per_user_and_group", violation_error_message="There is a role for this already: change that one."), models.UniqueConstraint(condition=models.Q(group=None, team__isnull=False), fields=["team"], name="role_grant_is_one_per_team", violation_error_message="There is a role for this already: change that one."), models.UniqueConstraint(condition=models.Q(group__isnull=False, team__isnull=False), fields=["team", "group"], name="role_grant_is_one_per_team_and_group", violation_error_message="There is a role for this already: change that one.")],
            },
        ),
    ]
