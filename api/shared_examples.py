"""Examples of what several groups share."""

from typing import Any

from api.examples import TERMS

_MADE = "2026-11-23T14:00:00.000Z"


def terms(**said: Any) -> dict[str, Any]:
    return {**dict.fromkeys(TERMS), **said}


def new_schedule() -> dict[str, Any]:
    return {"name": "Office hours", "crontab": "0 7-19 * * mon-fri", "zone": "Europe/Berlin"}


def schedule() -> dict[str, Any]:
    named = {"id": 4, "slug": "office-hours", **new_schedule()}
    return {**named, "interval_seconds": None, "resources": 120, "managed_by": None}


def new_policy() -> dict[str, Any]:
    return {"name": "Strict", "terms": {"failures": 1, "severity": "critical"}}


def policy() -> dict[str, Any]:
    return {
        "id": 2,
        "slug": "strict",
        "name": "Strict",
        "notes": "",
        "resources": 12,
        "groups": 1,
        "terms": terms(failures=1, severity="critical"),
        "managed_by": "shop-git",
    }


def new_credential() -> dict[str, Any]:
    return {
        "registry": "registry.example.com",
        "repository_prefix": "shop",
        "label": "robot of the shop",
        "kind": "password",
        "username": "robot",
        "secret": {"password": "…"},
    }


def credential() -> dict[str, Any]:
    said = {name: value for name, value in new_credential().items() if name != "secret"}
    kept = {"has_secret": True, "rotated_at": _MADE, "expires_at": None, "managed_by": None}
    return {"id": 6, "slug": "robot-of-the-shop", **said, "region": None, **kept}


def new_channel() -> dict[str, Any]:
    return {
        "name": "Shop's pager",
        "kind": "webhook",
        "url": "https://hooks.example.com/T0/secret",
        "signing_key": "at least sixteen characters",
    }


def channel() -> dict[str, Any]:
    return {
        "id": 3,
        "slug": "shop-s-pager",
        "name": "Shop's pager",
        "kind": "webhook",
        "is_enabled": True,
        "address": "https://hooks.example.com:443",
        "sender": "",
        "recipients": [],
        "allowed_cidrs": [],
        "ca_pem": "",
        "reminder_minutes": None,
        "failures": 0,
        "failing_since": None,
        "last_error": "",
        "last_sent_at": None,
        "managed_by": None,
    }


def trial() -> dict[str, Any]:
    uid = "0b0c6a5e-3a53-4c3e-8a51-6f0a3a0c7d52"
    return {"notice": 1204, "uid": uid, "state": "pending", "created_at": _MADE}


def new_rule() -> dict[str, Any]:
    return {"channel": "shop-s-pager", "topics": ["incident_opened"], "severity": "warning", "groups": ["shop"]}


def rule() -> dict[str, Any]:
    said: dict[str, Any] = {"registries": [], "labels": {}, "managed_by": None}
    return {"id": 9, "slug": "shop-s-pager-incident_opened", **new_rule(), **said}
