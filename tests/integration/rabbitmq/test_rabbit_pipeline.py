"""The whole of Kairos over RabbitMQ: all that changes is BROKER_URL.

The rolling upgrade is the test of `tests/integration/faults`, on this pipeline.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from amqp.exceptions import AccessRefused, NotAllowed
from django.utils import timezone

from probes.actions import accounts, resources
from probes.broker.accounts.management import ManagementApi
from probes.models import BrokerAccount, MessageRefusal, Outcome, Region
from probes.trust.accounts import PREFIX
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import REGIONS, Pipeline
from tests.fakes.rabbitmq_server import VIRTUAL_HOST, RabbitServer
from tests.integration.faults.test_rolling_upgrade import (
    images,
    pair,
    test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot,
)

__all__ = ["images", "pair", "test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot"]


@pytest.fixture
def _images(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[None]:
    """Images that are checked until the test ends."""
    names = (f"{registry.authority}/{uuid4().hex}:1" for _ in range(3))
    images = pipeline.add_images(*names, interval_seconds=2)
    yield
    resources.pause([image.pk for image in images], now=timezone.now())


def outcomes() -> Counter[str]:
    return Counter(Outcome.objects.values_list("region__slug", flat=True))


def wait_for_more(pipeline: Pipeline) -> None:
    """Wait until every region has found something new."""
    before = outcomes()
    pipeline.wait_for(
        lambda: all(outcomes()[slug] > before[slug] for slug in REGIONS), 60, "outcomes from everywhere"
    )


@pytest.mark.usefixtures("_images")
def test_images_are_checked_from_every_region(pipeline: Pipeline) -> None:
    refused = list(MessageRefusal.objects.order_by("pk").values_list("pk", "count"))
    wait_for_more(pipeline)
    assert pipeline.status("/readyz") == 200
    assert list(MessageRefusal.objects.order_by("pk").values_list("pk", "count")) == refused


def queues_under_policy(api: ManagementApi) -> set[str]:
    return {queue["name"] for queue in api.get("queues", VIRTUAL_HOST) if queue.get("policy") == "kairos-regions"}


def test_each_worker_has_an_account_of_its_own_and_no_right_to_declare(
    pipeline: Pipeline, rabbit_for_all: RabbitServer
) -> None:
    names = {f"{PREFIX}{slug}" for slug in REGIONS}
    with rabbit_for_all.api() as api:
        # The management looks at connections every few seconds.
        pipeline.wait_for(lambda: names <= {link.get("user") for link in api.get("connections")}, 30, "all to log in")
        rights = {right["user"]: right for right in api.get("vhosts", VIRTUAL_HOST, "permissions")}
        assert all(rights[name]["configure"] == "^$" for name in names)
        # A policy reaches its queues a moment after it was made.
        bounded = {f"probe.{slug}" for slug in REGIONS}
        pipeline.wait_for(lambda: queues_under_policy(api) == bounded, 30, "every region's queue to have its bounds")


@pytest.mark.usefixtures("_images")
def test_account_that_the_broker_lost_is_made_again(pipeline: Pipeline, rabbit_for_all: RabbitServer) -> None:
    deaths = list(pipeline.deaths)
    with rabbit_for_all.api() as api:
        api.delete("users", f"{PREFIX}eu-west")
        api.delete("queues", VIRTUAL_HOST, "probe.eu-west")
        pipeline.wait_for(
            lambda: f"{PREFIX}eu-west" in {user["name"] for user in api.get("users")}, 60, "the account"
        )
    wait_for_more(pipeline)  # some of which may have been on its way
    wait_for_more(pipeline)
    assert pipeline.deaths == deaths


def test_account_that_is_over_is_removed(pipeline: Pipeline, rabbit_for_all: RabbitServer) -> None:
    region = Region.objects.get(slug="us-east")
    row, password = accounts.issue(region, now=timezone.now())
    pipeline.wait_for(lambda: can_log_in(rabbit_for_all, row.username, password), 30, "the second account")
    # As a rotation that is given up: the first stays what the worker uses.
    BrokerAccount.objects.filter(pk=row.pk).update(valid_until=timezone.now())
    pipeline.wait_for(lambda: not can_log_in(rabbit_for_all, row.username, password), 30, "its end")
    assert not BrokerAccount.objects.filter(pk=row.pk).exists()


@pytest.mark.usefixtures("_images")
def test_broker_that_is_restarted_without_its_data_is_set_up_again(
    pipeline: Pipeline, rabbit_for_all: RabbitServer, tmp_path: Path
) -> None:
    rabbit_for_all.stop()
    rabbit_for_all.wipe()
    rabbit_for_all.start()
    wait_for_more(pipeline)
    assert {death.partition(" ")[0] for death in pipeline.deaths} <= {"control"}


def can_log_in(server: RabbitServer, username: str, password: str) -> bool:
    try:
        server.connection(username, password).close()
    except (AccessRefused, NotAllowed):  # the second while its permissions are being written
        return False
    return True
