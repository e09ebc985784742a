"""What changes that pages show is told on a channel, by triggers and in the transaction that changes it (ADR 47).

Triggers on the hot tables compare a few narrow columns in their WHEN: of what did not change no function is called.
They cost no reading of the tables, and a moment's lock of each.
"""

from django.db import migrations

CHANNEL = "kairos_changes"

# Payloads are words apart by one space, read by `probes.policy.changes`. A group is its number, or - for none.
FUNCTIONS = f"""
CREATE FUNCTION probes_tell_resource(concerned bigint, what text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('{CHANNEL}', concat_ws(' ', 'resource', resource.id, coalesce(resource.group_id::text, '-'),
        registry.host, what))
    FROM probes_resource AS resource JOIN probes_registry AS registry ON registry.id = resource.registry_id
    WHERE resource.id = concerned
$$;
CREATE FUNCTION probes_tell_of_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM probes_tell_resource(COALESCE(NEW.resource_id, OLD.resource_id), TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    host text;
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM probes_tell_resource(NEW.id, 'verdict');
    END IF;
    -- Who saw it in its group before sees it go from there.
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.group_id IS DISTINCT FROM NEW.group_id THEN
        SELECT registry.host INTO host FROM probes_registry AS registry WHERE registry.id = OLD.registry_id;
        PERFORM pg_notify('{CHANNEL}', concat_ws(' ', 'resource', OLD.id, coalesce(OLD.group_id::text, '-'),
            coalesce(host, '-'), 'verdict'));
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_incident(concerned probes_incident) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    seen_in text;
    host text;
BEGIN
    SELECT registry.host INTO host FROM probes_registry AS registry WHERE registry.id = concerned.registry_id;
    IF concerned.resource_id IS NOT NULL THEN
        seen_in := coalesce(concerned.group_id::text, '-');
    ELSE
        SELECT string_agg(group_id, ',') INTO seen_in FROM (
            SELECT DISTINCT coalesce(child.group_id::text, '-') AS group_id FROM probes_incident AS child
            WHERE child.parent_id = concerned.id LIMIT 500
        ) AS those;
    END IF;
    PERFORM pg_notify('{CHANNEL}', concat_ws(' ', 'incident', concerned.id, coalesce(concerned.parent_id::text, '-'),
        coalesce(concerned.resource_id::text, '-'), coalesce(seen_in, '?'), coalesce(host, '-')));
END $$;
CREATE FUNCTION probes_tell_of_incident() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM probes_tell_incident(NEW);
    END IF;
    -- The one that explained it before.
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.parent_id IS DISTINCT FROM NEW.parent_id THEN
        PERFORM probes_tell_incident(OLD);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_of_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM probes_tell_incident(incident) FROM probes_incident AS incident WHERE incident.id = NEW.incident_id;
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    seen_in text;
    host text;
BEGIN
    SELECT string_agg(group_id, ',') INTO seen_in FROM (
        SELECT DISTINCT coalesce(resource.group_id::text, '-') AS group_id FROM probes_resource AS resource
        WHERE resource.id = NEW.resource_id OR NEW.resource_id IS NULL
            AND (resource.registry_id = NEW.registry_id OR resource.credential_id = NEW.credential_id)
        LIMIT 500
    ) AS those;
    SELECT registry.host INTO host FROM probes_registry AS registry WHERE registry.id = COALESCE(NEW.registry_id,
        (SELECT registry_id FROM probes_resource WHERE id = NEW.resource_id),
        (SELECT registry_id FROM probes_credential WHERE id = NEW.credential_id));
    PERFORM pg_notify('{CHANNEL}', concat_ws(' ', 'event', coalesce(NEW.resource_id::text, '-'),
        coalesce(seen_in, '?'), coalesce(host, '-')));
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_of_region() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', concat_ws(' ', 'region', COALESCE(NEW.id, OLD.id), COALESCE(NEW.slug, OLD.slug)));
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_of_region_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', concat_ws(' ', 'region', id, slug)) FROM probes_region WHERE id = NEW.region_id;
    RETURN NULL;
END $$;
CREATE FUNCTION probes_tell_of_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', 'all');
    RETURN NULL;
END $$;
"""

_CONFIGURATION = (
    "name", "slug", "kind", "reference", "registry_id", "group_id", "credential_id", "platforms", "depth",
    "interval_seconds", "policy_id", "schedule_id", "labels", "managed_by_id", "paused_at", "resume_at", "stale_at",
    "retired_at",
)
_OF_A_STATE = ("status", "reason", "stage", "digest", "stance", "egress_down")
_OF_A_REGION = (
    "name", "latitude", "longitude", "verify_key", "paused_at", "draining_at", "retired_at", "silent_since",
    "egress_down_since", "late_since",
)


def _row(of, names):
    return "(" + ", ".join(f"{of}.{name}" for name in names) + ")"


def _differ(names):
    return f"{_row('OLD', names)} IS DISTINCT FROM {_row('NEW', names)}"


TRIGGERS = f"""
CREATE TRIGGER tell_of_new_verdict AFTER INSERT ON probes_verdict
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_resource('verdict');
CREATE TRIGGER tell_of_verdict AFTER UPDATE ON probes_verdict
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION probes_tell_of_resource('verdict');
CREATE TRIGGER tell_of_explanation AFTER UPDATE ON probes_verdict
    FOR EACH ROW WHEN (OLD.state = NEW.state AND OLD.explanation IS DISTINCT FROM NEW.explanation)
    EXECUTE FUNCTION probes_tell_of_resource('state');
CREATE TRIGGER tell_of_new_state AFTER INSERT ON probes_regionstate
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_resource('state');
CREATE TRIGGER tell_of_state AFTER UPDATE ON probes_regionstate
    FOR EACH ROW WHEN ({_differ(_OF_A_STATE)}) EXECUTE FUNCTION probes_tell_of_resource('state');
CREATE TRIGGER tell_of_row AFTER INSERT OR DELETE ON probes_resource
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_row();
CREATE TRIGGER tell_of_configuration AFTER UPDATE OF {", ".join(_CONFIGURATION)} ON probes_resource
    FOR EACH ROW WHEN ({_differ(_CONFIGURATION)}) EXECUTE FUNCTION probes_tell_of_row();
CREATE TRIGGER tell_of_voters AFTER INSERT OR DELETE ON probes_resource_regions
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_resource('verdict');
CREATE TRIGGER tell_of_incident AFTER INSERT OR DELETE ON probes_incident
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_incident();
CREATE TRIGGER tell_of_turn AFTER UPDATE ON probes_incident
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION probes_tell_of_incident();
CREATE TRIGGER tell_of_entry AFTER INSERT ON probes_incidententry
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_entry();
CREATE TRIGGER tell_of_event AFTER INSERT OR UPDATE ON probes_event
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_event();
CREATE TRIGGER tell_of_region AFTER INSERT OR DELETE ON probes_region
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_region();
CREATE TRIGGER tell_of_condition AFTER UPDATE ON probes_region
    FOR EACH ROW WHEN ({_differ(_OF_A_REGION)}) EXECUTE FUNCTION probes_tell_of_region();
CREATE TRIGGER tell_of_region_event AFTER INSERT ON probes_regionevent
    FOR EACH ROW EXECUTE FUNCTION probes_tell_of_region_event();
CREATE TRIGGER tell_of_plan AFTER INSERT OR UPDATE OR DELETE ON probes_maintenanceoccurrence
    FOR EACH STATEMENT EXECUTE FUNCTION probes_tell_of_all();
CREATE TRIGGER tell_of_group AFTER UPDATE OR DELETE ON probes_resourcegroup
    FOR EACH STATEMENT EXECUTE FUNCTION probes_tell_of_all();
CREATE TRIGGER tell_of_registry AFTER UPDATE OF name, host ON probes_registry
    FOR EACH ROW WHEN ((OLD.name, OLD.host) IS DISTINCT FROM (NEW.name, NEW.host)) EXECUTE FUNCTION probes_tell_of_all();
"""

BACK = """
DROP TRIGGER tell_of_registry ON probes_registry;
DROP TRIGGER tell_of_group ON probes_resourcegroup;
DROP TRIGGER tell_of_plan ON probes_maintenanceoccurrence;
DROP TRIGGER tell_of_region_event ON probes_regionevent;
DROP TRIGGER tell_of_condition ON probes_region;
DROP TRIGGER tell_of_region ON probes_region;
DROP TRIGGER tell_of_event ON probes_event;
DROP TRIGGER tell_of_entry ON probes_incidententry;
DROP TRIGGER tell_of_turn ON probes_incident;
DROP TRIGGER tell_of_incident ON probes_incident;
DROP TRIGGER tell_of_voters ON probes_resource_regions;
DROP TRIGGER tell_of_configuration ON probes_resource;
DROP TRIGGER tell_of_row ON probes_resource;
DROP TRIGGER tell_of_state ON probes_regionstate;
DROP TRIGGER tell_of_new_state ON probes_regionstate;
DROP TRIGGER tell_of_explanation ON probes_verdict;
DROP TRIGGER tell_of_verdict ON probes_verdict;
DROP TRIGGER tell_of_new_verdict ON probes_verdict;
DROP FUNCTION probes_tell_of_all();
DROP FUNCTION probes_tell_of_region_event();
DROP FUNCTION probes_tell_of_region();
DROP FUNCTION probes_tell_of_event();
DROP FUNCTION probes_tell_of_entry();
DROP FUNCTION probes_tell_of_incident();
DROP FUNCTION probes_tell_incident(probes_incident);
DROP FUNCTION probes_tell_of_row();
DROP FUNCTION probes_tell_of_resource();
DROP FUNCTION probes_tell_resource(bigint, text);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0046_status_pages'),
    ]

    operations = [
        migrations.RunSQL(FUNCTIONS + TRIGGERS, BACK),
    ]
