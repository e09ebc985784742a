"""RabbitMQ with a private CA that asks for client certificates, as the control plane and a region reach it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.broker.address import BrokerAddress
from probes.broker.ping import BrokerAway, ping
from tests.fakes.rabbitmq_server import RabbitServer
from tests.fakes.tls_files import TlsFiles
from tests.integration.edge.region import EdgeProcess
from tests.integration.rabbitmq.region import RabbitRegion


@pytest.fixture
def address(rabbit: RabbitServer, tls_files: TlsFiles) -> BrokerAddress:
    ours = tls_files.issue_to_client("ours")
    url = rabbit.url.replace("amqp", "amqps").replace(f":{rabbit.port}/", f":{rabbit.tls_port}/")
    return BrokerAddress(url, str(tls_files.ca_file), str(ours.certificate), str(ours.key))


def test_broker_is_reached_with_its_ca_and_our_certificate(address: BrokerAddress) -> None:
    ping(address)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ca_file": ""}, "certificate verify failed"),
        ({"url": "localhost"}, "Hostname mismatch"),
        ({"cert_file": "", "key_file": ""}, "the broker does not answer"),
    ],
)
def test_broker_of_another_authority_or_name_and_client_without_certificate_are_refused(
    address: BrokerAddress, change: dict[str, str], reason: str
) -> None:
    if "url" in change:
        change = {"url": address.url.replace("127.0.0.1", change["url"])}
    with pytest.raises(BrokerAway, match=reason):
        ping(replace(address, **change))


def test_region_works_over_tls(
    address: BrokerAddress, region: RabbitRegion, edge: Callable[..., EdgeProcess]
) -> None:
    username, password = BrokerAddress(region.edge_url).login
    edge(
        BROKER_URL=address.url_for(username, password),
        KAIROS_BROKER_CA_FILE=address.ca_file,
        KAIROS_BROKER_CERT_FILE=address.cert_file,
        KAIROS_BROKER_KEY_FILE=address.key_file,
    )
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
