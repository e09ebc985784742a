"""Every page, by its name: what the tests walk, and of what `make screenshots` takes pictures.

A new page adds a line. In braces stands what is another where something else is shown: `Ids`.
"""

from dataclasses import dataclass
from string import Formatter
from typing import Final

STATUS: Final = "platform"
"""The public page of the showcase."""

PAGES: Final = {
    "overview": "/",
    "overview-search": "/?find=nothing-is-called-so",
    "overview-dense": "/?view=dense&by=registry&sort=uptime&window=7d&seen=failing",
    "image": "/resources/{bad}/",
    "image-well": "/resources/{good}/",
    "endpoint": "/resources/{endpoint}/",
    "outcomes": "/resources/{bad}/outcomes/?status=failing",
    "incidents": "/incidents/",
    "incident": "/incidents/{incident}/",
    "incidents-narrowed": "/incidents/?state=over&registry={registry}&since=2020-01-01",
    "calendar": "/incidents/calendar/",
    "compare": "/compare/?image={bad}",
    "compare-group": "/compare/?group={group}&window=7d",
    "registries": "/registries/",
    "registry": "/registries/{registry}/",
    "regions": "/regions/",
    "region": "/regions/eu-west/",
    "events": "/events/",
    "status": "/status/{status}/",
    "status-history": "/status/{status}/history/",
    "status-widget": "/status/{status}/widget",
    "login": "/login/",
    "not-found": "/there-is-no-such-page/",
    "design": "/design/",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """What stands in the braces: an image that is well, one that fails, and so on. Not everybody has an endpoint."""

    good: int
    bad: int
    incident: int
    endpoint: int | None = None
    group: str = "checkout"
    registry: str = "registry.corp.example"
    status: str = STATUS


def paths(ids: Ids) -> dict[str, str]:
    """Return the address of each page that there is with these."""
    values = {name: value for name in Ids.__slots__ if (value := getattr(ids, name)) is not None}
    return {
        name: path.format(**values)
        for name, path in PAGES.items()
        if all(needed in values for _, needed, _, _ in Formatter().parse(path) if needed)
    }
