"""Examples of tokens for the API's description."""

from typing import Any

_TEXT = "kairos_3f9k2m1x0a_" + "A" * 43


def token() -> dict[str, Any]:
    return {
        "id": 4,
        "name": "deploy pipeline",
        "prefix": "3f9k2m1x0a",
        "owner": "ci",
        "scopes": ["read", "probe"],
        "groups": ["payments"],
        "regions": None,
        "created_at": "2026-11-23T14:00:00.000Z",
        "created_by": "anna",
        "expires_at": "2027-11-23T14:00:00.000Z",
        "last_used_at": "2026-11-26T09:31:00.000Z",
        "revoked_at": None,
    }


def new_token() -> dict[str, Any]:
    return {
        "name": "deploy pipeline",
        "scopes": ["read", "probe"],
        "groups": ["payments"],
        "expires_at": "2027-11-23T14:00:00Z",
    }


def issued() -> dict[str, Any]:
    return {**token(), "last_used_at": None, "token": _TEXT}
