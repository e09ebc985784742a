"""Policies: terms with a name, beneath a resource's own and beneath a group's."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from probes.actions import resources, terms
from probes.models import Policy, Resource, ResourceGroup, Verdict
from probes.policy.terms import Origin
from probes.selectors.terms import in_force, terms_of
from tests.integration.control.conftest import MakeImages

pytestmark = pytest.mark.django_db


def chosen() -> Resource:
    return Resource.objects.select_related("group").get()


def test_terms_are_inherited_through_policies(make_images: MakeImages) -> None:
    of_group = Policy.objects.create(
        name="Of the group", failures=5, recoveries=5, fresh_intervals=5, severity="info"
    )
    group = ResourceGroup.objects.create(name="Shop", policy=of_group, recoveries=4, fresh_intervals=4)
    own = Policy.objects.create(name="Own", fresh_intervals=6, uptime_target_percent=Decimal(99))
    make_images(group=group, policy=own, minimum_votes=1)

    found = in_force(chosen())

    assert (found.terms.failures, found.terms.recoveries, found.terms.fresh_intervals) == (5, 4, 6)
    assert found.origins["failures"] is Origin.GROUP_POLICY
    assert found.origins["recoveries"] is Origin.GROUP
    assert found.origins["fresh_intervals"] is Origin.POLICY
    assert found.origins["minimum_votes"] is Origin.RESOURCE
    assert found.origins["degraded_after"] is Origin.DEFAULT
    assert terms_of([chosen()])[chosen().pk] == found.terms
    assert in_force(group).origins["severity"] is Origin.GROUP_POLICY


def test_terms_of_many_take_two_queries_however_many_policies_there_are(make_images: MakeImages) -> None:
    for number, image in enumerate(make_images(4)):
        image.policy = Policy.objects.create(name=f"P{number}", failures=number + 1)
        image.save()
    rows = list(Resource.objects.select_related("group"))

    with CaptureQueriesContext(connection) as captured:
        found = terms_of(rows)

    assert len(captured) == 2
    assert sorted(item.failures for item in found.values()) == [1, 2, 3, 4]


def test_change_of_a_policy_has_its_verdicts_computed_anew_and_no_others(
    make_images: MakeImages, now: datetime
) -> None:
    policy = Policy.objects.create(name="Strict", failures=2)
    by_itself, by_group, other = make_images(3)
    by_itself.policy, by_group.group = policy, ResourceGroup.objects.create(name="Shop", policy=policy)
    for image in (by_itself, by_group):
        resources.save(image, now=now)
    Verdict.objects.bulk_create(
        Verdict(resource=image, since=now, computed_at=now) for image in (by_itself, by_group, other)
    )
    policy.failures = 3

    terms.save(policy, now=now + timedelta(minutes=1))

    stale = Verdict.objects.filter(stale_at=now + timedelta(minutes=1)).values_list("resource_id", flat=True)
    assert set(stale) == {by_itself.pk, by_group.pk}


def test_resource_that_takes_another_policy_is_judged_anew(make_images: MakeImages, now: datetime) -> None:
    (image,) = make_images()
    Verdict.objects.create(resource=image, since=now, computed_at=now)
    image.policy = Policy.objects.create(name="Strict", failures=1)

    resources.save(image, now=now)

    assert Verdict.objects.get().stale_at == now


def test_policy_that_is_taken_is_not_deleted(make_images: MakeImages) -> None:
    policy = Policy.objects.create(name="Strict")
    make_images(policy=policy)

    with pytest.raises(ProtectedError):
        policy.delete()
