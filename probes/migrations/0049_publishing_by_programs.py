"""Status pages that a source manages, and announcements that programs know by a name (ADR 48).

Announcements from before get names by chance: nobody has asked for one.
"""

import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
import probes.models.audited
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0048_downtime'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='announcement',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='statusgroup',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='statuspage',
            name='audit',
        ),
        migrations.AddField(
            model_name='announcement',
            name='slug',
            field=models.CharField(blank=True, db_collation='C', db_default=django.db.models.functions.comparison.Cast(django.contrib.postgres.functions.RandomUUID(), models.CharField()), default='', error_messages={'unique': 'This stable name is taken.'}, help_text='By what programs and files know it. Made once where it is left empty, and kept.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z', 'Small letters and digits, with dots, dashes and underscores between them.', code='slug')], verbose_name='stable name'),
        ),
        migrations.AddField(
            model_name='statusgroup',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='statuspage',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AlterField(
            model_name='statusgroup',
            name='group',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='status_groups', to='probes.resourcegroup'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='announcement',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."page_id", OLD."kind", OLD."title", OLD."text", OLD."visibility", OLD."starts_at", OLD."expires_at", OLD."is_pinned", OLD."made_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."page_id", NEW."kind", NEW."title", NEW."text", NEW."visibility", NEW."starts_at", NEW."expires_at", NEW."is_pinned", NEW."made_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = OLD."page_id"), \'#\' || OLD."page_id"), \'kind\', OLD."kind", \'title\', OLD."title", \'text\', OLD."text", \'visibility\', OLD."visibility", \'starts_at\', OLD."starts_at", \'expires_at\', OLD."expires_at", \'is_pinned\', OLD."is_pinned", \'made_by\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."made_by_id"), \'#\' || OLD."made_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = NEW."page_id"), \'#\' || NEW."page_id"), \'kind\', NEW."kind", \'title\', NEW."title", \'text\', NEW."text", \'visibility\', NEW."visibility", \'starts_at\', NEW."starts_at", \'expires_at\', NEW."expires_at", \'is_pinned\', NEW."is_pinned", \'made_by\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."made_by_id"), \'#\' || NEW."made_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.announcement\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='0f9ed6679f1414d8de4ea8b21afd9feb9a3b2efe', operation='INSERT OR DELETE OR UPDATE OF "slug", "page_id", "kind", "title", "text", "visibility", "starts_at", "expires_at", "is_pinned", "made_by_id"', pgid='pgtrigger_audit_682e1', table='probes_announcement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='statusgroup',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."page_id", OLD."group_id", OLD."public_name", OLD."description", OLD."visibility", OLD."naming", OLD."position", OLD."managed_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."page_id", NEW."group_id", NEW."public_name", NEW."description", NEW."visibility", NEW."naming", NEW."position", NEW."managed_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = OLD."page_id"), \'#\' || OLD."page_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id"), \'public_name\', OLD."public_name", \'description\', OLD."description", \'visibility\', OLD."visibility", \'naming\', OLD."naming", \'position\', OLD."position", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = NEW."page_id"), \'#\' || NEW."page_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id"), \'public_name\', NEW."public_name", \'description\', NEW."description", \'visibility\', NEW."visibility", \'naming\', NEW."naming", \'position\', NEW."position", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.statusgroup\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='97614f44442fcba75ff66424b115fe66ab7f1777', operation='INSERT OR DELETE OR UPDATE OF "slug", "page_id", "group_id", "public_name", "description", "visibility", "naming", "position", "managed_by_id"', pgid='pgtrigger_audit_7dbb1', table='probes_statusgroup', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='statuspage',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."title", OLD."description", OLD."visibility", OLD."shows_reasons", OLD."shows_hosts", OLD."shows_regions", OLD."frame_origins", OLD."managed_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."title", NEW."description", NEW."visibility", NEW."shows_reasons", NEW."shows_hosts", NEW."shows_regions", NEW."frame_origins", NEW."managed_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'title\', OLD."title", \'description\', OLD."description", \'visibility\', OLD."visibility", \'shows_reasons\', OLD."shows_reasons", \'shows_hosts\', OLD."shows_hosts", \'shows_regions\', OLD."shows_regions", \'frame_origins\', OLD."frame_origins", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'title\', NEW."title", \'description\', NEW."description", \'visibility\', NEW."visibility", \'shows_reasons\', NEW."shows_reasons", \'shows_hosts\', NEW."shows_hosts", \'shows_regions\', NEW."shows_regions", \'frame_origins\', NEW."frame_origins", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.statuspage\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='31c91e79de8688bc0dbf65fa8e1ede9c93ec4d7f', operation='INSERT OR DELETE OR UPDATE OF "slug", "title", "description", "visibility", "shows_reasons", "shows_hosts", "shows_regions", "frame_origins", "managed_by_id"', pgid='pgtrigger_audit_1d223', table='probes_statuspage', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='announcement',
            constraint=models.UniqueConstraint(fields=('slug',), name='announcement_slug_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='announcement',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z')), name='announcement_slug_is_stable'),
        ),
    ]
