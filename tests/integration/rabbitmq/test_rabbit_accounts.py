"""What a region's account on RabbitMQ may do, shown by trying what it may not."""

from collections.abc import Callable, Iterator
from typing import Any

import amqp
import pytest
from amqp.exceptions import AccessRefused, ConnectionForced, NotFound

from probes.broker.accounts import Accounts, AccountsUnavailable, open_accounts
from probes.broker.accounts.management import ManagementApi, ManagementError
from probes.broker.accounts.rabbitmq import RabbitAccounts
from probes.broker.accounts.rights import MOST_MESSAGES
from probes.broker.address import BrokerAddress
from probes.trust.accounts import Account, new_password
from tests.fakes.rabbitmq_server import VIRTUAL_HOST, RabbitServer
from tests.fakes.rotated_accounts import rotated
from tests.integration.rabbitmq.region import RabbitRegion
from tests.servers import wait_until

PASSWORD = new_password()
EUROPE = Account.make("eu-west", "region-eu-west", PASSWORD)
AMERICA = Account.make("us-east", "region-us-east", new_password())
POLICIES = ("kairos-regions", "kairos-heartbeats", "kairos-results")
QUEUES = ("results", "heartbeats", "probe.eu-west", "probe.us-east")


@pytest.fixture
def channel(region: RabbitRegion, accounts: Accounts, rabbit: RabbitServer) -> Iterator[Any]:
    """A channel of somebody who knows Europe's password, with another region's account and queue beside it."""
    accounts.ensure(EUROPE)
    accounts.ensure(AMERICA)
    with rabbit.connection(EUROPE.username, PASSWORD) as connection:
        yield connection.channel()


def test_region_takes_from_its_own_queue_and_adds_to_the_results(region: RabbitRegion, channel: Any) -> None:
    region.send({"v": 1})
    assert channel.queue_declare("probe.eu-west", passive=True).message_count == 1
    taken = channel.basic_get("probe.eu-west", no_ack=True)
    assert taken is not None
    channel.basic_publish(amqp.Message(b"a report"), exchange="results", routing_key="results")
    assert region.channel.basic_get("results", no_ack=True).body == b"a report"
    channel.basic_publish(amqp.Message(b"a heartbeat"), exchange="results", routing_key="heartbeats")
    assert region.channel.basic_get("heartbeats", no_ack=True).body == b"a heartbeat"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda channel: channel.basic_get("probe.us-east"),
        lambda channel: channel.basic_consume("probe.us-east"),
        lambda channel: channel.basic_get("results"),
        lambda channel: channel.basic_consume("results"),
        lambda channel: channel.basic_get("heartbeats"),
        lambda channel: channel.queue_purge("heartbeats"),
        lambda channel: channel.basic_get("control"),
        lambda channel: channel.queue_purge("probe.us-east"),
        lambda channel: channel.queue_purge("results"),
        lambda channel: channel.queue_delete("probe.us-east"),
        lambda channel: channel.queue_delete("probe.eu-west"),
        lambda channel: channel.queue_declare("probe.eu-west", durable=True, auto_delete=False),
        lambda channel: channel.queue_declare("spare", durable=True, auto_delete=False),
        lambda channel: channel.queue_declare("", exclusive=True),
        lambda channel: channel.queue_bind("probe.eu-west", "results", "results"),
        lambda channel: channel.exchange_declare("celeryev", "topic"),
        lambda channel: channel.exchange_delete("results"),
        *(
            lambda channel, exchange=exchange, queue=queue: channel.basic_publish(
                amqp.Message(b"an order"), exchange=exchange, routing_key=queue
            )
            for exchange in ("", "amq.direct", "amq.topic", "control")
            for queue in ("control", "results", "heartbeats", "probe.us-east", "probe.eu-west")
        ),
    ],
)
def test_everything_else_is_refused(channel: Any, attempt: Callable[[Any], object]) -> None:
    with pytest.raises((AccessRefused, NotFound)) as refused:
        attempt(channel)
    assert "refused" in str(refused.value) or "no queue" in str(refused.value) or "no exchange" in str(refused.value)


@pytest.mark.parametrize("queue", ["control", "probe.us-east", "probe.eu-west"])
def test_results_exchange_leads_to_nothing_but_the_results(region: RabbitRegion, channel: Any, queue: str) -> None:
    region.channel.queue_declare(queue, durable=True, auto_delete=False)
    copies = {"CC": ["control", "probe.us-east"], "BCC": ["probe.eu-west"]}
    forged = amqp.Message(b"an order", application_headers=copies)
    channel.basic_publish(forged, exchange="results", routing_key=queue)
    assert region.channel.queue_declare(queue, passive=True).message_count == 0


def test_region_cannot_use_the_management(channel: Any, rabbit: RabbitServer) -> None:
    address = BrokerAddress(BrokerAddress(rabbit.url).url_for(EUROPE.username, PASSWORD))
    with ManagementApi(address, rabbit.management_url) as api, pytest.raises(ManagementError) as refused:
        api.get("users")
    assert refused.value.status == 401
    with open_accounts(address, rabbit.management_url) as accounts, pytest.raises(AccountsUnavailable):
        accounts.check()


def test_queue_of_a_silent_region_is_bounded(channel: Any, region: RabbitRegion, rabbit: RabbitServer) -> None:
    """The policy holds for queues, whoever declared them: the oldest messages go."""
    with rabbit.api() as api:
        policy = api.get("policies", VIRTUAL_HOST, "kairos-regions")
        policy["definition"]["max-length"] = 3
        api.put("policies", VIRTUAL_HOST, "kairos-regions", body=policy)
        for number in range(5):
            region.publish(amqp.Message(str(number).encode()))
        assert region.waiting == 3
        assert channel.basic_get("probe.eu-west", no_ack=True).body == b"2"
    with open_accounts(rabbit.address, rabbit.management_url) as accounts, rabbit.api() as api:
        accounts.ensure(EUROPE)
        assert api.get("policies", VIRTUAL_HOST, "kairos-regions")["definition"] == {
            "max-length": 1000,
            "overflow": "drop-head",
            "message-ttl": 86_400_000,
        }


@pytest.fixture
def unbounded(rabbit: RabbitServer) -> None:
    """As a broker comes back that has lost its data: without policies and queues."""
    with rabbit.api() as api:
        for name in POLICIES:
            api.delete("policies", VIRTUAL_HOST, name)
        for name in QUEUES:
            api.delete("queues", VIRTUAL_HOST, name)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int | None]]:
    """What is written to the broker from now on, and the priority of each that has one."""
    put, written = ManagementApi.put, list[tuple[str, int | None]]()

    def note(api: ManagementApi, *path: str, body: dict[str, Any]) -> None:
        put(api, *path, body=body)
        written.append((path[-1], body.get("priority")))

    monkeypatch.setattr(ManagementApi, "put", note)
    return written


@pytest.mark.usefixtures("unbounded")
def test_policies_change_once_more_when_all_queues_are_there(
    rabbit: RabbitServer, written: list[tuple[str, int | None]]
) -> None:
    """RabbitMQ misses a queue that somebody declares just as a policy is first written: it was without bounds."""
    ensure_all(rabbit)
    assert [item for item in written if item[0] in (*POLICIES, *QUEUES)] == [
        *((name, -1) for name in POLICIES),
        *((name, None) for name in QUEUES),
        *((name, 0) for name in POLICIES),
    ]
    written.clear()
    ensure_all(rabbit)
    assert written == []


@pytest.mark.usefixtures("unbounded")
def test_policies_that_were_interrupted_are_finished_by_whoever_comes_next(
    rabbit: RabbitServer, written: list[tuple[str, int | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(RabbitAccounts, "_keep_user", fail)
        with pytest.raises(AccountsUnavailable):
            ensure_all(rabbit)
    assert {priority for name, priority in written if name in POLICIES} == {-1}
    written.clear()
    ensure_all(rabbit)
    assert [item for item in written if item[0] in POLICIES] == [(name, 0) for name in POLICIES]
    with rabbit.api() as api:
        assert {policy["name"]: policy["priority"] for policy in api.get("policies", VIRTUAL_HOST)} == dict.fromkeys(
            POLICIES, 0
        )


def ensure_all(rabbit: RabbitServer) -> None:
    with open_accounts(rabbit.address, rabbit.management_url) as accounts:
        for account in (EUROPE, AMERICA):
            accounts.ensure(account)


def fail(*_: object) -> None:
    raise ManagementError("the broker has gone away again")


def test_queue_that_is_filled_keeps_its_newest_messages(channel: Any, region: RabbitRegion) -> None:
    for number in range(MOST_MESSAGES + 5):
        region.publish(amqp.Message(str(number).encode()))
    assert region.waiting == MOST_MESSAGES
    assert channel.basic_get("probe.eu-west", no_ack=True).body == b"5"


def test_messages_of_a_silent_region_end_with_the_policy_s_time(
    channel: Any, region: RabbitRegion, rabbit: RabbitServer
) -> None:
    """Also those that were sent for longer; what was sent for less is in `test_rabbit_trimming.py`."""
    with rabbit.api() as api:
        policy = api.get("policies", VIRTUAL_HOST, "kairos-regions")
        policy["definition"]["message-ttl"] = 1000
        api.put("policies", VIRTUAL_HOST, "kairos-regions", body=policy)
    region.publish(amqp.Message(b"sent for ever"))
    region.publish(amqp.Message(b"sent for an hour", expiration="3600000"))
    assert region.waiting == 2
    wait_until(lambda: region.waiting == 0, 10, "both to go")
    with open_accounts(rabbit.address, rabbit.management_url) as accounts:
        accounts.ensure(EUROPE)


def test_all_accounts_of_a_region_are_valid_during_rotations(accounts: Accounts, rabbit: RabbitServer) -> None:
    def work(username: str, password: str) -> None:
        with rabbit.connection(username, password) as connection:
            assert connection.channel().basic_get("probe.eu-west") is None

    ended = rotated(accounts, work)
    with pytest.raises(AccessRefused):
        rabbit.connection(*ended)


def test_account_that_is_removed_loses_its_connections(accounts: Accounts, rabbit: RabbitServer) -> None:
    accounts.ensure(EUROPE)
    with rabbit.connection(EUROPE.username, PASSWORD) as connection:
        accounts.remove(EUROPE.username)
        accounts.remove(EUROPE.username)  # it is gone: no error
        with pytest.raises(ConnectionForced, match="is deleted"):
            connection.drain_events(timeout=5)
    with pytest.raises(AccessRefused):
        rabbit.connection(EUROPE.username, PASSWORD)


def test_account_with_a_new_password_loses_the_connections_of_the_old_one(
    accounts: Accounts, rabbit: RabbitServer
) -> None:
    """A name comes round again when a region was retired, perhaps because it was lost, and is enrolled at once."""
    accounts.ensure(EUROPE)
    with rabbit.connection(EUROPE.username, PASSWORD) as connection:
        accounts.ensure(EUROPE)
        assert connection.channel().basic_get("probe.eu-west") is None
        accounts.ensure(Account.make("eu-west", EUROPE.username, new_password()))
        with pytest.raises(ConnectionForced, match="is deleted"):
            connection.drain_events(timeout=5)


def test_account_that_was_tampered_with_is_put_right(accounts: Accounts, rabbit: RabbitServer) -> None:
    accounts.ensure(EUROPE)
    with rabbit.api() as api:
        everything: dict[str, Any] = {"configure": ".*", "write": ".*", "read": ".*"}
        api.put("permissions", VIRTUAL_HOST, EUROPE.username, body=everything)
        user = api.get("users", EUROPE.username)
        api.put("users", EUROPE.username, body={**user, "tags": "administrator"})
        accounts.ensure(EUROPE)
        assert not api.get("users", EUROPE.username)["tags"]
        assert api.get("permissions", VIRTUAL_HOST, EUROPE.username)["write"] == "^results$"


def test_management_that_cannot_be_had_is_told_without_the_password(rabbit: RabbitServer) -> None:
    for url in ("http://127.0.0.1:1", f"http://kairos:wrong@127.0.0.1:{rabbit.management_port}"):
        with open_accounts(rabbit.address, url) as accounts, pytest.raises(AccountsUnavailable) as told:
            accounts.names()
        assert "for-tests-only" not in str(told.value)
        assert "\n" not in str(told.value)
