"""What is applied in bulk is stored as if each row had been saved by itself: all tables are compared."""

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from django.apps import apps
from django.db import connection, transaction

from probes.actions import applying, resources, schedules, terms
from probes.models import (
    Credential,
    Endpoint,
    Incident,
    Region,
    RegionState,
    Registry,
    Resource,
    ResourceKind,
    TagWatch,
    Verdict,
)
from probes.policy.declared.fields import Field, Shape, plain
from probes.policy.declared.kinds import CHECKED, KINDS, Kind
from probes.policy.declared.planning import Wishes
from probes.policy.declared.reading import Declared
from probes.selectors.declared import MODELS, named_by
from tests.integration.declared.conftest import read

pytestmark = pytest.mark.django_db

LATER: Final = timedelta(hours=3, minutes=7, seconds=11)
_SET_ASIDE: Final = {"created_at", "updated_at", "at", "txid", "object_pk"}
"""When something was stored, by the clock of whoever stores it."""

SETTINGS: Final = """
---
{{apiVersion: kairos/v1, kind: Schedule, metadata: {{name: hourly}}, spec: {{interval_seconds: {hourly}}}}}
---
{{apiVersion: kairos/v1, kind: Schedule, metadata: {{name: nightly}}, spec: {{crontab: "0 2 * * *", zone: {zone}}}}}
---
{{apiVersion: kairos/v1, kind: Policy, metadata: {{name: strict}}, spec: {{terms: {{failures: {failures}}}}}}}
---
{{apiVersion: kairos/v1, kind: Policy, metadata: {{name: lax}}, spec: {{terms: {{failures: 9}}}}}}
---
{{apiVersion: kairos/v1, kind: Group, metadata: {{name: shop}}, spec: {{policy: {shop}}}}}
---
{{apiVersion: kairos/v1, kind: Group, metadata: {{name: bank}}, spec: {{terms: {{recoveries: {recoveries}}}}}}}
"""
BEFORE: Final = SETTINGS.format(hourly=3600, zone="UTC", failures=2, shop="strict", recoveries=2)
AFTER: Final = (
    SETTINGS.format(hourly=1800, zone="Europe/Berlin", failures=3, shop="lax", recoveries=3)
    + """
---
{apiVersion: kairos/v1, kind: Schedule, metadata: {name: often}, spec: {interval_seconds: 30}}
---
{apiVersion: kairos/v1, kind: Policy, metadata: {name: new}, spec: {terms: {quorum: {votes: 2}}}}
---
{apiVersion: kairos/v1, kind: Group, metadata: {name: fresh}, spec: {policy: new}}
---
{apiVersion: kairos/v1, kind: Registry, metadata: {name: new.example}, spec: {quota_share_percent: 10}}
"""
)

CHANGES: Final = {
    "nothing": ("", ""),
    "name": ("", "name: The web"),
    "labels": ("", ""),  # in the metadata
    "group": ("group: shop", "group: bank"),
    "group-left": ("group: shop", ""),
    "group-new": ("group: shop", "group: fresh"),
    "group-kept": ("group: bank", "group: bank"),
    "policy": ("policy: strict", "policy: lax"),
    "policy-new": ("", "policy: new"),
    "terms": ("terms: {failures: 2}", "terms: {recoveries: 4, uptime_target_percent: 99.95}"),
    "severity": ("", "terms: {severity: info, degraded_after_seconds: 0}"),
    "interval": ("", "interval_seconds: 60"),
    "schedule": ("schedule: hourly", "schedule: nightly"),
    "schedule-new": ("", "schedule: often"),
    "schedule-left": ("schedule: nightly", ""),
    "schedule-kept": ("schedule: hourly", "{schedule: hourly, name: Kept}"),
    "crontab-kept": ("schedule: nightly", "{schedule: nightly, name: Kept}"),
    "schedule-and-interval": ("schedule: hourly", "{schedule: hourly, interval_seconds: 60}"),
    "regions": ("regions: [eu, us]", "regions: [us, ap]"),
    "regions-all": ("regions: [eu]", ""),
    "regions-some": ("", "regions: [eu]"),
    "credential": ("", "credential: robot"),
    "depth": ("", "{depth: blobs, manifest_cadence_seconds: 7200, sample_blobs: true, is_tag_immutable: true}"),
    "paused": ("group: shop", "{group: bank, interval_seconds: 60, regions: [eu]}"),
    "paused-reference": ("", "reference: ghcr.io/shop/other:2"),
    "reference": ("", "reference: ghcr.io/shop/other:1"),
    "reference-digest": ("", f"reference: ghcr.io/shop/app@sha256:{'a' * 64}"),
    "reference-registry": ("", "reference: new.example/shop/app:1"),
    "reference-unknown-registry": ("", "reference: unknown.example/shop/app:1"),
    "reference-same-image": ("reference: nginx:1", "reference: docker.io/library/nginx:1"),
    "reference-unjudged": ("", "reference: ghcr.io/shop/other:3"),
    "reference-and-group": ("", "{reference: ghcr.io/shop/other:1, group: fresh, regions: [eu], schedule: often}"),
    "platforms": ("", "platforms: [linux/amd64, linux/arm64]"),
    "platforms-strict": ("", "strict_platform: true"),
    "platforms-unjudged": ("", "strict_platform: true"),
    "platforms-and-reference": ("", "{platforms: [linux/arm64], reference: ghcr.io/shop/other:1}"),
    "platforms-and-terms": ("", "{platforms: [linux/arm64], terms: {failures: 1}, interval_seconds: 60}"),
    "url": ("", "reference: https://api.example/other"),
    "url-elsewhere": ("", "reference: https://new.example/health"),
    "url-query": ("", "reference: https://api.example/health?a=1"),
    "detail": ("", "endpoint: {statuses: 200-204, headers: {X-Probe: 1}}"),
    "detail-and-group": ("endpoint: {contains: ok}", "{group: fresh, endpoint: {contains: up}, regions: [us]}"),
    "detail-kept": ("endpoint: {contains: ok}", "{group: fresh, endpoint: {contains: ok}}"),
    "url-and-detail": ("", "{reference: https://api.example/other, endpoint: {method: POST, body: x}}"),
}  # fmt: skip
"""What is said of a resource before and after, by the name of what changes. Flow or block, all on one line."""

_UNJUDGED: Final = {"nothing", "reference-unjudged", "platforms-unjudged", "regions-some", "terms"}
_AVAILABLE: Final = {"reference-and-group", "platforms"}


def documents(which: int) -> str:
    text = ""
    for name, spec in CHANGES.items():
        is_endpoint = name.startswith(("url", "detail"))
        said = spec[which][1:-1] if spec[which].startswith("{") else spec[which]
        if "reference:" not in said:
            plainly = "https://api.example/health" if is_endpoint else "ghcr.io/shop/app:1"
            said = f"reference: {plainly}" + (f", {said}" if said else "")
        labels = f", labels: {{team: shop-{which}}}" if name == "labels" else ""
        text += (
            f"---\n{{apiVersion: kairos/v1, kind: {'Endpoint' if is_endpoint else 'Image'}, "
            f"metadata: {{name: {name}{labels}}}, spec: {{{said}}}}}\n"
        )
    return text


def in_bulk(text: str, now: datetime) -> None:
    applying.apply(read(text), Wishes(), now=now)


def one_by_one(text: str, now: datetime) -> None:
    """Store the same by the actions that the API and the admin use, in the order in which it is applied."""
    reading = read(text)
    assert reading.faults == []
    order = list(Kind)
    for thing in sorted(reading.things, key=lambda thing: (order.index(thing.kind), thing.name)):
        save(thing, now)


def save(thing: Declared, now: datetime) -> None:
    model: Any = MODELS[thing.kind]
    row = model.objects.filter(**{named_by(thing.kind): thing.name}).first()
    if row is None:
        row = model(**{named_by(thing.kind): thing.name})
        if thing.kind in CHECKED:
            row.kind = ResourceKind.IMAGE if thing.kind is Kind.IMAGE else ResourceKind.ENDPOINT
    before = copy.copy(row.__dict__)
    detail = copy.copy(Endpoint.of(row)) if thing.kind is Kind.ENDPOINT else None
    regions: list[Region] = []
    for item in KINDS[thing.kind].fields:
        value: Any = thing.values[item.path]
        if item.shape is Shape.NAMES:
            regions = list(Region.objects.filter(slug__in=value))
        else:
            setattr(detail if item.path.startswith("endpoint.") else row, item.attribute, given(item, value))
    store(thing.kind, row, before, detail, regions, now)


def given(item: Field, value: Any) -> Any:
    if item.refers:
        others: Any = MODELS[item.refers]
        return others.objects.get(slug=value) if value else None
    if value is None:
        return "" if item.attribute == "severity" else None
    return value if item.shape is Shape.NUMBER else plain(value, item.shape)


def store(
    kind: Kind,
    row: Any,
    before: dict[str, Any],
    detail: Endpoint | None,
    regions: list[Region],
    now: datetime,
) -> None:
    """Store what is not as it was."""
    match kind:
        case Kind.SCHEDULE:
            schedules.save(row, now=now)
        case Kind.POLICY | Kind.GROUP:
            if changed(before, row):
                terms.save(row, now=now)
        case Kind.REGISTRY:
            row.full_clean()
            row.save()
        case _:
            if changed(before, row) or has_other(row, detail, regions):
                resources.save(row, endpoint=detail, regions=regions, now=now)


def changed(before: dict[str, Any], row: Any) -> bool:
    return row.pk is None or any(
        getattr(row, field.attname) != before.get(field.attname)
        for field in row._meta.concrete_fields  # noqa: SLF001 - Django's documented API
    )


def has_other(row: Resource, detail: Endpoint | None, regions: list[Region]) -> bool:
    if set(row.regions.all()) != set(regions):
        return True
    return detail is not None and changed(copy.copy(Endpoint.objects.get(resource=row).__dict__), detail)


def live(now: datetime) -> None:
    """Let all have been checked: verdicts, states of two regions, incidents, tags; some paused, some never judged."""
    judged = Resource.objects.exclude(slug__in=_UNJUDGED).order_by("slug")
    resources.pause(Resource.objects.filter(slug__startswith="paused").values_list("pk", flat=True), now=now)
    regions = list(Region.objects.order_by("slug"))[:2]
    for row in judged:
        state = "available" if row.slug in _AVAILABLE else "unavailable"
        Verdict.objects.create(
            resource=row, state=state, since=now, computed_at=now, stale_at=now + timedelta(days=1)
        )
        TagWatch.objects.create(resource=row, look_at=now)
        for region in regions:
            RegionState.objects.create(
                resource=row,
                region=region,
                status=state,
                reason="ok",
                since=now,
                last_slot=now,
                checked_at=now,
                proved_digest="sha256:0",
                manifest_proved_at=now,
                blobs_proved_at=now,
                platforms={"linux/amd64": "sha256:1"},
                document={},
            )
        if state == "unavailable":
            Incident.objects.create(
                resource=row, level=state, worst=state, severity="critical", began_at=now, opened_at=now
            )
    Resource.objects.update(next_due_at=now + timedelta(minutes=2), asked_slot=now)


def tables() -> dict[str, list[dict[str, Any]]]:
    """Return every row of ours, by table."""
    hosts = dict(Registry.objects.values_list("pk", "host"))
    names = dict(Resource.objects.values_list("pk", "slug"))
    return {
        model._meta.label: sorted(shown(model._default_manager.values(), hosts, names), key=repr)  # noqa: SLF001 - Django's documented API
        for model in apps.get_app_config("probes").get_models(include_auto_created=True)
        if model._meta.managed  # noqa: SLF001 - likewise
    }


def shown(
    rows: Iterable[dict[str, Any]], hosts: Mapping[int, str], names: Mapping[int, str]
) -> Iterable[dict[str, Any]]:
    """Yield rows without their own keys, those of resources aside: by these checks are spread over time."""
    for row in rows:
        kept = {name: value for name, value in row.items() if name not in _SET_ASIDE}
        if "resource_id" in kept:
            kept["resource_id"] = names.get(kept["resource_id"])
        if "registry_id" in kept:
            kept["registry_id"] = hosts.get(kept["registry_id"])
        if "next_due_at" not in row:
            kept.pop("id", None)
        yield kept


def story(way: Callable[[str, datetime], None], now: datetime) -> list[dict[str, list[dict[str, Any]]]]:
    """Make, live and change in one of both ways; return all tables after each, and leave nothing."""
    told = []
    with transaction.atomic():
        restart()
        for slug in ("ap", "eu", "us"):
            Region.objects.create(slug=slug, name=slug)
        way(BEFORE + documents(0), now)
        Credential.objects.create(registry_id=Resource.objects.get(slug="credential").registry_id, slug="robot")
        told.append(tables())
        live(now)
        way(AFTER + documents(1), now + LATER)
        told.append(tables())
        transaction.set_rollback(True)
    return told


def restart() -> None:
    """Have keys begin where they began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(seqrelid::regclass, 1000, false) FROM pg_sequence")


def test_bulk_is_row_by_row(now: datetime) -> None:
    bulk, single = story(in_bulk, now), story(one_by_one, now)

    for made, expected in zip(bulk, single, strict=True):
        for label, rows in expected.items():
            found = made[label]
            assert [row for row in found if row not in rows] == [row for row in rows if row not in found], label
            assert len(found) == len(rows), label
    assert len(bulk[1]["probes.Resource"]) == len(CHANGES)
    for label in ("Resource_regions", "VerdictChange", "RegionState", "Endpoint", "AuditEntry"):
        assert bulk[1][f"probes.{label}"], label
