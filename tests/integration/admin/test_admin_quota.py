"""What registries let us have and what checks cost, in the admin; and the settings for it."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.models import Credential, QuotaAccount, Registry, ResourceCosts
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, RateLimit
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import found
from tests.integration.admin.pages import ADMIN, errors_of, shown
from tests.integration.admin.test_admin_registries import typed

pytestmark = pytest.mark.django_db


def told(plan: CheckPlan) -> Outcome:
    """Find an image available at a registry that tells of its limit."""
    outcome = found(plan)
    limit = RateLimit(limit=1000, remaining=876, window_seconds=21_600, source="198.51.100.7")
    return replace(outcome, conclusion=replace(outcome.conclusion, rate_limit=limit))


def test_account_is_told_in_a_line(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image(), finds={"us-east": told})
    page = shown(client, f"{ADMIN}/quotaaccount/")
    assert "anonymous from us-east" in page
    assert "1,000 in 6 h" in page
    assert "876" in page
    assert "of 500" in page
    account = QuotaAccount.objects.get(egress="us-east")
    page = shown(client, f"{ADMIN}/quotaaccount/{account.pk}/change/")
    assert "198.51.100.7" in page
    assert "us-east: 876 left of 1,000" in page
    assert "each of the manifests" in page


def test_account_without_a_limit_says_so(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image())
    assert "not told yet" in shown(client, f"{ADMIN}/quotaaccount/")


def test_account_that_is_short_says_since_when(client: Client, plane: ControlPlane) -> None:
    Registry.objects.create(host="ghcr.io", quota_limit=2, quota_window_seconds=3600)
    plane.check(plane.image())
    page = shown(client, f"{ADMIN}/quotaaccount/")
    assert "1 lowered" in page
    assert "short since" in page


def test_list_takes_the_same_queries_for_many_as_for_few(client: Client, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{ADMIN}/quotaaccount/")
        return len(captured)

    registry = Registry.objects.create(host="ghcr.io")
    few = queries()
    for number in range(9):
        credential = Credential.objects.create(registry=registry, repository_prefix=f"org-{number}")
        QuotaAccount.objects.create(registry=registry, credential=credential, created_at=plane.now)
    assert queries() == few


def test_costs_of_a_resource_are_told_by_the_day(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image(name="the app"))
    page = shown(client, f"{ADMIN}/resourcecosts/")
    assert "the app" in page
    row = ResourceCosts.objects.get()
    assert (row.checks, row.requests) == (3, 9)
    assert shown(client, f"{ADMIN}/resourcecosts/{row.pk}/change/").startswith("the app on ")


def test_what_was_counted_for_a_credential_goes_with_it(client: Client, plane: ControlPlane) -> None:
    credential = Credential.objects.create(registry=Registry.objects.create(host="ghcr.io"), username="robot")
    QuotaAccount.objects.create(registry=credential.registry, credential=credential, created_at=plane.now)
    client.post(f"{ADMIN}/credential/{credential.pk}/delete/", {"post": "yes"})
    assert not Credential.objects.exists()
    assert not QuotaAccount.objects.exists()


def test_registrys_quota_is_stored_as_typed(client: Client) -> None:
    client.post(
        f"{ADMIN}/registry/add/",
        typed(quota_share_percent="20", quota_limit="5000", quota_window_seconds="3600", quota_counts="requests"),
    )
    registry = Registry.objects.get()
    assert (registry.quota_share_percent, registry.quota_counts) == (20, "requests")
    assert (registry.quota_limit, registry.quota_window_seconds) == (5000, 3600)


def test_share_that_is_left_empty_is_the_usual_one(client: Client) -> None:
    client.post(f"{ADMIN}/registry/add/", typed(quota_share_percent=""))
    assert Registry.objects.get().quota_share_percent == 50


def test_limit_without_its_window_is_refused(client: Client) -> None:
    errors = errors_of(client.post(f"{ADMIN}/registry/add/", typed(quota_limit="5000")))
    assert "go together" in str(errors["quota_window_seconds"])
