"""The ways from every page to the others. PURE but for the addresses, which Django knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import NoReverseMatch, reverse

# Label, the name of its page, and the names of those beneath it.
_ENTRIES: Final = (
    ("Overview", "overview", ("resource", "resource-outcomes")),
    ("Incidents", "incidents", ("incident", "incident-calendar")),
    ("Compare", "compare", ()),
    ("Registries", "registries", ("registry",)),
    ("Regions", "regions", ("region",)),
    ("Events", "events", ()),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One way. `current` is the value of `aria-current`: `page` there, `true` on a page beneath it, else empty."""

    label: str
    url: str
    name: str
    current: str


def entries(here: str) -> Sequence[Entry]:
    """Return the pages that there are, as seen from the page of that name; empty for one without a name."""
    return [
        Entry(label, url, name, "page" if here == name else "true" if here in beneath else "")
        for label, name, beneath in _ENTRIES
        if (url := _address(name))
    ]


def _address(name: str) -> str:
    try:
        return reverse(f"dashboard:{name}")
    except NoReverseMatch:
        return ""
