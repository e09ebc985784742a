"""Every page, by its name: what `test_every_page.py` walks, and of what `make screenshots` takes pictures.

A new page adds a line. In braces stand ids of the showcase: of an image that is well, of one that fails, of an
endpoint, and of an incident that is open.
"""

from dataclasses import dataclass
from typing import Final

STATUS: Final = "platform"
"""The public page that is in three of these addresses."""

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
    "incidents-narrowed": "/incidents/?state=over&registry=registry.corp.example&since=2020-01-01",
    "calendar": "/incidents/calendar/",
    "compare": "/compare/?image={bad}",
    "compare-group": "/compare/?group=checkout&window=7d",
    "registries": "/registries/",
    "registry": "/registries/registry.corp.example/",
    "regions": "/regions/",
    "region": "/regions/eu-west/",
    "events": "/events/",
    "status": "/status/platform/",
    "status-history": "/status/platform/history/",
    "status-widget": "/status/platform/widget",
    "login": "/login/",
    "not-found": "/there-is-no-such-page/",
    "design": "/design/",
}


@dataclass(frozen=True, slots=True)
class Ids:
    """What stands in the braces."""

    good: int
    bad: int
    endpoint: int
    incident: int


def paths(ids: Ids) -> dict[str, str]:
    """Return the address of each page."""
    values = {name: getattr(ids, name) for name in Ids.__slots__}
    return {name: path.format(**values) for name, path in PAGES.items()}
