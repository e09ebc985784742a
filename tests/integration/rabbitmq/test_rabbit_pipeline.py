"""The whole of Kairos over RabbitMQ: all that changes is BROKER_URL."""

from collections import Counter
from pathlib import Path

import pytest
from amqp.exceptions import AccessRefused, NotAllowed
from django.utils import timezone

from probes.actions import accounts
from probes.broker.accounts.management import ManagementApi
from probes.models import BrokerAccount, MessageRefusal, Outcome, Region
from probes.trust.accounts import PREFIX
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import REGIONS, Pipeline
from tests.fakes.rabbitmq_server import VIRTUAL_HOST, RabbitServer


@pytest.fixture(scope="module", autouse=True)
def images(pipeline: Pipeline, registry: HeldRegistry) -> None:
    pipeline.add_images(*(f"{registry.authority}/image-{number}:1" for number in range(5)), interval_seconds=2)


def outcomes() -> Counter[str]:
    return Counter(Outcome.objects.values_list("region__slug", flat=True))


def wait_for_more(pipeline: Pipeline) -> None:
    """Wait until every region has found something new."""
    before = outcomes()
    pipeline.wait_for(
        lambda: all(outcomes()[slug] > before[slug] for slug in REGIONS), 60, "outcomes from everywhere"
    )


def test_images_are_checked_from_every_region(pipeline: Pipeline) -> None:
    wait_for_more(pipeline)
    assert pipeline.status("/readyz") == 200
    assert not MessageRefusal.objects.exists()


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


def test_account_that_the_broker_lost_is_made_again(pipeline: Pipeline, rabbit_for_all: RabbitServer) -> None:
    with rabbit_for_all.api() as api:
        api.delete("users", f"{PREFIX}eu-west")
        api.delete("queues", VIRTUAL_HOST, "probe.eu-west")
    wait_for_more(pipeline)
    assert not pipeline.deaths


def test_account_that_is_over_is_removed(pipeline: Pipeline, rabbit_for_all: RabbitServer) -> None:
    region = Region.objects.get(slug="us-east")
    row, password = accounts.issue(region, now=timezone.now())
    pipeline.wait_for(lambda: can_log_in(rabbit_for_all, row.username, password), 30, "the second account")
    # As a rotation that is given up: the first stays what the worker uses.
    BrokerAccount.objects.filter(pk=row.pk).update(valid_until=timezone.now())
    pipeline.wait_for(lambda: not can_log_in(rabbit_for_all, row.username, password), 30, "its end")
    assert not BrokerAccount.objects.filter(pk=row.pk).exists()


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
