"""Public status pages: what is told of groups, to whom, and what is announced."""

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import probes.models.audited
import probes.models.validation
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0045_narrow_lists'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='StatusPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(blank=True, db_collation='C', db_default=django.db.models.functions.comparison.Cast(django.contrib.postgres.functions.RandomUUID(), models.CharField()), default='', error_messages={'unique': 'This stable name is taken.'}, help_text='By what programs and files know it. Made once where it is left empty, and kept.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z', 'Small letters and digits, with dots, dashes and underscores between them.', code='slug')], verbose_name='stable name')),
                ('title', models.CharField(max_length=100)),
                ('description', models.TextField(blank=True, help_text='Plain text, in a few sentences. Shown under the title.', max_length=1000, validators=[django.core.validators.MaxLengthValidator(1000)])),
                ('visibility', models.CharField(choices=[('public', 'public: everybody'), ('signed_in', 'signed in: whoever has logged in'), ('hidden', 'hidden: nobody')], default='hidden', help_text='Of the page as a whole.', max_length=10)),
                ('shows_reasons', models.BooleanField(default=False, help_text='Of an incident: login refused, certificate expired, say.', verbose_name='tell reasons')),
                ('shows_hosts', models.BooleanField(default=False, help_text="Of an incident: the registry's host name.", verbose_name='tell hosts')),
                ('shows_regions', models.BooleanField(default=False, help_text='Of an incident: the names of the regions that saw it.', verbose_name='tell regions')),
                ('frame_origins', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=260, validators=[probes.models.validation.origin]), blank=True, default=list, help_text='Origins whose pages may put the widget in a frame, such as https://www.example.com.', size=20, verbose_name='may be embedded by')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ],
            options={
                'ordering': ['title', 'id'],
                'constraints': [models.UniqueConstraint(fields=('slug',), name='statuspage_slug_is_unique'), models.CheckConstraint(condition=models.Q(('slug__regex', '\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z')), name='statuspage_slug_is_stable'), models.CheckConstraint(condition=models.Q(('visibility__in', ['public', 'signed_in', 'hidden'])), name='status_page_visibility_is_known')],
            },
        ),
        migrations.CreateModel(
            name='StatusGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(blank=True, db_collation='C', db_default=django.db.models.functions.comparison.Cast(django.contrib.postgres.functions.RandomUUID(), models.CharField()), default='', error_messages={'unique': 'This stable name is taken.'}, help_text='By what programs and files know it. Made once where it is left empty, and kept.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z', 'Small letters and digits, with dots, dashes and underscores between them.', code='slug')], verbose_name='stable name')),
                ('public_name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('visibility', models.CharField(choices=[('public', 'public: everybody'), ('signed_in', 'signed in: whoever has logged in'), ('hidden', 'hidden: nobody')], default='hidden', help_text='What is signed in is shown to those alone who may see the group here as well.', max_length=10)),
                ('naming', models.CharField(choices=[('together', 'together: neither which they are nor how many'), ('names', 'names: each that has a name'), ('references', 'references: each, with what it is pulled by')], default='together', max_length=10, verbose_name='images')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Smaller numbers come first.')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='probes.resourcegroup')),
                ('page', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='probes.statuspage')),
            ],
            options={
                'verbose_name': 'group on a status page',
                'verbose_name_plural': 'groups on status pages',
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('notice', 'notice'), ('work', 'planned work'), ('trouble', 'trouble'), ('solved', 'solved')], default='notice', max_length=8)),
                ('title', models.CharField(max_length=150)),
                ('text', models.TextField(blank=True, help_text='Plain text. An empty line begins a paragraph; addresses become links.', max_length=4000, validators=[django.core.validators.MaxLengthValidator(4000)])),
                ('visibility', models.CharField(choices=[('public', 'public: everybody'), ('signed_in', 'signed in: whoever has logged in'), ('hidden', 'hidden: nobody')], default='public', max_length=10)),
                ('starts_at', models.DateTimeField(default=django.utils.timezone.now, help_text='Shown from then on.')),
                ('expires_at', models.DateTimeField(blank=True, help_text='Then it leaves the page, and stays in its history. Empty: it stays.', null=True)),
                ('is_pinned', models.BooleanField(default=False, help_text='Before the others.', verbose_name='pinned')),
                ('changed_at', models.DateTimeField(editable=False)),
                ('made_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('page', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='announcements', to='probes.statuspage')),
            ],
            options={
                'ordering': ['-starts_at', '-id'],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='statuspage',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."title", OLD."description", OLD."visibility", OLD."shows_reasons", OLD."shows_hosts", OLD."shows_regions", OLD."frame_origins") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."title", NEW."description", NEW."visibility", NEW."shows_reasons", NEW."shows_hosts", NEW."shows_regions", NEW."frame_origins") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'title\', OLD."title", \'description\', OLD."description", \'visibility\', OLD."visibility", \'shows_reasons\', OLD."shows_reasons", \'shows_hosts\', OLD."shows_hosts", \'shows_regions\', OLD."shows_regions", \'frame_origins\', OLD."frame_origins"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'title\', NEW."title", \'description\', NEW."description", \'visibility\', NEW."visibility", \'shows_reasons\', NEW."shows_reasons", \'shows_hosts\', NEW."shows_hosts", \'shows_regions\', NEW."shows_regions", \'frame_origins\', NEW."frame_origins"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.statuspage\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='b8c5605fed57990a48fe816d81c55b43acb0507f', operation='INSERT OR DELETE OR UPDATE OF "slug", "title", "description", "visibility", "shows_reasons", "shows_hosts", "shows_regions", "frame_origins"', pgid='pgtrigger_audit_1d223', table='probes_statuspage', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='statusgroup',
            constraint=models.UniqueConstraint(fields=('slug',), name='statusgroup_slug_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='statusgroup',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z')), name='statusgroup_slug_is_stable'),
        ),
        migrations.AddConstraint(
            model_name='statusgroup',
            constraint=models.UniqueConstraint(fields=('page', 'group'), name='status_group_is_once_on_a_page'),
        ),
        migrations.AddConstraint(
            model_name='statusgroup',
            constraint=models.CheckConstraint(condition=models.Q(('naming__in', ['together', 'names', 'references']), ('visibility__in', ['public', 'signed_in', 'hidden'])), name='status_group_words_are_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='statusgroup',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."page_id", OLD."group_id", OLD."public_name", OLD."description", OLD."visibility", OLD."naming", OLD."position") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."page_id", NEW."group_id", NEW."public_name", NEW."description", NEW."visibility", NEW."naming", NEW."position") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = OLD."page_id"), \'#\' || OLD."page_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id"), \'public_name\', OLD."public_name", \'description\', OLD."description", \'visibility\', OLD."visibility", \'naming\', OLD."naming", \'position\', OLD."position"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = NEW."page_id"), \'#\' || NEW."page_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id"), \'public_name\', NEW."public_name", \'description\', NEW."description", \'visibility\', NEW."visibility", \'naming\', NEW."naming", \'position\', NEW."position"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.statusgroup\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='8c70ecbfd0838633939b82d3a2207a56025b8aba', operation='INSERT OR DELETE OR UPDATE OF "slug", "page_id", "group_id", "public_name", "description", "visibility", "naming", "position"', pgid='pgtrigger_audit_7dbb1', table='probes_statusgroup', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='announcement',
            index=models.Index(fields=['page', '-starts_at', '-id'], name='announcement_of_page'),
        ),
        migrations.AddConstraint(
            model_name='announcement',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['notice', 'work', 'trouble', 'solved']), ('visibility__in', ['public', 'signed_in', 'hidden'])), name='announcement_words_are_known'),
        ),
        migrations.AddConstraint(
            model_name='announcement',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at', None), ('expires_at__gt', models.F('starts_at')), _connector='OR'), name='announcement_ends_after_it_starts', violation_error_message='It expires after it starts.'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='announcement',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."page_id", OLD."kind", OLD."title", OLD."text", OLD."visibility", OLD."starts_at", OLD."expires_at", OLD."is_pinned", OLD."made_by_id") IS NOT DISTINCT FROM ROW(NEW."page_id", NEW."kind", NEW."title", NEW."text", NEW."visibility", NEW."starts_at", NEW."expires_at", NEW."is_pinned", NEW."made_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = OLD."page_id"), \'#\' || OLD."page_id"), \'kind\', OLD."kind", \'title\', OLD."title", \'text\', OLD."text", \'visibility\', OLD."visibility", \'starts_at\', OLD."starts_at", \'expires_at\', OLD."expires_at", \'is_pinned\', OLD."is_pinned", \'made_by\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."made_by_id"), \'#\' || OLD."made_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'page\', COALESCE((SELECT other."slug" FROM "probes_statuspage" AS other WHERE other."id" = NEW."page_id"), \'#\' || NEW."page_id"), \'kind\', NEW."kind", \'title\', NEW."title", \'text\', NEW."text", \'visibility\', NEW."visibility", \'starts_at\', NEW."starts_at", \'expires_at\', NEW."expires_at", \'is_pinned\', NEW."is_pinned", \'made_by\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."made_by_id"), \'#\' || NEW."made_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.announcement\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(\'#\' || NEW."id"::text, \'#\' || OLD."id"::text, \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='e3961b099de438547abcff5a194bf939f98540b4', operation='INSERT OR DELETE OR UPDATE OF "page_id", "kind", "title", "text", "visibility", "starts_at", "expires_at", "is_pinned", "made_by_id"', pgid='pgtrigger_audit_682e1', table='probes_announcement', when='AFTER')),
        ),
    ]
