"""Which networks may be opened for a registry."""

import ipaddress

import pytest

from probes.policy.networks import NetworkRefused, parse_allowed
from probes.protocol.addresses import METADATA, Network


@pytest.mark.parametrize("text", ["10.0.0.0/8", "127.0.0.1/32", "192.168.7.0/24", "fd12::/32", "100.64.0.0/10"])
def test_private_networks_may_be_allowed(text: str) -> None:
    assert parse_allowed(text) == ipaddress.ip_network(text)


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254/32",
        "169.254.0.0/16",
        "fe80::/64",
        "fd00:ec2::254/128",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "168.63.129.16/32",
    ],
)
def test_metadata_addresses_may_not(text: str) -> None:
    with pytest.raises(NetworkRefused, match="never dialled"):
        parse_allowed(text)


@pytest.mark.parametrize("network", METADATA, ids=str)
def test_what_the_guard_never_dials_cannot_be_allowed(network: Network) -> None:
    """S4, S5: there is one list of metadata addresses."""
    with pytest.raises(NetworkRefused, match="never dialled"):
        parse_allowed(str(network))


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "example.com", "10.0.0.0-10.0.0.9"])
def test_what_is_no_network_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(NetworkRefused, match="is not a network such as"):
        parse_allowed(text)
