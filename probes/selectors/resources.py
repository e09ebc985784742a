"""What is checked, with how it stands."""

import re
from collections.abc import Collection
from typing import Final

from django.contrib.postgres.search import SearchQuery
from django.db.models import Prefetch, Q, QuerySet

from probes.models import Region, RegionState, Resource, ResourceWords, Verdict, VerdictChange
from probes.policy.access import EVERYTHING, Reach
from probes.policy.verdict import Decision, Inputs, VerdictState, decide
from probes.protocol.taxonomy import Reason
from probes.selectors import registries, visible
from probes.selectors.regions import UNREAD

_WORDS: Final = re.compile(r"[^\W_]+")
"""As the database splits what is searched (`ResourceWords`)."""


def resources(reach: Reach = EVERYTHING) -> QuerySet[Resource]:
    """Resources within reach, with registry, group, verdict and chosen regions. Two queries."""
    return (
        visible.among(Resource.objects.all(), reach)
        .select_related("registry", "verdict", "group", "endpoint")
        .defer(*(f"registry__{name}" for name in registries.UNREAD), "verdict__inputs")
        .prefetch_related(Prefetch("regions", Region.objects.defer(*UNREAD)))
    )


def states(reach: Reach = EVERYTHING) -> QuerySet[RegionState]:
    """How resources were last seen from the regions within reach, in the order of their slugs.

    There are as many as regions for each resource: whoever reads those of a page says which columns.
    """
    return visible.among(RegionState.objects.all(), Reach(regions=reach.regions)).order_by("region__slug")


def saying(text: str) -> Q:
    """Return what holds for resources in whose name, reference or stable name each word of a text begins a word.

    Words are what is written between other signs: `ghcr.io/org/app:1.2` has six. A text without any names nothing.
    """
    asked = words_of(text)
    return Q(pk__in=ResourceWords.objects.filter(words=asked).values("pk") if asked else [])


def words_of(text: str) -> SearchQuery | None:
    """Return what is to be searched for: each word of a text begins one. None where it has no word."""
    words = _WORDS.findall(text.casefold())
    return (
        SearchQuery(" & ".join(f"{word}:*" for word in words), config="simple", search_type="raw") if words else None
    )


def judged(states: Collection[str]) -> Q:
    """Return what holds for resources on which the verdict is one of these; without a verdict it is unknown."""
    found = Verdict.objects.filter(state__in=states).values("pk")
    if VerdictState.UNKNOWN not in states:
        return Q(pk__in=found)
    return Q(pk__in=found.union(Resource.objects.filter(verdict=None).order_by().values("pk"), all=True))


def seen(region: Region | None, statuses: Collection[str], reasons: Collection[str], reach: Reach) -> Q:
    """Return what holds for resources that were last seen so from a region, or from any within reach.

    Of no statuses and no reasons any will do.
    """
    states = visible.among(RegionState.objects.all(), Reach(regions=reach.regions)).order_by()
    if region is not None:
        states = states.filter(region=region)
    if reasons:
        # Each reason has one status; naming it leads the database to the index of what is not available.
        known = {Reason(reason).status for reason in reasons}
        states = states.filter(reason__in=reasons, status__in=known)
    if statuses:
        states = states.filter(status__in=statuses)
    return Q(pk__in=states.values("resource"))


def with_verdicts() -> QuerySet[Resource]:
    """Resources with their verdicts alone, without what these were made of. One query."""
    read = ("slug", "verdict__state", "verdict__since", "verdict__computed_at", "verdict__explanation")
    return Resource.objects.select_related("verdict").only(*read)


def changes_of(resource: Resource) -> QuerySet[VerdictChange]:
    """The changes of a resource's verdict, the newest first, without what they were made of."""
    return VerdictChange.objects.filter(resource=resource).defer("inputs").order_by("-at", "-id")


def verdict_state(resource: Resource) -> VerdictState:
    """Return the verdict on a resource that was read with it; without one it is unknown."""
    verdict: Verdict | None = getattr(resource, "verdict", None)
    return VerdictState(verdict.state) if verdict else VerdictState.UNKNOWN


def decision_of(verdict: Verdict) -> Decision | None:
    """Return how a verdict came about, recomputed from its inputs; None where it has had none yet."""
    return decide(Inputs.from_json(verdict.inputs)) if verdict.inputs else None
