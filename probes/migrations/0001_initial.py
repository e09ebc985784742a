"""Every table but the outcomes: Django makes these by itself."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import probes.models.resource
import probes.models.validation
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Resource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, max_length=255)),
                (
                    "reference",
                    models.CharField(help_text="As you would pull it: ghcr.io/org/app:1.2.", max_length=1024),
                ),
                ("repository", models.CharField(editable=False, max_length=255)),
                ("tag", models.CharField(blank=True, editable=False, max_length=128)),
                ("digest", models.CharField(blank=True, editable=False, max_length=140)),
                (
                    "platforms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100, validators=[probes.models.validation.platform]),
                        default=probes.models.resource.default_platforms,
                        help_text="OS/ARCH[/VARIANT], separated by commas, or the single word all.",
                        size=20,
                    ),
                ),
                (
                    "depth",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("resolve", "resolve"),
                            ("manifest", "manifest"),
                            ("platform", "platform"),
                            ("blobs", "blobs"),
                        ],
                        help_text="Empty is automatic: often cheap, deep when something changed and now and then.",
                        max_length=8,
                        null=True,
                    ),
                ),
                (
                    "interval_seconds",
                    models.PositiveIntegerField(default=300, validators=[probes.models.validation.interval_seconds]),
                ),
                ("labels", models.JSONField(blank=True, default=dict, validators=[probes.models.validation.labels])),
                ("paused_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("next_due_at", models.DateTimeField(default=probes.models.resource.at_once, editable=False)),
                (
                    "asked_slot",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="The slot of the last check that was asked for by hand.",
                        null=True,
                    ),
                ),
                (
                    "reference_since",
                    models.DateTimeField(
                        default=probes.models.resource.at_once,
                        editable=False,
                        help_text="Outcomes for earlier slots are of another image.",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="ControlBeat",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
                ("ticked_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="control_beat_is_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=60)),
                ("cause", models.CharField(max_length=40)),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("last_detail", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ["queue", "cause"],
                "constraints": [
                    models.UniqueConstraint(fields=("queue", "cause"), name="refusal_is_one_per_queue_and_cause"),
                    models.CheckConstraint(
                        condition=models.Q(("first_seen_at__lte", models.F("last_seen_at"))),
                        name="refusal_first_before_last",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Region",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "slug",
                    models.CharField(
                        help_text="The end of its queue's name, such as probe.eu-west; never changes.",
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
                                "Lower-case letters, digits and inner hyphens.",
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("latitude", models.FloatField(blank=True, null=True)),
                ("longitude", models.FloatField(blank=True, null=True)),
                (
                    "verify_key",
                    models.TextField(blank=True, editable=False, help_text="Ed25519, base64: checks its signatures."),
                ),
                (
                    "box_public_key",
                    models.TextField(blank=True, editable=False, help_text="X25519, base64: seals secrets for it."),
                ),
                ("paused_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("retired_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "last_seen_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When its last heartbeat arrived, by our clock.",
                        null=True,
                    ),
                ),
                ("silent_since", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "heartbeat",
                    models.JSONField(
                        blank=True, default=dict, editable=False, help_text="What it last said of itself."
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("slug__regex", "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"),
                            models.Q(("slug", "control"), _negated=True),
                        ),
                        name="region_slug_is_a_label",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("latitude", None), ("longitude", None)),
                            models.Q(
                                ("latitude__isnull", False),
                                ("longitude__isnull", False),
                                ("latitude__range", (-90, 90)),
                                ("longitude__range", (-180, 180)),
                            ),
                            _connector="OR",
                        ),
                        name="region_coordinates_are_a_pair",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("box_public_key", ""), ("verify_key", "")),
                            models.Q(
                                models.Q(("verify_key", ""), _negated=True),
                                models.Q(("box_public_key", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="region_keys_are_a_pair",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Registry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, max_length=100)),
                (
                    "host",
                    models.CharField(
                        help_text="As references name it: docker.io, ghcr.io, registry.example.com:5000.",
                        max_length=260,
                        unique=True,
                        validators=[probes.models.validation.canonical_host],
                    ),
                ),
                (
                    "api_host",
                    models.CharField(
                        blank=True,
                        help_text="Asked instead of the host, for a mirror or a private name. Usually empty.",
                        max_length=260,
                        validators=[probes.models.validation.host],
                        verbose_name="API host",
                    ),
                ),
                (
                    "ca_pem",
                    models.TextField(
                        blank=True,
                        help_text="PEM; trusted as well as the system's roots.",
                        validators=[probes.models.validation.certificates],
                        verbose_name="CA certificates",
                    ),
                ),
                (
                    "allow_cidrs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=50, validators=[probes.models.validation.allowed_cidr]
                        ),
                        blank=True,
                        default=list,
                        help_text="Non-public networks that checks of this registry may dial, separated by commas.",
                        size=50,
                        verbose_name="allowed networks",
                    ),
                ),
                (
                    "resolve",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Addresses to use instead of DNS: {"registry.example.com": ["10.0.0.5"]}.',
                        validators=[probes.models.validation.resolve_map],
                    ),
                ),
                (
                    "trusted_auth_hosts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=260, validators=[probes.models.validation.host]),
                        blank=True,
                        default=list,
                        help_text="Hosts outside the registry's own domain that may receive its credential.",
                        size=50,
                    ),
                ),
                (
                    "plain_http",
                    models.BooleanField(
                        default=False,
                        help_text="The registry speaks HTTP. Nothing else gets weaker.",
                        verbose_name="plain HTTP",
                    ),
                ),
                ("notes", models.TextField(blank=True)),
            ],
            options={
                "verbose_name_plural": "registries",
                "ordering": ["host"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("host", ""), _negated=True), name="registry_host_is_named"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "repository_prefix",
                    models.CharField(
                        blank=True,
                        help_text="Whole leading parts of a repository, such as team/project. Empty is the whole registry.",
                        max_length=255,
                        validators=[probes.models.validation.repository_prefix],
                    ),
                ),
                ("label", models.CharField(blank=True, max_length=100)),
                ("username", models.CharField(blank=True, max_length=255)),
                ("secret_encrypted", models.BinaryField(default=b"")),
                ("rotated_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "region",
                    models.ForeignKey(
                        blank=True,
                        help_text="Use it only from this region, in place of the one without a region.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credentials",
                        to="probes.region",
                    ),
                ),
                (
                    "registry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="credentials", to="probes.registry"
                    ),
                ),
            ],
            options={
                "ordering": ["registry", "repository_prefix", "region"],
            },
        ),
        migrations.CreateModel(
            name="Verdict",
            fields=[
                (
                    "resource",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="verdict",
                        serialize=False,
                        to="probes.resource",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("available", "available"),
                            ("degraded", "degraded"),
                            ("unavailable", "unavailable"),
                            ("unknown", "unknown"),
                        ],
                        default="unknown",
                        max_length=16,
                    ),
                ),
                ("since", models.DateTimeField()),
                ("computed_at", models.DateTimeField()),
                ("stale_at", models.DateTimeField(blank=True, null=True)),
                ("inputs", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["resource"],
            },
        ),
        migrations.AddField(
            model_name="resource",
            name="credential",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty is automatic: the registry's credential with the longest matching prefix.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="resources",
                to="probes.credential",
            ),
        ),
        migrations.AddField(
            model_name="resource",
            name="regions",
            field=models.ManyToManyField(
                blank=True, help_text="None chosen means all.", related_name="resources", to="probes.region"
            ),
        ),
        migrations.AddField(
            model_name="resource",
            name="registry",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="resources",
                to="probes.registry",
            ),
        ),
        migrations.CreateModel(
            name="RegionState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("available", "available"),
                            ("unavailable", "unavailable"),
                            ("degraded", "degraded"),
                            ("indeterminate", "indeterminate"),
                            ("config_error", "config_error"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(max_length=40)),
                (
                    "stage",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("parse", "parse"),
                            ("dns", "dns"),
                            ("connect", "connect"),
                            ("tls", "tls"),
                            ("challenge", "challenge"),
                            ("token", "token"),
                            ("manifest", "manifest"),
                            ("index", "index"),
                            ("child", "child"),
                            ("config", "config"),
                            ("layer", "layer"),
                        ],
                        max_length=16,
                        null=True,
                    ),
                ),
                ("host", models.CharField(blank=True, max_length=260, null=True)),
                (
                    "digest",
                    models.CharField(
                        blank=True,
                        help_text="The last one seen, even if checks fail since.",
                        max_length=140,
                        null=True,
                    ),
                ),
                ("since", models.DateTimeField()),
                ("last_slot", models.DateTimeField()),
                ("checked_at", models.DateTimeField(help_text="When the last check began, by the region's clock.")),
                (
                    "warnings",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                ("consecutive_failures", models.PositiveIntegerField(default=0)),
                ("consecutive_successes", models.PositiveIntegerField(default=0)),
                ("proved_digest", models.CharField(blank=True, max_length=140, null=True)),
                ("manifest_proved_at", models.DateTimeField(blank=True, null=True)),
                ("blobs_proved_at", models.DateTimeField(blank=True, null=True)),
                ("document", models.JSONField()),
                (
                    "region",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="states", to="probes.region"
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="states", to="probes.resource"
                    ),
                ),
            ],
            options={
                "ordering": ["resource", "region"],
            },
        ),
        migrations.CreateModel(
            name="MissedSlots",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_slot", models.DateTimeField()),
                ("last_slot", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=1)),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("downtime", "downtime"),
                            ("shed", "shed"),
                            ("expired", "expired"),
                            ("lost", "lost"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "region",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="missed_slots",
                        to="probes.region",
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="missed_slots", to="probes.resource"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "missed slots",
                "ordering": ["-last_slot"],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("issued_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "resource_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("slots", django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), size=None)),
                (
                    "state",
                    models.CharField(
                        choices=[("sent", "Sent"), ("reported", "Reported"), ("lost", "Lost")],
                        default="sent",
                        max_length=8,
                    ),
                ),
                ("reported_at", models.DateTimeField(blank=True, null=True)),
                (
                    "region",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batches", to="probes.region"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
                "ordering": ["-issued_at"],
                "indexes": [
                    models.Index(fields=["issued_at"], name="batch_issued"),
                    models.Index(
                        condition=models.Q(("state", "sent")), fields=["expires_at"], name="batch_outstanding"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["sent", "reported", "lost"])), name="batch_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reported_at__isnull", False), ("state", "reported")),
                            models.Q(models.Q(("state", "reported"), _negated=True), ("reported_at", None)),
                            _connector="OR",
                        ),
                        name="batch_reported_has_its_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("issued_at"))),
                        name="batch_expires_after_issue",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("resource_ids__len", models.F("slots__len"))),
                        name="batch_slots_match_resources",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.UniqueConstraint(
                condition=models.Q(("region", None)),
                fields=("registry", "repository_prefix"),
                name="credential_is_one_per_place",
                violation_error_message="There is a credential for this registry and prefix already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.UniqueConstraint(
                condition=models.Q(("region__isnull", False)),
                fields=("registry", "repository_prefix", "region"),
                name="credential_is_one_per_place_and_region",
                violation_error_message="There is a credential for this registry, prefix and region already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("rotated_at", None), ("secret_encrypted", b"")),
                    models.Q(models.Q(("secret_encrypted", b""), _negated=True), ("rotated_at__isnull", False)),
                    _connector="OR",
                ),
                name="credential_secret_has_its_date",
            ),
        ),
        migrations.AddIndex(
            model_name="verdict",
            index=models.Index(
                condition=models.Q(("stale_at__isnull", False)), fields=["stale_at"], name="verdict_stale"
            ),
        ),
        migrations.AddConstraint(
            model_name="verdict",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["available", "degraded", "unavailable", "unknown"])),
                name="verdict_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="verdict",
            constraint=models.CheckConstraint(
                condition=models.Q(("since__lte", models.F("computed_at"))), name="verdict_since_before_computed"
            ),
        ),
        migrations.AddIndex(
            model_name="resource",
            index=models.Index(condition=models.Q(("paused_at", None)), fields=["next_due_at"], name="resource_due"),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tag", ""), _negated=True), models.Q(("digest", ""), _negated=True), _connector="OR"
                ),
                name="resource_names_tag_or_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_seconds__range", (1, 2592000))), name="resource_interval_in_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("depth", None), ("depth__in", ["resolve", "manifest", "platform", "blobs"]), _connector="OR"
                ),
                name="resource_depth_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(("platforms", []), _negated=True), name="resource_wants_a_platform"
            ),
        ),
        migrations.AddConstraint(
            model_name="regionstate",
            constraint=models.UniqueConstraint(fields=("resource", "region"), name="region_state_is_one"),
        ),
        migrations.AddConstraint(
            model_name="regionstate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["available", "unavailable", "degraded", "indeterminate", "config_error"])
                ),
                name="region_state_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="regionstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("since__lte", models.F("last_slot"))), name="region_state_since_before_last"
            ),
        ),
        migrations.AddConstraint(
            model_name="regionstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("consecutive_failures", 0), ("consecutive_successes", 0), _connector="OR"),
                name="region_state_runs_exclude_each_other",
            ),
        ),
        migrations.AddIndex(
            model_name="missedslots",
            index=models.Index(fields=["resource", "-last_slot"], name="missed_of_resource"),
        ),
        migrations.AddIndex(
            model_name="missedslots",
            index=models.Index(fields=["last_slot"], name="missed_age"),
        ),
        migrations.AddConstraint(
            model_name="missedslots",
            constraint=models.CheckConstraint(
                condition=models.Q(("cause__in", ["downtime", "shed", "expired", "lost"])),
                name="missed_cause_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="missedslots",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("count", 1), ("first_slot", models.F("last_slot"))),
                    models.Q(("count__gt", 1), ("first_slot__lt", models.F("last_slot"))),
                    _connector="OR",
                ),
                name="missed_count_fits_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="missedslots",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cause", "downtime"), ("region", None)),
                    models.Q(models.Q(("cause", "downtime"), _negated=True), ("region__isnull", False)),
                    _connector="OR",
                ),
                name="missed_region_fits_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="missedslots",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cause__in", ["lost", "expired"]), _negated=True), ("count", 1), _connector="OR"
                ),
                name="missed_sent_is_one_slot",
            ),
        ),
    ]
