"""What expires is told at 30, 14, 7 and 1 days, and at the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy import expiry
from probes.policy.expiry import HostCertificate, step_days
from probes.policy.happenings import SEVERITIES, EventKind, Happening
from probes.policy.terms import Severity

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOST = HostCertificate(
    host="ghcr.io",
    not_after=NOON,
    issuers=["Example CA"],
    regions=["eu-west", "us-east"],
    registries=[(1, "ghcr.io")],
)


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (31 * DAY, None),
        (30 * DAY + timedelta(seconds=1), None),
        (30 * DAY, 30),
        (15 * DAY, 30),
        (14 * DAY, 14),
        (7 * DAY, 7),
        (5 * DAY, 7),
        (DAY, 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), 0),
        (-400 * DAY, 0),
    ],
    ids=str,
)
def test_step_is_the_last_that_was_reached(left: timedelta, step: int | None) -> None:
    assert step_days(NOON + left, now=NOON) == step


def life(not_after: datetime, *, first: datetime, hours: int = 24 * 60) -> list[Happening]:
    """Return what is told of a host's certificate, looked at each hour, each key once."""
    told: dict[str, Happening] = {}
    for hour in range(hours):
        found = expiry.of_host(replace(HOST, not_after=not_after), now=first + hour * timedelta(hours=1))
        if found:
            told.setdefault(found.key, found)
    return list(told.values())


def test_each_step_is_told_once() -> None:
    told = life(NOON + 40 * DAY, first=NOON)
    assert [item.facts["step_days"] for item in told] == [30, 14, 7, 1, 0]
    assert [item.severity for item in told] == ["info", "warning", "warning", "critical", "critical"]
    assert {item.kind for item in told[:-1]} == {EventKind.CERTIFICATE_EXPIRING}
    assert told[-1].kind is EventKind.CERTIFICATE_EXPIRED


def test_who_learns_of_it_late_is_told_once_of_what_holds() -> None:
    assert [item.facts["step_days"] for item in life(NOON + 5 * DAY, first=NOON, hours=24)] == [7]


def test_renewed_certificate_starts_anew() -> None:
    first = life(NOON + 5 * DAY, first=NOON, hours=24)
    again = life(NOON + 6 * DAY, first=NOON, hours=24)
    assert {item.key for item in first}.isdisjoint(item.key for item in again)


def test_host_is_told_of_with_who_issued_and_who_saw_it() -> None:
    told = expiry.of_host(replace(HOST, not_after=NOON + 7 * DAY), now=NOON)
    assert told == Happening(
        kind=EventKind.CERTIFICATE_EXPIRING,
        key="certificate_expiring:ghcr.io:2026-03-08T12:00:00.000Z:7",
        at=NOON,
        severity=Severity.WARNING,
        text="The certificate of ghcr.io by Example CA expires in 7 days, on 2026-03-08 12:00 UTC.",
        registry=1,
        facts={
            "not_after": "2026-03-08T12:00:00.000Z",
            "step_days": 7,
            "host": "ghcr.io",
            "issuer": "Example CA",
            "regions": ["eu-west", "us-east"],
            "registries": ["ghcr.io"],
        },
    )


def test_only_region_that_saw_it_is_named() -> None:
    told = expiry.of_host(replace(HOST, regions=["eu-west"], issuers=[]), now=NOON)
    assert told is not None
    assert (told.region, told.text) == ("eu-west", "The certificate of ghcr.io expired on 2026-03-01 12:00 UTC.")


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(hours=23, minutes=59), "1 day"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(minutes=1), "1 hour"),
        (DAY, "1 day"),
        (13.5 * DAY, "13 days"),
    ],
    ids=str,
)
def test_time_left_is_told_in_whole_units(left: timedelta, words: str) -> None:
    told = expiry.of_credential(7, "robot", NOON + left, now=NOON)
    assert told is not None
    assert told.text.startswith(f"The credential robot expires in {words}, on ")


def test_credentials_and_client_certificates_are_told_of_by_their_own_kinds() -> None:
    client = expiry.of_client(3, "ghcr.io", "CN=robot", NOON + DAY, now=NOON)
    login = expiry.of_credential(7, "robot", NOON, now=NOON)
    assert client is not None
    assert login is not None
    assert (client.kind, client.registry, client.facts["subject"]) == ("client_certificate_expiring", 3, "CN=robot")
    assert (login.kind, login.credential, login.text) == (
        "credential_expired",
        7,
        "The credential robot expired on 2026-03-01 12:00 UTC.",
    )


def test_what_lasts_is_not_told_of() -> None:
    later = NOON + 31 * DAY
    assert expiry.of_host(replace(HOST, not_after=later), now=NOON) is None
    assert expiry.of_client(3, "ghcr.io", "CN=robot", later, now=NOON) is None
    assert expiry.of_credential(7, "robot", later, now=NOON) is None


def test_every_kind_has_its_severity() -> None:
    assert SEVERITIES.keys() == set(EventKind)
