"""Examples of what is published."""

from typing import Any


def new_status_page() -> dict[str, Any]:
    return {
        "slug": "registry",
        "title": "Registry",
        "description": "Whether the images of our platform can be pulled.",
        "shows_reasons": True,
        "frame_origins": ["https://www.example.com"],
    }


def status_page() -> dict[str, Any]:
    untold = {"visibility": "hidden", "shows_hosts": False, "shows_regions": False, "managed_by": None}
    return {"id": 1, **new_status_page(), **untold}


def new_status_group() -> dict[str, Any]:
    return {"page": "registry", "group": "shop", "public_name": "Payments"}


def status_group() -> dict[str, Any]:
    said = {"description": "", "visibility": "hidden", "naming": "together", "position": 0, "managed_by": None}
    return {"id": 4, "slug": "payments", **new_status_group(), **said}


def new_announcement() -> dict[str, Any]:
    return {
        "page": "registry",
        "kind": "work",
        "title": "The registry moves tonight",
        "text": "Pulls may take a few seconds longer.",
        "starts_at": "2026-11-23T14:00:00.000Z",
        "expires_at": "2026-11-24T04:00:00.000Z",
    }


def announcement() -> dict[str, Any]:
    said = {"visibility": "public", "is_pinned": False, "made_by": "ada", "changed_at": "2026-11-23T14:00:00.000Z"}
    return {"id": 7, "slug": "the-registry-moves-tonight", **new_announcement(), **said}
