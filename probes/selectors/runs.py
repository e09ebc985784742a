"""Runs, and what their checks come to."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from probes.models import AccessToken, Run, RunCheck
from probes.policy.access import Reach
from probes.policy.runs import Answer, CheckState, RunKind, verdict
from probes.policy.verdict import VerdictState
from probes.selectors.regions import UNREAD_JOINED

_MOST_OF_A_RUN: Final = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """How many checks of a run are in each state, and what they come to."""

    counts: Mapping[CheckState, int] = field(default_factory=dict)
    verdict: VerdictState = VerdictState.UNKNOWN


def runs_of(user: Any, reach: Reach, *, of_token: AccessToken | None = None) -> QuerySet[Run]:
    """Return the runs that somebody may see, the newest first.

    Whoever reaches everything sees all; everybody else his own, but for those with a check that is out of reach. A
    probe belongs to no group: a token that is limited to groups, `of_token`, sees those that it ordered itself.
    """
    rows = Run.objects.select_related("asked_by")
    if reach.is_everything:
        return rows
    beyond = Q()
    if reach.groups is not None:
        groups = Q(resource__group_id__in=reach.groups)
        beyond |= Q(resource__isnull=False) & (~groups | Q(resource__group_id=None))
    if reach.regions is not None:
        beyond |= ~Q(region_id__in=reach.regions)
    if of_token is not None:
        rows = rows.filter(Q(kind=RunKind.CHECK) | Q(asked_with=of_token))
    return rows.filter(~Exists(RunCheck.objects.filter(beyond, run=OuterRef("pk")).order_by()), asked_by=user)


def in_full(rows: QuerySet[Run], *, with_resources: bool = False) -> QuerySet[Run]:
    """Return runs with their checks, in the order of resources and regions. One query more."""
    joined = ("region", "resource") if with_resources else ("region",)
    names = ("region__slug", *(("resource__name", "resource__reference", "resource__kind") if with_resources else ()))
    own = (item.attname for item in RunCheck._meta.concrete_fields)  # noqa: SLF001 - Django's documented API
    checks = RunCheck.objects.select_related(*joined).only(*own, *names).order_by("resource_id", "region__slug")
    return rows.prefetch_related(Prefetch("checks", checks))


def last_of(resource_id: int) -> list[RunCheck]:
    """Return the checks of a resource in the run that was ordered of it last, by region. One query."""
    newest = RunCheck.objects.filter(resource=resource_id).select_related("run__asked_by", "region")
    rows = list(newest.defer(*UNREAD_JOINED, "document").order_by("-run_id", "region__slug")[:_MOST_OF_A_RUN])
    return [row for row in rows if row.run_id == rows[0].run_id]


def checks_of(resource_id: int, run: UUID) -> list[RunCheck]:
    """Return the checks of a resource in a run, by region, each with both. One query."""
    found = RunCheck.objects.filter(resource=resource_id, run__uuid=run).select_related("run", "region")
    return list(found.defer(*UNREAD_JOINED, "document").order_by("region__slug")[:_MOST_OF_A_RUN])


def tallies(runs: Collection[Run], *, now: datetime) -> Mapping[int, Tally]:
    """Return what the checks of each run come to at `now`. One query, whose cost is that of these runs alone."""
    over = {run.pk for run in runs if run.is_over(now)}
    grouped = (
        RunCheck.objects.filter(run__in=[run.pk for run in runs])
        .order_by()
        .values("run_id", "state", "status", "reason", "is_egress_down")
        .annotate(number=Count("pk"))
    )
    counts: dict[int, dict[CheckState, int]] = defaultdict(lambda: dict.fromkeys(CheckState, 0))
    answers: dict[int, list[Answer]] = defaultdict(list)
    for row in grouped:
        pk, state = row["run_id"], state_at(CheckState(row["state"]), is_over=row["run_id"] in over)
        counts[pk][state] += row["number"]
        answers[pk].append(Answer(state, row["status"], row["reason"], row["is_egress_down"]))
    return {run.pk: Tally(counts[run.pk], verdict(answers[run.pk])) for run in runs}


def state_at(state: CheckState, *, is_over: bool) -> CheckState:
    """Return the state of a check, where its run is over or not: then nothing waits any more."""
    return CheckState.MISSED if is_over and state is CheckState.WAITING else state
