"""The audit log, and a trigger on each table of which it tells (ADR 42).

`probes_audit_note` is what all of them call. Triggers cost no reading of the tables, and a moment's lock of each.
"""

import django.contrib.auth.models
import pgtrigger.compiler
import pgtrigger.migrations
import probes.models.audited
from django.db import migrations, models

SHOWN = """
CREATE FUNCTION probes_audit_shown(value jsonb, hides_all boolean, hides_query boolean)
RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    words text;
BEGIN
    IF value IS NULL OR value = 'null' THEN
        RETURN 'null';
    END IF;
    IF hides_all THEN
        RETURN CASE WHEN value IN ('""', '"\\\\x"', '{}', '[]') THEN 'null' ELSE '"***"' END;
    END IF;
    IF jsonb_typeof(value) IN ('number', 'boolean') THEN
        RETURN value;
    END IF;
    words := value #>> '{}';
    IF hides_query THEN
        words := regexp_replace(words, '^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@', '\\1***@');
        RETURN to_jsonb(regexp_replace(words, '[?#].*$', '?***'));
    END IF;
    IF length(words) > 2000 THEN
        RETURN to_jsonb(format('%s… (%s characters, sha256 %s)', left(words, 200), length(words),
            encode(sha256(convert_to(words, 'UTF8')), 'hex')));
    END IF;
    RETURN value;
END
$$
"""

NOTE = """
CREATE FUNCTION probes_audit_note(
    operation text, model text, object_pk text, object_name text,
    part text, was jsonb, becomes jsonb, masked text[], addresses text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb;
    -- Emptied, not unset, when the transaction that set it has ended.
    actor jsonb := COALESCE(NULLIF(current_setting('kairos.actor', true), ''), '{}');
    is_by_hand boolean := actor = '{}';
BEGIN
    SELECT jsonb_object_agg(part || key, jsonb_build_array(
            probes_audit_shown(was -> key, key = ANY(masked), key = ANY(addresses)),
            probes_audit_shown(becomes -> key, key = ANY(masked), key = ANY(addresses))))
        INTO changed
        FROM jsonb_object_keys(COALESCE(becomes, was)) AS key
        WHERE CASE
            WHEN was IS NULL THEN becomes -> key NOT IN ('null', '""', '[]', '{}', '"\\\\x"')
            WHEN becomes IS NULL THEN was -> key NOT IN ('null', '""', '[]', '{}', '"\\\\x"')
            ELSE was -> key IS DISTINCT FROM becomes -> key
        END;
    IF changed IS NULL AND operation NOT IN ('INSERT', 'DELETE') THEN
        RETURN;
    END IF;
    INSERT INTO probes_auditentry (
        at, txid, actor_kind, actor, user_id, token_id, token_name, address, via, request_id, path,
        model, object_pk, object_name, action, changes
    ) VALUES (
        clock_timestamp(), pg_current_xact_id()::text::bigint,
        COALESCE(actor ->> 'kind', 'system'),
        left(CASE WHEN is_by_hand THEN format('%s by %s', session_user, current_setting('application_name'))
            ELSE actor ->> 'name' END, 200),
        (actor ->> 'user')::bigint, (actor ->> 'token')::bigint,
        left(COALESCE(actor ->> 'token_name', ''), 100),
        COALESCE(actor ->> 'address', ''), COALESCE(actor ->> 'via', 'sql'),
        COALESCE(actor ->> 'request', ''), COALESCE(actor ->> 'path', ''),
        model, left(object_pk, 100), left(object_name, 300),
        CASE operation WHEN 'INSERT' THEN 'create' WHEN 'DELETE' THEN 'delete' ELSE 'change' END,
        COALESCE(changed, '{}')
    );
END
$$
"""

FORGET_NOTE = "DROP FUNCTION probes_audit_note(text, text, text, text, text, jsonb, jsonb, text[], text[])"
FORGET_SHOWN = "DROP FUNCTION probes_audit_shown(jsonb, boolean, boolean)"


PROXIES = [
    migrations.CreateModel(
        name='AuditedAccesstokenGroups',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.accesstoken_groups',),
    ),
    migrations.CreateModel(
        name='AuditedAccesstokenRegions',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.accesstoken_regions',),
    ),
    migrations.CreateModel(
        name='AuditedGroup',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('auth.group',),
        managers=[
            ('objects', django.contrib.auth.models.GroupManager()),
        ],
    ),
    migrations.CreateModel(
        name='AuditedGroupPermissions',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('auth.group_permissions',),
    ),
    migrations.CreateModel(
        name='AuditedMaintenancewindowGroups',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.maintenancewindow_groups',),
    ),
    migrations.CreateModel(
        name='AuditedMaintenancewindowRegions',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.maintenancewindow_regions',),
    ),
    migrations.CreateModel(
        name='AuditedMaintenancewindowRegistries',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.maintenancewindow_registries',),
    ),
    migrations.CreateModel(
        name='AuditedMaintenancewindowResources',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.maintenancewindow_resources',),
    ),
    migrations.CreateModel(
        name='AuditedResourceRegions',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.resource_regions',),
    ),
    migrations.CreateModel(
        name='AuditedRuleGroups',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.rule_groups',),
    ),
    migrations.CreateModel(
        name='AuditedRuleRegistries',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('probes.rule_registries',),
    ),
    migrations.CreateModel(
        name='AuditedUser',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('auth.user',),
        managers=[
            ('objects', django.contrib.auth.models.UserManager()),
        ],
    ),
    migrations.CreateModel(
        name='AuditedUserGroups',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('auth.user_groups',),
    ),
    migrations.CreateModel(
        name='AuditedUserUserPermissions',
        fields=[
        ],
        options={
            'proxy': True,
            'default_permissions': (),
            'indexes': [],
            'constraints': [],
        },
        bases=('auth.user_user_permissions',),
    ),
]

TRIGGERS = [
    pgtrigger.migrations.AddTrigger(
        model_name='accesstoken',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."owner_id", OLD."name", OLD."prefix", OLD."scopes", OLD."is_of_all_groups", OLD."is_of_all_regions", OLD."created_by_id", OLD."made_with_id", OLD."created_at", OLD."expires_at", OLD."revoked_at", OLD."secret_hash") IS NOT DISTINCT FROM ROW(NEW."owner_id", NEW."name", NEW."prefix", NEW."scopes", NEW."is_of_all_groups", NEW."is_of_all_regions", NEW."created_by_id", NEW."made_with_id", NEW."created_at", NEW."expires_at", NEW."revoked_at", NEW."secret_hash") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'owner\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."owner_id"), \'#\' || OLD."owner_id"), \'name\', OLD."name", \'prefix\', OLD."prefix", \'scopes\', OLD."scopes", \'is_of_all_groups\', OLD."is_of_all_groups", \'is_of_all_regions\', OLD."is_of_all_regions", \'created_by\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."created_by_id"), \'#\' || OLD."created_by_id"), \'made_with\', COALESCE((SELECT ltrim(other."name" || \' \' || \'#\' || OLD."made_with_id") FROM "probes_accesstoken" AS other WHERE other."id" = OLD."made_with_id"), \'#\' || OLD."made_with_id"), \'created_at\', OLD."created_at", \'expires_at\', OLD."expires_at", \'revoked_at\', OLD."revoked_at", \'secret_hash\', OLD."secret_hash"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'owner\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."owner_id"), \'#\' || NEW."owner_id"), \'name\', NEW."name", \'prefix\', NEW."prefix", \'scopes\', NEW."scopes", \'is_of_all_groups\', NEW."is_of_all_groups", \'is_of_all_regions\', NEW."is_of_all_regions", \'created_by\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."created_by_id"), \'#\' || NEW."created_by_id"), \'made_with\', COALESCE((SELECT ltrim(other."name" || \' \' || \'#\' || NEW."made_with_id") FROM "probes_accesstoken" AS other WHERE other."id" = NEW."made_with_id"), \'#\' || NEW."made_with_id"), \'created_at\', NEW."created_at", \'expires_at\', NEW."expires_at", \'revoked_at\', NEW."revoked_at", \'secret_hash\', NEW."secret_hash"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.accesstoken\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(ltrim(NEW."name" || \' \' || \'#\' || NEW."id"::text), ltrim(OLD."name" || \' \' || \'#\' || OLD."id"::text), \'\'), \'\', was, becomes, \'{secret_hash}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='c0e420961c094e985e5f58fff27250d6a58ddde9', operation='INSERT OR DELETE OR UPDATE OF "owner_id", "name", "prefix", "scopes", "is_of_all_groups", "is_of_all_regions", "created_by_id", "made_with_id", "created_at", "expires_at", "revoked_at", "secret_hash"', pgid='pgtrigger_audit_bc0d4', table='probes_accesstoken', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='brokeraccount',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."region_id", OLD."username", OLD."made_at", OLD."valid_until", OLD."sha256", OLD."salted_sha256") IS NOT DISTINCT FROM ROW(NEW."region_id", NEW."username", NEW."made_at", NEW."valid_until", NEW."sha256", NEW."salted_sha256") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id"), \'username\', OLD."username", \'made_at\', OLD."made_at", \'valid_until\', OLD."valid_until", \'sha256\', OLD."sha256", \'salted_sha256\', OLD."salted_sha256"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id"), \'username\', NEW."username", \'made_at\', NEW."made_at", \'valid_until\', NEW."valid_until", \'sha256\', NEW."sha256", \'salted_sha256\', NEW."salted_sha256"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.brokeraccount\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."username", OLD."username", \'\'), \'\', was, becomes, \'{sha256,salted_sha256}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='6ee00327d5e3c4265b7bd1813713faf45ee515b2', operation='INSERT OR DELETE OR UPDATE OF "region_id", "username", "made_at", "valid_until", "sha256", "salted_sha256"', pgid='pgtrigger_audit_8733b', table='probes_brokeraccount', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='channel',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."kind", OLD."is_enabled", OLD."address", OLD."sender", OLD."recipients", OLD."allowed_cidrs", OLD."ca_pem", OLD."reminder_minutes", OLD."secret_encrypted") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."kind", NEW."is_enabled", NEW."address", NEW."sender", NEW."recipients", NEW."allowed_cidrs", NEW."ca_pem", NEW."reminder_minutes", NEW."secret_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'kind\', OLD."kind", \'is_enabled\', OLD."is_enabled", \'address\', OLD."address", \'sender\', OLD."sender", \'recipients\', OLD."recipients", \'allowed_cidrs\', OLD."allowed_cidrs", \'ca_pem\', OLD."ca_pem", \'reminder_minutes\', OLD."reminder_minutes", \'secret_encrypted\', OLD."secret_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'kind\', NEW."kind", \'is_enabled\', NEW."is_enabled", \'address\', NEW."address", \'sender\', NEW."sender", \'recipients\', NEW."recipients", \'allowed_cidrs\', NEW."allowed_cidrs", \'ca_pem\', NEW."ca_pem", \'reminder_minutes\', NEW."reminder_minutes", \'secret_encrypted\', NEW."secret_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.channel\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{secret_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='51263660633d1fb340ead7ccbd11826acd65d451', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "kind", "is_enabled", "address", "sender", "recipients", "allowed_cidrs", "ca_pem", "reminder_minutes", "secret_encrypted"', pgid='pgtrigger_audit_6336a', table='probes_channel', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='credential',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."registry_id", OLD."repository_prefix", OLD."region_id", OLD."label", OLD."kind", OLD."username", OLD."expires_at", OLD."secret_encrypted") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."registry_id", NEW."repository_prefix", NEW."region_id", NEW."label", NEW."kind", NEW."username", NEW."expires_at", NEW."secret_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = OLD."registry_id"), \'#\' || OLD."registry_id"), \'repository_prefix\', OLD."repository_prefix", \'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id"), \'label\', OLD."label", \'kind\', OLD."kind", \'username\', OLD."username", \'expires_at\', OLD."expires_at", \'secret_encrypted\', OLD."secret_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = NEW."registry_id"), \'#\' || NEW."registry_id"), \'repository_prefix\', NEW."repository_prefix", \'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id"), \'label\', NEW."label", \'kind\', NEW."kind", \'username\', NEW."username", \'expires_at\', NEW."expires_at", \'secret_encrypted\', NEW."secret_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.credential\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{secret_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='e42fc418162a6fb5ea2e975ebb20f7a309ab00a1', operation='INSERT OR DELETE OR UPDATE OF "slug", "registry_id", "repository_prefix", "region_id", "label", "kind", "username", "expires_at", "secret_encrypted"', pgid='pgtrigger_audit_e93be', table='probes_credential', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='endpoint',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."method", OLD."follow_redirects", OLD."login_header", OLD."tls_minimum", OLD."statuses", OLD."contains", OLD."matches", OLD."json_path", OLD."json_equals", OLD."latency_ms", OLD."certificate_days", OLD."headers", OLD."body") IS NOT DISTINCT FROM ROW(NEW."method", NEW."follow_redirects", NEW."login_header", NEW."tls_minimum", NEW."statuses", NEW."contains", NEW."matches", NEW."json_path", NEW."json_equals", NEW."latency_ms", NEW."certificate_days", NEW."headers", NEW."body") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'method\', OLD."method", \'follow_redirects\', OLD."follow_redirects", \'login_header\', OLD."login_header", \'tls_minimum\', OLD."tls_minimum", \'statuses\', OLD."statuses", \'contains\', OLD."contains", \'matches\', OLD."matches", \'json_path\', OLD."json_path", \'json_equals\', OLD."json_equals", \'latency_ms\', OLD."latency_ms", \'certificate_days\', OLD."certificate_days", \'headers\', OLD."headers", \'body\', OLD."body"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'method\', NEW."method", \'follow_redirects\', NEW."follow_redirects", \'login_header\', NEW."login_header", \'tls_minimum\', NEW."tls_minimum", \'statuses\', NEW."statuses", \'contains\', NEW."contains", \'matches\', NEW."matches", \'json_path\', NEW."json_path", \'json_equals\', NEW."json_equals", \'latency_ms\', NEW."latency_ms", \'certificate_days\', NEW."certificate_days", \'headers\', NEW."headers", \'body\', NEW."body"); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.resource\', COALESCE(NEW."resource_id"::text, OLD."resource_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_resource" AS other WHERE other."id" = NEW."resource_id"), \'#\' || NEW."resource_id"), COALESCE((SELECT other."slug" FROM "probes_resource" AS other WHERE other."id" = OLD."resource_id"), \'#\' || OLD."resource_id"), \'\'), \'endpoint.\', was, becomes, \'{headers,body}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='85db4094746444b41d7b906aa75878bfea5b8deb', operation='INSERT OR DELETE OR UPDATE OF "method", "follow_redirects", "login_header", "tls_minimum", "statuses", "contains", "matches", "json_path", "json_equals", "latency_ms", "certificate_days", "headers", "body"', pgid='pgtrigger_audit_6193a', table='probes_endpoint', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='globalterms',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."quorum_votes", OLD."quorum_percent", OLD."minimum_votes", OLD."failures", OLD."recoveries", OLD."fresh_intervals", OLD."severity", OLD."degraded_after_seconds", OLD."uptime_target_percent") IS NOT DISTINCT FROM ROW(NEW."quorum_votes", NEW."quorum_percent", NEW."minimum_votes", NEW."failures", NEW."recoveries", NEW."fresh_intervals", NEW."severity", NEW."degraded_after_seconds", NEW."uptime_target_percent") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'quorum_votes\', OLD."quorum_votes", \'quorum_percent\', OLD."quorum_percent", \'minimum_votes\', OLD."minimum_votes", \'failures\', OLD."failures", \'recoveries\', OLD."recoveries", \'fresh_intervals\', OLD."fresh_intervals", \'severity\', OLD."severity", \'degraded_after_seconds\', OLD."degraded_after_seconds", \'uptime_target_percent\', OLD."uptime_target_percent"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'quorum_votes\', NEW."quorum_votes", \'quorum_percent\', NEW."quorum_percent", \'minimum_votes\', NEW."minimum_votes", \'failures\', NEW."failures", \'recoveries\', NEW."recoveries", \'fresh_intervals\', NEW."fresh_intervals", \'severity\', NEW."severity", \'degraded_after_seconds\', NEW."degraded_after_seconds", \'uptime_target_percent\', NEW."uptime_target_percent"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.globalterms\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(\'#\' || NEW."id"::text, \'#\' || OLD."id"::text, \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='27fc187ddadc5c92f0be50ca5b038e22d74889db', operation='INSERT OR DELETE OR UPDATE OF "quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity", "degraded_after_seconds", "uptime_target_percent"', pgid='pgtrigger_audit_3ce1c', table='probes_globalterms', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='maintenancewindow',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."starts_on", OLD."starts_at", OLD."zone", OLD."duration_minutes", OLD."rule") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."starts_on", NEW."starts_at", NEW."zone", NEW."duration_minutes", NEW."rule") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'starts_on\', OLD."starts_on", \'starts_at\', OLD."starts_at", \'zone\', OLD."zone", \'duration_minutes\', OLD."duration_minutes", \'rule\', OLD."rule"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'starts_on\', NEW."starts_on", \'starts_at\', NEW."starts_at", \'zone\', NEW."zone", \'duration_minutes\', NEW."duration_minutes", \'rule\', NEW."rule"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.maintenancewindow\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='a37ed0bee2ac3b0c6819a8e34c331ae06d2a5c66', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "starts_on", "starts_at", "zone", "duration_minutes", "rule"', pgid='pgtrigger_audit_7eb0d', table='probes_maintenancewindow', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='region',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."latitude", OLD."longitude", OLD."verify_key", OLD."box_public_key", OLD."paused_at", OLD."draining_at", OLD."retired_at") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."latitude", NEW."longitude", NEW."verify_key", NEW."box_public_key", NEW."paused_at", NEW."draining_at", NEW."retired_at") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'latitude\', OLD."latitude", \'longitude\', OLD."longitude", \'verify_key\', OLD."verify_key", \'box_public_key\', OLD."box_public_key", \'paused_at\', OLD."paused_at", \'draining_at\', OLD."draining_at", \'retired_at\', OLD."retired_at"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'latitude\', NEW."latitude", \'longitude\', NEW."longitude", \'verify_key\', NEW."verify_key", \'box_public_key\', NEW."box_public_key", \'paused_at\', NEW."paused_at", \'draining_at\', NEW."draining_at", \'retired_at\', NEW."retired_at"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.region\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='b137b5df8d09c201a2663e2611e7ca1375405567', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "latitude", "longitude", "verify_key", "box_public_key", "paused_at", "draining_at", "retired_at"', pgid='pgtrigger_audit_7aa21', table='probes_region', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='regionkey',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."region_id", OLD."verify_key", OLD."box_public_key", OLD."made_at", OLD."valid_until", OLD."box_private_encrypted") IS NOT DISTINCT FROM ROW(NEW."region_id", NEW."verify_key", NEW."box_public_key", NEW."made_at", NEW."valid_until", NEW."box_private_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id"), \'verify_key\', OLD."verify_key", \'box_public_key\', OLD."box_public_key", \'made_at\', OLD."made_at", \'valid_until\', OLD."valid_until", \'box_private_encrypted\', OLD."box_private_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id"), \'verify_key\', NEW."verify_key", \'box_public_key\', NEW."box_public_key", \'made_at\', NEW."made_at", \'valid_until\', NEW."valid_until", \'box_private_encrypted\', NEW."box_private_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.regionkey\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(\'#\' || NEW."id"::text, \'#\' || OLD."id"::text, \'\'), \'\', was, becomes, \'{box_private_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='d31d692e958ea56ded0f661a8c9cc0258a637832', operation='INSERT OR DELETE OR UPDATE OF "region_id", "verify_key", "box_public_key", "made_at", "valid_until", "box_private_encrypted"', pgid='pgtrigger_audit_4ceb7', table='probes_regionkey', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='registry',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."name", OLD."host", OLD."api_host", OLD."ca_pem", OLD."allow_cidrs", OLD."allow_hosts", OLD."resolve", OLD."trusted_auth_hosts", OLD."plain_http", OLD."quota_share_percent", OLD."quota_limit", OLD."quota_window_seconds", OLD."quota_counts", OLD."client_certificate", OLD."notes", OLD."client_key_encrypted") IS NOT DISTINCT FROM ROW(NEW."name", NEW."host", NEW."api_host", NEW."ca_pem", NEW."allow_cidrs", NEW."allow_hosts", NEW."resolve", NEW."trusted_auth_hosts", NEW."plain_http", NEW."quota_share_percent", NEW."quota_limit", NEW."quota_window_seconds", NEW."quota_counts", NEW."client_certificate", NEW."notes", NEW."client_key_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'name\', OLD."name", \'host\', OLD."host", \'api_host\', OLD."api_host", \'ca_pem\', OLD."ca_pem", \'allow_cidrs\', OLD."allow_cidrs", \'allow_hosts\', OLD."allow_hosts", \'resolve\', OLD."resolve", \'trusted_auth_hosts\', OLD."trusted_auth_hosts", \'plain_http\', OLD."plain_http", \'quota_share_percent\', OLD."quota_share_percent", \'quota_limit\', OLD."quota_limit", \'quota_window_seconds\', OLD."quota_window_seconds", \'quota_counts\', OLD."quota_counts", \'client_certificate\', OLD."client_certificate", \'notes\', OLD."notes", \'client_key_encrypted\', OLD."client_key_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'name\', NEW."name", \'host\', NEW."host", \'api_host\', NEW."api_host", \'ca_pem\', NEW."ca_pem", \'allow_cidrs\', NEW."allow_cidrs", \'allow_hosts\', NEW."allow_hosts", \'resolve\', NEW."resolve", \'trusted_auth_hosts\', NEW."trusted_auth_hosts", \'plain_http\', NEW."plain_http", \'quota_share_percent\', NEW."quota_share_percent", \'quota_limit\', NEW."quota_limit", \'quota_window_seconds\', NEW."quota_window_seconds", \'quota_counts\', NEW."quota_counts", \'client_certificate\', NEW."client_certificate", \'notes\', NEW."notes", \'client_key_encrypted\', NEW."client_key_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.registry\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."host", OLD."host", \'\'), \'\', was, becomes, \'{client_key_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='9a25cca9ff5a607b0e085876f7200f2ec1952c31', operation='INSERT OR DELETE OR UPDATE OF "name", "host", "api_host", "ca_pem", "allow_cidrs", "allow_hosts", "resolve", "trusted_auth_hosts", "plain_http", "quota_share_percent", "quota_limit", "quota_window_seconds", "quota_counts", "client_certificate", "notes", "client_key_encrypted"', pgid='pgtrigger_audit_fe27f', table='probes_registry', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='resource',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."kind", OLD."slug", OLD."name", OLD."registry_id", OLD."platforms", OLD."strict_platform", OLD."depth", OLD."manifest_cadence_seconds", OLD."blobs_cadence_seconds", OLD."sample_blobs", OLD."check_tag", OLD."is_tag_immutable", OLD."interval_seconds", OLD."credential_id", OLD."group_id", OLD."labels", OLD."paused_at", OLD."quorum_votes", OLD."quorum_percent", OLD."minimum_votes", OLD."failures", OLD."recoveries", OLD."fresh_intervals", OLD."severity", OLD."degraded_after_seconds", OLD."uptime_target_percent", OLD."reference") IS NOT DISTINCT FROM ROW(NEW."kind", NEW."slug", NEW."name", NEW."registry_id", NEW."platforms", NEW."strict_platform", NEW."depth", NEW."manifest_cadence_seconds", NEW."blobs_cadence_seconds", NEW."sample_blobs", NEW."check_tag", NEW."is_tag_immutable", NEW."interval_seconds", NEW."credential_id", NEW."group_id", NEW."labels", NEW."paused_at", NEW."quorum_votes", NEW."quorum_percent", NEW."minimum_votes", NEW."failures", NEW."recoveries", NEW."fresh_intervals", NEW."severity", NEW."degraded_after_seconds", NEW."uptime_target_percent", NEW."reference") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'kind\', OLD."kind", \'slug\', OLD."slug", \'name\', OLD."name", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = OLD."registry_id"), \'#\' || OLD."registry_id"), \'platforms\', OLD."platforms", \'strict_platform\', OLD."strict_platform", \'depth\', OLD."depth", \'manifest_cadence_seconds\', OLD."manifest_cadence_seconds", \'blobs_cadence_seconds\', OLD."blobs_cadence_seconds", \'sample_blobs\', OLD."sample_blobs", \'check_tag\', OLD."check_tag", \'is_tag_immutable\', OLD."is_tag_immutable", \'interval_seconds\', OLD."interval_seconds", \'credential\', COALESCE((SELECT other."slug" FROM "probes_credential" AS other WHERE other."id" = OLD."credential_id"), \'#\' || OLD."credential_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id"), \'labels\', OLD."labels", \'paused_at\', OLD."paused_at", \'quorum_votes\', OLD."quorum_votes", \'quorum_percent\', OLD."quorum_percent", \'minimum_votes\', OLD."minimum_votes", \'failures\', OLD."failures", \'recoveries\', OLD."recoveries", \'fresh_intervals\', OLD."fresh_intervals", \'severity\', OLD."severity", \'degraded_after_seconds\', OLD."degraded_after_seconds", \'uptime_target_percent\', OLD."uptime_target_percent", \'reference\', OLD."reference"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'kind\', NEW."kind", \'slug\', NEW."slug", \'name\', NEW."name", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = NEW."registry_id"), \'#\' || NEW."registry_id"), \'platforms\', NEW."platforms", \'strict_platform\', NEW."strict_platform", \'depth\', NEW."depth", \'manifest_cadence_seconds\', NEW."manifest_cadence_seconds", \'blobs_cadence_seconds\', NEW."blobs_cadence_seconds", \'sample_blobs\', NEW."sample_blobs", \'check_tag\', NEW."check_tag", \'is_tag_immutable\', NEW."is_tag_immutable", \'interval_seconds\', NEW."interval_seconds", \'credential\', COALESCE((SELECT other."slug" FROM "probes_credential" AS other WHERE other."id" = NEW."credential_id"), \'#\' || NEW."credential_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id"), \'labels\', NEW."labels", \'paused_at\', NEW."paused_at", \'quorum_votes\', NEW."quorum_votes", \'quorum_percent\', NEW."quorum_percent", \'minimum_votes\', NEW."minimum_votes", \'failures\', NEW."failures", \'recoveries\', NEW."recoveries", \'fresh_intervals\', NEW."fresh_intervals", \'severity\', NEW."severity", \'degraded_after_seconds\', NEW."degraded_after_seconds", \'uptime_target_percent\', NEW."uptime_target_percent", \'reference\', NEW."reference"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.resource\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{reference}\'::text[]); RETURN NULL;', hash='f8ba5bbc751a3ed21de947643fae4fd71b1e6449', operation='INSERT OR DELETE OR UPDATE OF "kind", "slug", "name", "registry_id", "platforms", "strict_platform", "depth", "manifest_cadence_seconds", "blobs_cadence_seconds", "sample_blobs", "check_tag", "is_tag_immutable", "interval_seconds", "credential_id", "group_id", "labels", "paused_at", "quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity", "degraded_after_seconds", "uptime_target_percent", "reference"', pgid='pgtrigger_audit_143b3', table='probes_resource', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='resourcegroup',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."notes", OLD."quorum_votes", OLD."quorum_percent", OLD."minimum_votes", OLD."failures", OLD."recoveries", OLD."fresh_intervals", OLD."severity", OLD."degraded_after_seconds", OLD."uptime_target_percent") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."notes", NEW."quorum_votes", NEW."quorum_percent", NEW."minimum_votes", NEW."failures", NEW."recoveries", NEW."fresh_intervals", NEW."severity", NEW."degraded_after_seconds", NEW."uptime_target_percent") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'notes\', OLD."notes", \'quorum_votes\', OLD."quorum_votes", \'quorum_percent\', OLD."quorum_percent", \'minimum_votes\', OLD."minimum_votes", \'failures\', OLD."failures", \'recoveries\', OLD."recoveries", \'fresh_intervals\', OLD."fresh_intervals", \'severity\', OLD."severity", \'degraded_after_seconds\', OLD."degraded_after_seconds", \'uptime_target_percent\', OLD."uptime_target_percent"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'notes\', NEW."notes", \'quorum_votes\', NEW."quorum_votes", \'quorum_percent\', NEW."quorum_percent", \'minimum_votes\', NEW."minimum_votes", \'failures\', NEW."failures", \'recoveries\', NEW."recoveries", \'fresh_intervals\', NEW."fresh_intervals", \'severity\', NEW."severity", \'degraded_after_seconds\', NEW."degraded_after_seconds", \'uptime_target_percent\', NEW."uptime_target_percent"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.resourcegroup\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='b2c64353e9be9bbd28e2eec7254da2bd73ccfc36', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "notes", "quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity", "degraded_after_seconds", "uptime_target_percent"', pgid='pgtrigger_audit_a4499', table='probes_resourcegroup', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='rolegrant',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."user_id", OLD."team_id", OLD."role", OLD."group_id") IS NOT DISTINCT FROM ROW(NEW."user_id", NEW."team_id", NEW."role", NEW."group_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'user\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."user_id"), \'#\' || OLD."user_id"), \'team\', COALESCE((SELECT other."name" FROM "auth_group" AS other WHERE other."id" = OLD."team_id"), \'#\' || OLD."team_id"), \'role\', OLD."role", \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'user\', COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."user_id"), \'#\' || NEW."user_id"), \'team\', COALESCE((SELECT other."name" FROM "auth_group" AS other WHERE other."id" = NEW."team_id"), \'#\' || NEW."team_id"), \'role\', NEW."role", \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.rolegrant\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(\'#\' || NEW."id"::text, \'#\' || OLD."id"::text, \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='b7a8e13db5cac34c300b858bb1f6f29fed8b6471', operation='INSERT OR DELETE OR UPDATE OF "user_id", "team_id", "role", "group_id"', pgid='pgtrigger_audit_3f79a', table='probes_rolegrant', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='rule',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."channel_id", OLD."topics", OLD."severity", OLD."labels") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."channel_id", NEW."topics", NEW."severity", NEW."labels") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'channel\', COALESCE((SELECT other."slug" FROM "probes_channel" AS other WHERE other."id" = OLD."channel_id"), \'#\' || OLD."channel_id"), \'topics\', OLD."topics", \'severity\', OLD."severity", \'labels\', OLD."labels"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'channel\', COALESCE((SELECT other."slug" FROM "probes_channel" AS other WHERE other."id" = NEW."channel_id"), \'#\' || NEW."channel_id"), \'topics\', NEW."topics", \'severity\', NEW."severity", \'labels\', NEW."labels"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.rule\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='3ff1e51eec209c3c5df5720d0618cb68364f5765', operation='INSERT OR DELETE OR UPDATE OF "slug", "channel_id", "topics", "severity", "labels"', pgid='pgtrigger_audit_51584', table='probes_rule', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditentry',
        trigger=pgtrigger.compiler.Trigger(name='append_only', sql=probes.models.audited.AuditTriggerSql(func="RAISE EXCEPTION 'The audit log is only added to.' USING ERRCODE = 'insufficient_privilege';", hash='148cc802cb30ff8ce8a312c888794f4e87bcb2cf', level='STATEMENT', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_8c6c9', table='probes_auditentry', when='BEFORE')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditentry',
        trigger=pgtrigger.compiler.Trigger(name='never_emptied', sql=probes.models.audited.AuditTriggerSql(func="RAISE EXCEPTION 'The audit log is only added to.' USING ERRCODE = 'insufficient_privilege';", hash='a6283bc867ef45480b27cc9b379d1bac1cdffe0d', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_never_emptied_d52c3', table='probes_auditentry', when='BEFORE')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedaccesstokengroups',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."resourcegroup_id") IS NOT DISTINCT FROM ROW(NEW."resourcegroup_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'groups\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."resourcegroup_id"), \'#\' || OLD."resourcegroup_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'groups\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."resourcegroup_id"), \'#\' || NEW."resourcegroup_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.accesstoken\', COALESCE(NEW."accesstoken_id"::text, OLD."accesstoken_id"::text, \'\'), COALESCE(COALESCE((SELECT ltrim(other."name" || \' \' || \'#\' || NEW."accesstoken_id") FROM "probes_accesstoken" AS other WHERE other."id" = NEW."accesstoken_id"), \'#\' || NEW."accesstoken_id"), COALESCE((SELECT ltrim(other."name" || \' \' || \'#\' || OLD."accesstoken_id") FROM "probes_accesstoken" AS other WHERE other."id" = OLD."accesstoken_id"), \'#\' || OLD."accesstoken_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='9476af10e173a1003c236412c057cdffe9115766', operation='INSERT OR DELETE OR UPDATE OF "resourcegroup_id"', pgid='pgtrigger_audit_72103', table='probes_accesstoken_groups', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedaccesstokenregions',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."region_id") IS NOT DISTINCT FROM ROW(NEW."region_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'regions\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'regions\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.accesstoken\', COALESCE(NEW."accesstoken_id"::text, OLD."accesstoken_id"::text, \'\'), COALESCE(COALESCE((SELECT ltrim(other."name" || \' \' || \'#\' || NEW."accesstoken_id") FROM "probes_accesstoken" AS other WHERE other."id" = NEW."accesstoken_id"), \'#\' || NEW."accesstoken_id"), COALESCE((SELECT ltrim(other."name" || \' \' || \'#\' || OLD."accesstoken_id") FROM "probes_accesstoken" AS other WHERE other."id" = OLD."accesstoken_id"), \'#\' || OLD."accesstoken_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='f44a81f02292ee89134a3b7ab2647d8efa618858', operation='INSERT OR DELETE OR UPDATE OF "region_id"', pgid='pgtrigger_audit_69de5', table='probes_accesstoken_regions', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedgroup',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."name") IS NOT DISTINCT FROM ROW(NEW."name") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'name\', OLD."name"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'name\', NEW."name"); END IF; PERFORM probes_audit_note(TG_OP, \'auth.group\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."name", OLD."name", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='2f8282bf7e22f85d34a8bb1e8c2e488217b77bbc', operation='INSERT OR DELETE OR UPDATE OF "name"', pgid='pgtrigger_audit_0af10', table='auth_group', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedgrouppermissions',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."permission_id") IS NOT DISTINCT FROM ROW(NEW."permission_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'permissions\', COALESCE((SELECT ltrim(other."codename" || \' \' || \'#\' || OLD."permission_id") FROM "auth_permission" AS other WHERE other."id" = OLD."permission_id"), \'#\' || OLD."permission_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'permissions\', COALESCE((SELECT ltrim(other."codename" || \' \' || \'#\' || NEW."permission_id") FROM "auth_permission" AS other WHERE other."id" = NEW."permission_id"), \'#\' || NEW."permission_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'auth.group\', COALESCE(NEW."group_id"::text, OLD."group_id"::text, \'\'), COALESCE(COALESCE((SELECT other."name" FROM "auth_group" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id"), COALESCE((SELECT other."name" FROM "auth_group" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='f0e65e455e742d38f3f2657c9378ac754f6023fc', operation='INSERT OR DELETE OR UPDATE OF "permission_id"', pgid='pgtrigger_audit_8cd77', table='auth_group_permissions', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedmaintenancewindowgroups',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."resourcegroup_id") IS NOT DISTINCT FROM ROW(NEW."resourcegroup_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'groups\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."resourcegroup_id"), \'#\' || OLD."resourcegroup_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'groups\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."resourcegroup_id"), \'#\' || NEW."resourcegroup_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.maintenancewindow\', COALESCE(NEW."maintenancewindow_id"::text, OLD."maintenancewindow_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = NEW."maintenancewindow_id"), \'#\' || NEW."maintenancewindow_id"), COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = OLD."maintenancewindow_id"), \'#\' || OLD."maintenancewindow_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='024ca21c313104c708fe77a25646861c54c31c03', operation='INSERT OR DELETE OR UPDATE OF "resourcegroup_id"', pgid='pgtrigger_audit_1bbe5', table='probes_maintenancewindow_groups', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedmaintenancewindowregions',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."region_id") IS NOT DISTINCT FROM ROW(NEW."region_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'regions\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'regions\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.maintenancewindow\', COALESCE(NEW."maintenancewindow_id"::text, OLD."maintenancewindow_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = NEW."maintenancewindow_id"), \'#\' || NEW."maintenancewindow_id"), COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = OLD."maintenancewindow_id"), \'#\' || OLD."maintenancewindow_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='a65e50b34a03f93f53530d9831fdecc47053ff0a', operation='INSERT OR DELETE OR UPDATE OF "region_id"', pgid='pgtrigger_audit_ba3dd', table='probes_maintenancewindow_regions', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedmaintenancewindowregistries',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."registry_id") IS NOT DISTINCT FROM ROW(NEW."registry_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'registries\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = OLD."registry_id"), \'#\' || OLD."registry_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'registries\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = NEW."registry_id"), \'#\' || NEW."registry_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.maintenancewindow\', COALESCE(NEW."maintenancewindow_id"::text, OLD."maintenancewindow_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = NEW."maintenancewindow_id"), \'#\' || NEW."maintenancewindow_id"), COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = OLD."maintenancewindow_id"), \'#\' || OLD."maintenancewindow_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='a7882ae816fbd3f03497a5a9239fafd0349f2471', operation='INSERT OR DELETE OR UPDATE OF "registry_id"', pgid='pgtrigger_audit_4502d', table='probes_maintenancewindow_registries', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedmaintenancewindowresources',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."resource_id") IS NOT DISTINCT FROM ROW(NEW."resource_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'resources\', COALESCE((SELECT other."slug" FROM "probes_resource" AS other WHERE other."id" = OLD."resource_id"), \'#\' || OLD."resource_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'resources\', COALESCE((SELECT other."slug" FROM "probes_resource" AS other WHERE other."id" = NEW."resource_id"), \'#\' || NEW."resource_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.maintenancewindow\', COALESCE(NEW."maintenancewindow_id"::text, OLD."maintenancewindow_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = NEW."maintenancewindow_id"), \'#\' || NEW."maintenancewindow_id"), COALESCE((SELECT other."slug" FROM "probes_maintenancewindow" AS other WHERE other."id" = OLD."maintenancewindow_id"), \'#\' || OLD."maintenancewindow_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='f470e348cbd1916fd28f5b5a377c1232f15f9c5f', operation='INSERT OR DELETE OR UPDATE OF "resource_id"', pgid='pgtrigger_audit_c20c7', table='probes_maintenancewindow_resources', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedresourceregions',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."region_id") IS NOT DISTINCT FROM ROW(NEW."region_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'regions\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'regions\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.resource\', COALESCE(NEW."resource_id"::text, OLD."resource_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_resource" AS other WHERE other."id" = NEW."resource_id"), \'#\' || NEW."resource_id"), COALESCE((SELECT other."slug" FROM "probes_resource" AS other WHERE other."id" = OLD."resource_id"), \'#\' || OLD."resource_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='1c9363843bc8071cf2e7171f9dadb79da7190e15', operation='INSERT OR DELETE OR UPDATE OF "region_id"', pgid='pgtrigger_audit_9f024', table='probes_resource_regions', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedrulegroups',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."resourcegroup_id") IS NOT DISTINCT FROM ROW(NEW."resourcegroup_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'groups\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."resourcegroup_id"), \'#\' || OLD."resourcegroup_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'groups\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."resourcegroup_id"), \'#\' || NEW."resourcegroup_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.rule\', COALESCE(NEW."rule_id"::text, OLD."rule_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_rule" AS other WHERE other."id" = NEW."rule_id"), \'#\' || NEW."rule_id"), COALESCE((SELECT other."slug" FROM "probes_rule" AS other WHERE other."id" = OLD."rule_id"), \'#\' || OLD."rule_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='44ce5ca73319c32a472d65caf84a4929c639d253', operation='INSERT OR DELETE OR UPDATE OF "resourcegroup_id"', pgid='pgtrigger_audit_be167', table='probes_rule_groups', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedruleregistries',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."registry_id") IS NOT DISTINCT FROM ROW(NEW."registry_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'registries\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = OLD."registry_id"), \'#\' || OLD."registry_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'registries\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = NEW."registry_id"), \'#\' || NEW."registry_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'probes.rule\', COALESCE(NEW."rule_id"::text, OLD."rule_id"::text, \'\'), COALESCE(COALESCE((SELECT other."slug" FROM "probes_rule" AS other WHERE other."id" = NEW."rule_id"), \'#\' || NEW."rule_id"), COALESCE((SELECT other."slug" FROM "probes_rule" AS other WHERE other."id" = OLD."rule_id"), \'#\' || OLD."rule_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='77ef1270500b69c260542345e77a06554ab3dc9d', operation='INSERT OR DELETE OR UPDATE OF "registry_id"', pgid='pgtrigger_audit_760d6', table='probes_rule_registries', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditeduser',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."username", OLD."first_name", OLD."last_name", OLD."email", OLD."is_active", OLD."is_staff", OLD."is_superuser", OLD."date_joined", OLD."password") IS NOT DISTINCT FROM ROW(NEW."username", NEW."first_name", NEW."last_name", NEW."email", NEW."is_active", NEW."is_staff", NEW."is_superuser", NEW."date_joined", NEW."password") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'username\', OLD."username", \'first_name\', OLD."first_name", \'last_name\', OLD."last_name", \'email\', OLD."email", \'is_active\', OLD."is_active", \'is_staff\', OLD."is_staff", \'is_superuser\', OLD."is_superuser", \'date_joined\', OLD."date_joined", \'password\', OLD."password"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'username\', NEW."username", \'first_name\', NEW."first_name", \'last_name\', NEW."last_name", \'email\', NEW."email", \'is_active\', NEW."is_active", \'is_staff\', NEW."is_staff", \'is_superuser\', NEW."is_superuser", \'date_joined\', NEW."date_joined", \'password\', NEW."password"); END IF; PERFORM probes_audit_note(TG_OP, \'auth.user\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."username", OLD."username", \'\'), \'\', was, becomes, \'{password}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='402e2fdfe0032e21dc79a191ea7250cb304e2797', operation='INSERT OR DELETE OR UPDATE OF "username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "date_joined", "password"', pgid='pgtrigger_audit_31cfb', table='auth_user', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditedusergroups',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."group_id") IS NOT DISTINCT FROM ROW(NEW."group_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'groups\', COALESCE((SELECT other."name" FROM "auth_group" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'groups\', COALESCE((SELECT other."name" FROM "auth_group" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'auth.user\', COALESCE(NEW."user_id"::text, OLD."user_id"::text, \'\'), COALESCE(COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."user_id"), \'#\' || NEW."user_id"), COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."user_id"), \'#\' || OLD."user_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='42834e473f13d0e560f8aac562b5b38edff38453', operation='INSERT OR DELETE OR UPDATE OF "group_id"', pgid='pgtrigger_audit_d17bd', table='auth_user_groups', when='AFTER')),
    ),
    pgtrigger.migrations.AddTrigger(
        model_name='auditeduseruserpermissions',
        trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."permission_id") IS NOT DISTINCT FROM ROW(NEW."permission_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'user_permissions\', COALESCE((SELECT ltrim(other."codename" || \' \' || \'#\' || OLD."permission_id") FROM "auth_permission" AS other WHERE other."id" = OLD."permission_id"), \'#\' || OLD."permission_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'user_permissions\', COALESCE((SELECT ltrim(other."codename" || \' \' || \'#\' || NEW."permission_id") FROM "auth_permission" AS other WHERE other."id" = NEW."permission_id"), \'#\' || NEW."permission_id")); END IF; PERFORM probes_audit_note(\'CHANGE\', \'auth.user\', COALESCE(NEW."user_id"::text, OLD."user_id"::text, \'\'), COALESCE(COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = NEW."user_id"), \'#\' || NEW."user_id"), COALESCE((SELECT other."username" FROM "auth_user" AS other WHERE other."id" = OLD."user_id"), \'#\' || OLD."user_id"), \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='46f491153f866752e8cccd65ff6dc0fc45bf9a39', operation='INSERT OR DELETE OR UPDATE OF "permission_id"', pgid='pgtrigger_audit_84bd8', table='auth_user_user_permissions', when='AFTER')),
    ),
]


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('probes', '0035_access_seed'),
    ]

    operations = [
        migrations.RunSQL(SHOWN, FORGET_SHOWN),
        migrations.RunSQL(NOTE, FORGET_NOTE),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('txid', models.BigIntegerField(verbose_name='transaction')),
                ('actor_kind', models.CharField(choices=[('user', 'user'), ('token', 'token'), ('command', 'command'), ('system', 'system')], max_length=8, verbose_name='kind of actor')),
                ('actor', models.CharField(max_length=200)),
                ('user_id', models.BigIntegerField(null=True)),
                ('token_id', models.BigIntegerField(null=True)),
                ('token_name', models.CharField(blank=True, max_length=100, verbose_name='token')),
                ('address', models.CharField(blank=True, help_text="The client's, of a request.", max_length=45)),
                ('via', models.CharField(choices=[('admin', 'admin'), ('api', 'api'), ('page', 'page'), ('command', 'command'), ('apply', 'apply'), ('task', 'task'), ('sql', 'sql')], max_length=8)),
                ('request_id', models.CharField(blank=True, max_length=64, verbose_name='request')),
                ('path', models.CharField(blank=True, max_length=300)),
                ('model', models.CharField(max_length=100)),
                ('object_pk', models.CharField(max_length=100, verbose_name='key')),
                ('object_name', models.CharField(max_length=300, verbose_name='object')),
                ('action', models.CharField(choices=[('create', 'create'), ('change', 'change'), ('delete', 'delete')], max_length=8)),
                ('changes', models.JSONField()),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'ordering': ['-at', '-id'],
                'default_permissions': ('view',),
                'indexes': [
                    models.Index(fields=['-at', '-id'], name='audit_entry_age'),
                    models.Index(fields=['model', 'object_pk', '-at', '-id'], name='audit_entry_of_object'),
                    models.Index(fields=['object_name', '-at', '-id'], name='audit_entry_of_name'),
                    models.Index(fields=['model', '-at', '-id'], name='audit_entry_of_model'),
                    models.Index(fields=['actor', '-at', '-id'], name='audit_entry_of_actor'),
                    models.Index(fields=['via', '-at', '-id'], name='audit_entry_by_way'),
                    models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['request_id'], name='audit_entry_of_request'),
                ],
                'constraints': [models.CheckConstraint(condition=models.Q(('action__in', ['create', 'change', 'delete']), ('actor_kind__in', ['user', 'token', 'command', 'system']), ('via__in', ['admin', 'api', 'page', 'command', 'apply', 'task', 'sql'])), name='audit_entry_words_are_known')],
            },
        ),
        # All at once: for each operation by itself, Django copies what it knows of all models.
        migrations.SeparateDatabaseAndState(
            state_operations=[*PROXIES, *TRIGGERS],
            database_operations=[
                migrations.RunSQL(
                    ''.join(operation.trigger.install_sql for operation in TRIGGERS),
                    ''.join(operation.trigger.uninstall_sql for operation in TRIGGERS),
                ),
            ],
        ),
    ]
