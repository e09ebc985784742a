"""Examples of registries and sources, for the description of the API."""

from typing import Any


def registry() -> dict[str, Any]:
    return {
        "id": 4,
        "name": "Our own",
        "notes": "",
        **registry_sent(),
        "client_certificate": {
            "subject": "CN=robot,O=Example",
            "issuer": "CN=Example CA,O=Example",
            "not_before": "2026-01-01T00:00:00.000Z",
            "not_after": "2027-01-01T00:00:00.000Z",
            "fingerprint": "5c" * 32,
        },
        "resources": 120,
        "credentials": 2,
        "managed_by": None,
    }


def registry_sent() -> dict[str, Any]:
    return {
        "host": "registry.example.com",
        "name": "Our own",
        "notes": "",
        "api_host": "",
        "plain_http": False,
        "resolve": {"registry.example.com": ["10.20.0.5"]},
        "allow_cidrs": ["10.20.0.0/16"],
        "allow_hosts": ["blobs.internal:9000"],
        "ca_pem": "",
        "trusted_auth_hosts": [],
        "quota_share_percent": 50,
        "quota_limit": 5000,
        "quota_window_seconds": 3600,
        "quota_counts": "requests",
    }


def source() -> dict[str, Any]:
    return {
        "id": 2,
        "slug": "platform-git",
        "name": "The platform team's repository",
        "notes": "",
        "resources": 9800,
        "stale": 3,
        "retired": 12,
    }


def missed_slots() -> dict[str, Any]:
    return {
        "id": 41,
        "resource": 12,
        "region": "eu-west",
        "cause": "shed",
        "first_slot": "2026-11-23T13:10:00.000Z",
        "last_slot": "2026-11-23T13:55:00.000Z",
        "count": 10,
        "stride": 1,
    }


def certificate() -> dict[str, Any]:
    return {
        "id": 17,
        "registry": "registry.example.com",
        "region": "eu-west",
        "host": "registry.example.com",
        "issuer": "CN=Example CA,O=Example",
        "not_after": "2026-12-20T08:00:00.000Z",
        "first_seen_at": "2026-09-21T08:03:11.000Z",
        "seen_at": "2026-11-23T13:58:40.000Z",
    }


def quota_account() -> dict[str, Any]:
    return {
        "id": 2,
        "registry": "docker.io",
        "credential": None,
        "egress": "203.0.113.7",
        "regions": ["eu-west"],
        "limit": 100,
        "window_seconds": 21600,
        "budget": 50,
        "allowance": 31,
        "spent": 19,
        "lowered": 4,
        "put_off": 0,
        "remaining": 74,
        "read_at": "2026-11-23T13:59:02.000Z",
        "short_since": None,
    }


def notice() -> dict[str, Any]:
    return {
        "id": 903,
        "uid": "5f0c2f6e-6a3b-4f0e-9d53-1f3a7f0a9c11",
        "channel": "on-call",
        "topic": "incident_opened",
        "incident": 77,
        "title": "checkout service is unavailable",
        "state": "sent",
        "created_at": "2026-11-23T14:00:31.000Z",
        "due_at": "2026-11-23T14:01:31.000Z",
        "attempts": 1,
        "last_error": "",
        "because": "",
        "sent_at": "2026-11-23T14:01:32.000Z",
    }
