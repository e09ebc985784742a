"""Regions vote with a stance, by terms in layers; each change of a verdict is kept with what it came from (ADR 26)."""

import django.db.models.deletion
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models

STATES = ["available", "degraded", "unavailable", "unknown"]
STANCES = ["unproved", "good", "impaired", "bad"]
BALLOTS = ["good", "impaired", "bad"]
SEVERITIES = ["critical", "warning", "info"]
WEEK = 604800


def chosen(items):
    return [(item, item) for item in items]


def number(help_text):
    return models.PositiveSmallIntegerField(
        blank=True, help_text=help_text, null=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )


def instant():
    return models.DateTimeField(blank=True, null=True)


def terms():
    return [
        ("quorum_votes", number("So many regions that fail are an outage.")),
        ("quorum_percent", number("Or such a share of those with a vote.")),
        ("minimum_votes", number("With fewer fresh votes the verdict is unknown, unless no more regions check it.")),
        ("failures", number("So many failures in a row turn a region bad.")),
        ("recoveries", number("So many good checks in a row turn it good again.")),
        ("fresh_intervals", number("A vote is fresh for so many intervals.")),
        (
            "severity",
            models.CharField(blank=True, choices=chosen(SEVERITIES), db_default="", default="", max_length=8),
        ),
        (
            "degraded_after_seconds",
            models.PositiveIntegerField(
                blank=True,
                help_text="A failure of too few regions for an outage is an incident after so many seconds.",
                null=True,
                validators=[MaxValueValidator(WEEK)],
            ),
        ),
    ]


def constraints(name):
    numbers = [field for field, _ in terms()[:6]]
    return [
        models.CheckConstraint(
            condition=models.Q(quorum_votes=None) | models.Q(quorum_percent=None), name=f"{name}_quorum_is_one"
        ),
        models.CheckConstraint(
            condition=models.Q(
                *(models.Q(**{field: None}) | models.Q(**{f"{field}__range": (1, 100)}) for field in numbers),
                models.Q(degraded_after_seconds=None) | models.Q(degraded_after_seconds__lte=WEEK),
                models.Q(severity__in=["", *SEVERITIES]),
            ),
            name=f"{name}_terms_in_range",
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("probes", "0013_worker_events")]

    operations = [
        # In the order in which whoever takes in a report comes to them: else the two would wait for each other.
        migrations.RunSQL(
            "LOCK TABLE probes_verdict, probes_resource, probes_regionstate IN ACCESS EXCLUSIVE MODE",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="GlobalTerms",
            fields=[
                *terms(),
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
            ],
            options={
                "verbose_name": "terms of all",
                "verbose_name_plural": "terms of all",
                "abstract": False,
                "constraints": [
                    *constraints("globalterms"),
                    models.CheckConstraint(condition=models.Q(id=1), name="global_terms_are_one"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ResourceGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                *terms(),
                ("name", models.CharField(max_length=100, unique=True)),
                ("notes", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "group",
                "ordering": ["name"],
                "abstract": False,
                "constraints": constraints("resourcegroup"),
            },
        ),
        *(migrations.AddField("resource", name, field) for name, field in terms()),
        *(migrations.AddConstraint("resource", constraint) for constraint in constraints("resource")),
        migrations.AddField(
            "resource",
            "group",
            models.ForeignKey(
                blank=True,
                help_text="Whose terms hold where this image has none of its own.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="resources",
                to="probes.resourcegroup",
            ),
        ),
        migrations.AddField("regionstate", "run_since", instant()),
        migrations.AddField(
            "regionstate", "ballot", models.CharField(blank=True, choices=chosen(BALLOTS), max_length=8, null=True)
        ),
        migrations.AddField("regionstate", "ballot_slot", instant()),
        migrations.AddField("regionstate", "bad_run", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField("regionstate", "bad_run_since", instant()),
        migrations.AddField(
            "regionstate",
            "stance",
            models.CharField(choices=chosen(STANCES), db_default="unproved", default="unproved", max_length=8),
        ),
        migrations.AddField("regionstate", "stance_since", instant()),
        migrations.AddConstraint(
            "regionstate",
            models.CheckConstraint(condition=models.Q(stance__in=STANCES), name="region_state_stance_is_known"),
        ),
        migrations.AddConstraint(
            "regionstate",
            models.CheckConstraint(
                condition=models.Q(
                    ballot=None,
                    ballot_slot=None,
                    run_since=None,
                    bad_run_since=None,
                    stance_since=None,
                    stance="unproved",
                )
                | models.Q(
                    ballot__in=BALLOTS,
                    ballot_slot__isnull=False,
                    run_since__isnull=False,
                    bad_run_since__isnull=False,
                    stance_since__isnull=False,
                ),
                name="region_state_ballots_are_whole",
            ),
        ),
        migrations.AddField(
            "verdict", "explanation", models.CharField(blank=True, db_default="", default="", max_length=500)
        ),
        migrations.CreateModel(
            name="VerdictChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("before", models.CharField(choices=chosen(STATES), max_length=16)),
                ("state", models.CharField(choices=chosen(STATES), max_length=16)),
                ("explanation", models.CharField(blank=True, max_length=500)),
                ("inputs", models.JSONField(default=dict)),
                (
                    "resource",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="verdict_changes",
                        to="probes.resource",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(fields=["resource", "at"], name="verdict_change_of_resource"),
                    models.Index(fields=["at"], name="verdict_change_age"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(state__in=STATES) & models.Q(before__in=STATES),
                        name="verdict_change_states_are_known",
                    ),
                    models.CheckConstraint(
                        condition=~models.Q(before=models.F("state")), name="verdict_change_is_a_change"
                    ),
                ],
            },
        ),
    ]
