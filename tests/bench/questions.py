"""What the benchmark of the API asks, by name; and the pages that people look at.

What concerns a month is asked of two days too. Where only 3 days are there, of a month there is a tenth: its cost
grows with what is asked for, and not with what there is besides. Whether the latter makes anything dearer is told by
the two days, which are there in full either time.

Each question is a path of the running server. `watched` is the id of a resource that has all of the history.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any


def of_api(resources: int, watched: int) -> Mapping[str, str]:
    """Return what programs ask: the lists, narrowed by one thing each and ordered, the rows, and the figures."""
    now = datetime.now(UTC)
    hour = f"since={_told(now - timedelta(days=3))}&until={_told(now - timedelta(days=2, hours=23))}"
    asked = {
        "resources, first page": "resources",
        "resources, deep page": f"resources?cursor={_cursor([resources * 9 // 10])}",
        "resources, with states": "resources?include=states",
        "resources, three fields": "resources?fields=id,slug,verdict",
        "resources by registry": "resources?registry=registry-7.test",
        "resources by group": "resources?group=group-7",
        "resources by label": "resources?label=team:team-7",
        "resources by rare label": "resources?label=owner",
        "resources by label, none": "resources?label=team:nobody",
        "resources by verdict": "resources?verdict=degraded",
        "resources by two verdicts": "resources?verdict=unknown&verdict=unavailable",
        "resources by verdict, registry": "resources?verdict=degraded&registry=registry-10.test",
        "resources by status": "resources?status=unavailable",
        "resources by status, none": "resources?status=config_error",
        "resources by region, status": "resources?region=region-1&status=unavailable",
        "resources by region, status, none": "resources?region=region-3&status=unavailable",
        "resources by reason": "resources?reason=tag_not_found",
        "resources of a source": "resources?managed_by=platform",
        "resources that are paused, none": "resources?paused=true",
        "resources that are stale, none": "resources?stale=true",
        "endpoints, none": "resources?kind=http",
        "resources by search": f"resources?search=service-{resources // 2}",
        "resources by search, many": "resources?search=service",
        "resources by search, none": "resources?search=nowhere",
        **{
            f"resources by {name}": f"resources?ordering={name}"
            for name in ("slug", "-name", "created_at", "-updated_at", "next_due_at")
        },
        "resources by name of a registry": "resources?ordering=name&registry=registry-7.test",
        "resource": f"resources/{watched}",
        "verdict explained": f"resources/{watched}/verdict",
        "verdict's changes": f"resources/{watched}/verdict-changes",
        "verdicts": "verdicts",
        "compare a resource, a day": f"compare?resource={watched}",
        **{f"{name}, two days": path for name, path in _over(watched, now - timedelta(days=2)).items()},
        **{f"{name}, a month": path for name, path in _over(watched, now - timedelta(days=30)).items()},
        "roll-ups of a region, a day": "regions/region-3/rollups?unit=hour",
        "outcomes": "outcomes",
        "outcomes of a resource": f"outcomes?resource={watched}",
        "outcomes of a resource, region": f"outcomes?resource={watched}&region=region-3",
        "outcomes of a resource, none": f"outcomes?resource={watched + 1}",
        "outcomes of a region": "outcomes?region=region-3",
        "outcomes of an hour": f"outcomes?{hour}",
        "outcomes that failed": "outcomes?status=unavailable",
        "outcomes by status, none": "outcomes?status=degraded",
        "outcomes by reason": "outcomes?reason=tag_not_found",
        "outcomes by reason, none": "outcomes?reason=rate_limited",
        "incidents": "incidents",
        "incidents of a registry": "incidents?registry=registry-7.test",
        "incidents of a group": "incidents?group=group-7",
        "incidents of a resource": f"incidents?resource={watched}",
        "open incidents": "incidents?open=true",
        "incidents by severity, none": "incidents?severity=info",
        "incidents by level, none": "incidents?level=unavailable",
        "incidents by reason, none": "incidents?reason=rate_limited",
        "incidents by region": "incidents?region=region-1",
        "incidents by region, none": "incidents?region=region-3",
        "incidents somebody is at, none": "incidents?acknowledged=true",
        "incidents by search": f"incidents?search=service-{resources // 20}",
        "incidents by search, many": "incidents?search=service",
        "incidents by search, none": "incidents?search=nowhere",
        "events": "events",
        "events of a resource": f"events?resource={watched}",
        "events by kind, none": "events?kind=tag_split",
        "events by severity, none": "events?severity=critical",
        "missed slots": "missed-slots",
        "missed slots by cause, none": "missed-slots?cause=quota",
        "groups": "groups",
        "registries": "registries",
        "regions": "regions",
        "sources": "sources",
    }
    return {name: f"/api/v1/{path}" for name, path in asked.items()}


def is_of_a_month(name: str) -> bool:
    """Tell whether a question concerns more days than there are where the history is short."""
    return name.endswith(", a month")


def _over(watched: int, since: datetime) -> Mapping[str, str]:
    """Return what is asked of all that was since then."""
    window = f"since={_told(since)}"
    whole = f"range={_told(since)}..{_told(datetime.now(UTC))}"
    return {
        "uptime of a resource": f"resources/{watched}/uptime?{whole}",
        "uptime of a group": f"groups/1/uptime?{whole}",
        "compare a resource": f"compare?resource={watched}&{window}",
        "compare a registry": f"compare?registry=registry-7.test&{window}",
        "compare a group": f"compare?group=group-7&{window}",
        "roll-ups of a resource, days": f"resources/{watched}/rollups?unit=day&{window}",
    }


def of_pages(resources: int, watched: int) -> Mapping[str, str]:
    """Return what people look at: the overview, a resource, and the lists of the admin."""
    return {
        "dashboard, overview": "/",
        "dashboard, by search": f"/?find=service-{resources // 2}",
        "dashboard, a resource": f"/resources/{watched}/",
        "admin, resources": "/admin/probes/resource/",
        "admin, resources by search": f"/admin/probes/resource/?q=service-{resources // 2}",
        "admin, incidents": "/admin/probes/incident/",
        "admin, outcomes": "/admin/probes/outcome/",
        "admin, verdicts": "/admin/probes/verdict/",
        "admin, audit log": "/admin/probes/auditentry/",
    }


def _told(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:00:00Z")


def _cursor(position: list[Any]) -> str:
    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
