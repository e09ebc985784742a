"""A broker with a private CA that asks for client certificates: Redis, as the control plane and a region reach it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import redis

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from kairos.embedded.redis import find_binary
from probes.broker.accounts import open_accounts
from probes.broker.address import BrokerAddress
from probes.broker.ping import BrokerAway, ping
from probes.trust.accounts import Account
from tests.fakes.tls_files import TlsFiles
from tests.servers import running


@dataclass(frozen=True, slots=True)
class Broker:
    """`address` has all that a client needs; the server's certificate is for 127.0.0.1 and not for localhost."""

    address: BrokerAddress
    stranger: TlsFiles  # another authority


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    directory = tmp_path_factory.mktemp("redis-tls")
    tls = TlsFiles(directory)
    server, ours = tls.issue("server"), tls.issue("ours")
    port = free_port()
    child = Child(
        name="redis",
        argv=(
            *(str(find_binary()), "--bind", "127.0.0.1", "--port", "0", "--save", ""),
            *("--tls-port", str(port), "--tls-auth-clients", "yes", "--tls-ca-cert-file", str(tls.ca_file)),
            *("--tls-cert-file", str(server.certificate), "--tls-key-file", str(server.key)),
        ),
        environment=common_environment(),
        directory=directory,
    )
    address = BrokerAddress(f"rediss://127.0.0.1:{port}/0", str(tls.ca_file), str(ours.certificate), str(ours.key))
    address.check()

    def is_ready() -> bool:
        try:
            ping(address)
        except BrokerAway:
            return False
        return True

    with running(child, is_ready=is_ready):
        yield Broker(address, TlsFiles(tmp_path_factory.mktemp("stranger")))


def test_broker_is_reached_with_its_ca_and_our_certificate(broker: Broker) -> None:
    ping(broker.address)
    with open_accounts(broker.address) as accounts:
        accounts.ensure(Account.make("eu-west", "region-eu-west", "p"))
        assert accounts.names() == {"region-eu-west"}


def test_broker_of_another_authority_is_refused(broker: Broker) -> None:
    with pytest.raises(BrokerAway, match="certificate verify failed"):
        ping(replace(broker.address, ca_file=str(broker.stranger.ca_file)))


def test_broker_is_refused_without_the_private_authority(broker: Broker) -> None:
    with pytest.raises(BrokerAway, match="certificate verify failed"):
        ping(replace(broker.address, ca_file=""))


def test_broker_of_another_name_is_refused(broker: Broker) -> None:
    with pytest.raises(BrokerAway, match="Hostname mismatch"):
        ping(replace(broker.address, url=broker.address.url.replace("127.0.0.1", "localhost")))


def test_broker_refuses_whoever_has_no_certificate(broker: Broker) -> None:
    with pytest.raises(BrokerAway):
        ping(replace(broker.address, cert_file="", key_file=""))


def test_broker_refuses_a_certificate_of_another_authority(broker: Broker) -> None:
    theirs = broker.stranger.issue("theirs")
    with pytest.raises(BrokerAway):
        ping(replace(broker.address, cert_file=str(theirs.certificate), key_file=str(theirs.key)))


def test_plain_text_is_no_way_in(broker: Broker) -> None:
    plain = redis.Redis.from_url(broker.address.url.replace("rediss", "redis"), socket_timeout=2, retry=None)
    with plain, pytest.raises(redis.ConnectionError):
        plain.ping()
