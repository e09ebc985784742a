"""How long a line for a quota is held, and what has no line."""

from datetime import datetime, timedelta

import pytest

from probes.actions import dispatch
from probes.actions import quota as ledger
from probes.actions.orders import Check, Granted, Wanted
from probes.models import QuotaAccount, QuotaWait, Registry, Resource
from probes.protocol.taxonomy import Depth
from tests.fakes.quota_books import EU, add, only
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_head_of_a_line_holds_for_a_while_and_goes_to_its_end(now: datetime, regions: Regions) -> None:
    """Ten are ours, of which six are taken, and it costs seven. Its place is kept while its slots come."""
    registry = Registry.objects.create(host="docker.io", quota_limit=20, quota_window_seconds=3600)
    architectures = ("386", "amd64", "arm64", "ppc64le", "riscv64", "s390x")
    platforms = [f"linux/{architecture}" for architecture in architectures]
    dear = add(1, now + MINUTE, first=3, platforms=platforms, interval_seconds=600)[0]
    for image in (dear, *add(3, now)):
        image.regions.set(only("eu-west", regions))
    dispatch.claim_due(now)
    dispatch.claim_due(now + MINUTE)
    length = 65 * MINUTE + 10 * MINUTE * regions["eu-west"].row.stride
    wait = QuotaWait.objects.get()
    assert (wait.resource, wait.holds_until) == (dear, now + MINUTE + length)
    Registry.objects.filter(pk=registry.pk).update(quota_limit=12)
    for passed, place in ((1, (now + MINUTE, now + MINUTE + length)), (2, (now + MINUTE + 2 * length, None))):
        at = now + MINUTE + passed * length
        QuotaWait.objects.update(until=at + HOUR)
        Resource.objects.filter(pk=dear.pk).update(next_due_at=at)
        dispatch.claim_due(at)
        wait = QuotaWait.objects.get(resource=dear)
        assert (wait.deep_since, wait.holds_until) == place


def test_check_of_a_registry_without_a_limit_that_has_no_account_yet_is_unlimited(
    now: datetime, regions: Regions
) -> None:
    """Confirming makes no account, and there is nothing to be thrifty with."""
    (image,) = add(1, now, host="ghcr.io")
    region = regions["eu-west"].row
    wanted = Wanted(
        check=Check(image, now, [region]),
        region=region,
        credential=None,
        address=EU,
        depth=Depth.PLATFORM,
        needs_depth=True,
    )
    assert ledger.ration([wanted], manner=ledger.Manner.CONFIRMING, now=now) == [Granted(0)]
    assert not QuotaAccount.objects.exists()
