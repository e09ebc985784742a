"""Who people are at an OpenID provider (ADR 38)."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import probes.models.audited
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0036_audit'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ProviderIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('issuer', models.CharField(max_length=500)),
                ('subject', models.CharField(max_length=255)),
                ('made_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identities', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'provider identities',
                'ordering': ['user', 'issuer', 'subject'],
                'constraints': [models.UniqueConstraint(fields=('issuer', 'subject'), name='provider_identity_is_one_users')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='provideridentity',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."user_id", OLD."issuer", OLD."subject") IS NOT DISTINCT FROM ROW(NEW."user_id", NEW."issuer", NEW."subject") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'user\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."user_id"), \'#\' || OLD."user_id"), \'issuer\', OLD."issuer", \'subject\', OLD."subject"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'user\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."user_id"), \'#\' || NEW."user_id"), \'issuer\', NEW."issuer", \'subject\', NEW."subject"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.provideridentity\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(\'#\' || NEW."id"::text, \'#\' || OLD."id"::text, \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='2bc653e4c50f6634f99587be219bfb09c135f893', operation='INSERT OR DELETE OR UPDATE OF "user_id", "issuer", "subject"', pgid='pgtrigger_audit_60351', table='probes_provideridentity', when='AFTER')),
        ),
    ]
