"""What long lists are narrowed by: words of resources, and of incidents where they belonged (ADR 43)."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

# As `selectors.resources.saying` splits what is asked for. What follows the ? of a URL may be a secret.
WORDS = """
CREATE FUNCTION probes_words(name text, slug text, kind text, reference text) RETURNS tsvector AS $$
    SELECT to_tsvector('simple', regexp_replace(
        concat_ws(' ', name, slug, CASE WHEN kind = 'http' THEN split_part(reference, '?', 1) ELSE reference END),
        '[^[:alnum:]]+', ' ', 'g'
    ))
$$ LANGUAGE sql IMMUTABLE;
CREATE FUNCTION probes_note_words() RETURNS trigger AS $$
BEGIN
    INSERT INTO probes_resourcewords (resource_id, words)
    VALUES (NEW.id, probes_words(NEW.name, NEW.slug, NEW.kind, NEW.reference))
    ON CONFLICT (resource_id) DO UPDATE SET words = excluded.words;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER resource_words AFTER INSERT OR UPDATE OF name, slug, kind, reference ON probes_resource
    FOR EACH ROW EXECUTE FUNCTION probes_note_words();
INSERT INTO probes_resourcewords (resource_id, words)
    SELECT id, probes_words(name, slug, kind, reference) FROM probes_resource;
"""
NO_WORDS = """
DROP TRIGGER resource_words ON probes_resource;
DROP FUNCTION probes_note_words();
DROP FUNCTION probes_words(text, text, text, text);
"""
OWNERS = """
CREATE FUNCTION probes_note_owners() RETURNS trigger AS $$
BEGIN
    IF NEW.resource_id IS NOT NULL THEN
        SELECT registry_id, group_id INTO NEW.registry_id, NEW.group_id
        FROM probes_resource WHERE id = NEW.resource_id;
    ELSIF NEW.scope_kind = 'registry' THEN
        SELECT id INTO NEW.registry_id FROM probes_registry WHERE host = NEW.scope_name;
    END IF;
    RETURN NEW;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER incident_owners BEFORE INSERT ON probes_incident
    FOR EACH ROW EXECUTE FUNCTION probes_note_owners();
UPDATE probes_incident AS incident SET registry_id = resource.registry_id, group_id = resource.group_id
    FROM probes_resource AS resource WHERE resource.id = incident.resource_id;
UPDATE probes_incident AS incident SET registry_id = registry.id
    FROM probes_registry AS registry WHERE scope_kind = 'registry' AND registry.host = scope_name;
"""
NO_OWNERS = """
DROP TRIGGER incident_owners ON probes_incident;
DROP FUNCTION probes_note_owners();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0040_policies_schedules_sources'),
    ]

    operations = [
        migrations.CreateModel(
            name='ResourceWords',
            fields=[
                ('resource', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='probes.resource')),
                ('words', django.contrib.postgres.search.SearchVectorField()),
            ],
            options={
                'verbose_name_plural': 'resource words',
            },
        ),
        migrations.AddField(
            model_name='incident',
            name='group',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.resourcegroup'),
        ),
        migrations.AddField(
            model_name='incident',
            name='registry',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.registry'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('resolved_at', None)), fields=['-opened_at', '-id'], name='incident_open'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['registry', '-opened_at', '-id'], name='incident_of_registry'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['group', '-opened_at', '-id'], name='incident_of_group'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(condition=models.Q(('state', 'available'), _negated=True), fields=['state', 'resource'], name='verdict_not_available'),
        ),
        migrations.AddIndex(
            model_name='resourcewords',
            index=django.contrib.postgres.indexes.GinIndex(fields=['words'], name='resource_words'),
        ),
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.RunSQL(OWNERS, NO_OWNERS),
    ]
