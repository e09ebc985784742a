"""`/metrics`: certificates, quotas and the outbox."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import regions as region_actions
from probes.models import Channel, Credential, QuotaAccount, Registry
from probes.policy.hearsay import readings_to_json
from probes.policy.quota_limits import Reading
from tests.fakes.control_plane import ControlPlane
from tests.fakes.scraper import samples, value
from tests.fakes.surroundings import SOON, surroundings_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def surrounded(plane: ControlPlane) -> ControlPlane:
    plane.now = timezone.now()
    surroundings_of(plane.image().registry, plane.region("eu-west"), now=plane.now)
    return plane


def test_certificate_is_told_by_host_and_region(client: APIClient, surrounded: ControlPlane) -> None:
    found = samples(client, "kairos_certificate_not_after_timestamp_seconds")
    ends = value(found, registry="ghcr.io", host="auth.example", region="eu-west")
    assert ends == (surrounded.now + SOON).timestamp()


def test_certificate_that_a_retired_region_saw_is_left_out(client: APIClient, surrounded: ControlPlane) -> None:
    region_actions.retire([surrounded.region("eu-west").pk], now=surrounded.now)
    assert samples(client, "kairos_certificate_not_after_timestamp_seconds") == {}


def test_quota_is_told_with_what_was_lowered_and_put_off_for_it(client: APIClient, surrounded: ControlPlane) -> None:
    account = {"registry": "ghcr.io", "credential": "", "egress": "192.0.2.7"}
    for name, number in (("limit", 100), ("remaining", 40), ("checks_lowered_total", 3), ("slots_put_off_total", 2)):
        assert value(samples(client, f"kairos_quota_{name}"), **account) == number
    assert value(samples(client, "kairos_quota_read_timestamp_seconds"), **account) == surrounded.now.timestamp()


@pytest.mark.parametrize("limit", [None, 10**9], ids=["there is no limit", "there is plenty"])
def test_region_that_says_last_that_there_is_plenty_does_not_hide_what_is_left(
    client: APIClient, surrounded: ControlPlane, limit: int | None
) -> None:
    """The alert goes by it, and one region may be in the wrong hands."""
    before = surrounded.now - timedelta(minutes=5)
    told = Reading(at=before, limit=100, remaining=7, window_seconds=21_600)
    lie = Reading(at=surrounded.now, limit=limit, remaining=limit)
    rows = readings_to_json({1: told, 2: told, 3: lie})
    QuotaAccount.objects.update(readings=rows, limit=limit, remaining=limit)
    account = {"registry": "ghcr.io", "credential": "", "egress": "192.0.2.7"}
    for name, number in (("limit", 100), ("remaining", 7), ("read_timestamp_seconds", before.timestamp())):
        assert value(samples(client, f"kairos_quota_{name}"), **account) == number


def test_credentials_of_one_name_are_told_apart(client: APIClient, surrounded: ControlPlane) -> None:
    """Two samples with the same labels are none: Prometheus takes the first and drops the other."""
    registry = Registry.objects.get()
    for prefix, limit in (("org/one", 100), ("org/two", 200)):
        credential = Credential.objects.create(registry=registry, repository_prefix=prefix, label="robot")
        reading = {"limit": limit, "remaining": limit, "window_seconds": 3600, "read_at": surrounded.now}
        QuotaAccount.objects.create(registry=registry, credential=credential, created_at=surrounded.now, **reading)
    found = samples(client, "kairos_quota_limit")
    assert sorted(found.values()) == [100, 100, 200]
    names = {dict(key)["credential"] for key in found}
    assert all(name == "" or name.startswith("robot #") for name in names)
    assert len(names) == 3


def test_account_that_knows_no_limit_is_left_out(client: APIClient, surrounded: ControlPlane) -> None:
    QuotaAccount.objects.update(limit=None, remaining=None)
    assert samples(client, "kairos_quota_limit") == {}


def test_notices_are_counted_by_state_with_when_the_first_is_due(client: APIClient, surrounded: ControlPlane) -> None:
    found = samples(client, "kairos_notices")
    assert {dict(key)["state"]: number for key, number in found.items()} == {
        "pending": 2,
        "sent": 0,
        "failed": 0,
        "suppressed": 0,
    }
    due = value(samples(client, "kairos_notices_oldest_due_timestamp_seconds"), channel="mail")
    assert due == (surrounded.now + timedelta(minutes=1)).timestamp()


def test_notices_that_wait_for_a_disabled_channel_are_not_overdue(
    client: APIClient, surrounded: ControlPlane
) -> None:
    Channel.objects.update(is_enabled=False)
    assert value(samples(client, "kairos_notices"), channel="mail", state="pending") == 2
    assert samples(client, "kairos_notices_oldest_due_timestamp_seconds") == {}
