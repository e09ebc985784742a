"""The scenario as rows, made by the actions that people use."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import groupby

from django.core.exceptions import ValidationError

from kairos.simulation import post
from kairos.simulation.document import ScenarioInvalid
from kairos.simulation.scenario import Login, Scenario, Subject, Work
from kairos.simulation.script import Order, Ordered, matches
from probes.actions import enrolment, maintenance, regions, resources, secrets, terms
from probes.actions.enrolment import Issued
from probes.models import (
    Credential,
    Endpoint,
    GlobalTerms,
    MaintenanceWindow,
    Region,
    Registry,
    Resource,
    ResourceGroup,
    ResourceKind,
)
from probes.protocol.reference import parse_reference

_MINUTE = timedelta(minutes=1)


def found(scenario: Scenario) -> None:
    """Make everything but the regions that join later. Raises `ScenarioInvalid` for what the actions refuse."""
    now = scenario.starts
    post.open_channel()
    try:
        terms.save(GlobalTerms(pk=1, **scenario.terms), now=now)
        groups = {name: ResourceGroup(name=name, **held) for name, held in scenario.groups.items()}
        for group in groups.values():
            terms.save(group, now=now)
        for login in scenario.logins:
            _store(login, now)
        for _, alike in groupby(scenario.subjects, key=lambda subject: replace(subject, reference="")):
            _add_all(list(alike), groups, now)
        for work in scenario.windows:
            _plan(work, groups, now)
    except (ValidationError, maintenance.NothingConcerned) as refused:
        raise ScenarioInvalid(f"this cannot be set up: {_sentence(refused)}") from None


def enrol(slug: str, *, now: datetime) -> Issued:
    return enrolment.enroll(slug, now=now)


def give(ordered: Ordered, *, now: datetime) -> None:
    """Do what an operator orders."""
    if ordered.order.is_of_regions:
        ids = [row.pk for row in Region.objects.order_by("pk") if not ordered.regions or row.slug in ordered.regions]
        does = {
            Order.DRAIN: regions.drain,
            Order.PAUSE_REGION: regions.pause,
            Order.RESUME_REGION: regions.resume,
        }[ordered.order]
        does(ids, now=now, detail="by order of the scenario")
        return
    ids = [row.pk for row in Resource.objects.order_by("pk") if matches(row.reference, ordered.of)]
    match ordered.order:
        case Order.PAUSE:
            resources.pause(ids, now=now)
        case Order.RESUME:
            resources.resume(ids, now=now)
        case _:
            resources.delete(ids, now=now)


def _add_all(alike: Sequence[Subject], groups: dict[str, ResourceGroup], now: datetime) -> None:
    """Make resources that differ in their names alone.

    The first is examined as anybody's is. To ask the database of each of 400 whether it keeps to its constraints
    would take longer than to play them, and it sees to these by itself.
    """
    model = _add(alike[0], groups, now)
    copies: list[Resource] = []
    for subject in alike[1:]:
        reference = None if subject.is_endpoint or subject.regions else parse_reference(subject.reference)
        if reference is None or reference.host != model.registry.host:
            _add(subject, groups, now)
            continue
        row = copy(model)
        row.pk, row.slug, row.reference = None, "", subject.reference
        row.repository, row.tag, row.digest = reference.repository, reference.tag or "", str(reference.digest or "")
        copies.append(row)
    Resource.objects.bulk_create(copies)


def _add(subject: Subject, groups: dict[str, ResourceGroup], now: datetime) -> Resource:
    row = Resource(
        kind=ResourceKind.ENDPOINT if subject.is_endpoint else ResourceKind.IMAGE,
        reference=subject.reference,
        interval_seconds=subject.every // timedelta(seconds=1),
        depth=subject.depth,
        group=groups[subject.group] if subject.group else None,
        **subject.terms,
    )
    chosen = list(Region.objects.filter(slug__in=subject.regions)) if subject.regions else None
    detail = Endpoint(latency_ms=1000) if subject.is_endpoint else None
    return resources.save(row, endpoint=detail, regions=chosen, now=now)


def _store(login: Login, now: datetime) -> None:
    registry, _ = Registry.objects.get_or_create(host=login.registry)
    region = Region.objects.get(slug=login.region) if login.region else None
    row = Credential(registry=registry, repository_prefix=login.prefix, region=region, username="kairos")
    row.expires_at = now + login.expires if login.expires is not None else None
    secrets.store_secret(row, now=now, password="of-no-registry-at-all")  # noqa: S106 - nothing is dialled


def _plan(work: Work, groups: dict[str, ResourceGroup], now: datetime) -> None:
    window = MaintenanceWindow(
        name=work.name,
        starts_on=work.starts_on,
        starts_at=work.starts_at,
        zone=work.zone,
        duration_minutes=work.lasts // _MINUTE,
        rule=work.rule,
    )
    maintenance.save(
        window,
        resources=_matching(work.of),
        groups=[groups[name] for name in work.groups],
        registries=Registry.objects.filter(host__in=work.registries),
        regions=Region.objects.filter(slug__in=work.regions),
        now=now,
    )


def _matching(patterns: Iterable[str]) -> Sequence[Resource]:
    wanted = list(patterns)
    return [row for row in Resource.objects.all() if any(fnmatchcase(row.reference, item) for item in wanted)]


def _sentence(refused: ValidationError | maintenance.NothingConcerned) -> str:
    return "; ".join(refused.messages) if isinstance(refused, ValidationError) else str(refused)
