"""The address guard as a table: what may be dialled, on what ground, and in which form."""

from ipaddress import ip_address

import pytest

from probes.protocol.addresses import METADATA, Network, Why, admit, parse_networks

HOME = parse_networks(["10.0.0.0/8", "127.0.0.0/8", "::1/128", "fd12::/16"])
EVERYTHING = parse_networks(["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "168.63.129.15",
        "223.255.255.254",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "64:ff9b::808:808",  # NAT64 of 8.8.8.8
    ],
)
def test_public_addresses_are_admitted(address: str) -> None:
    verdict = admit(address)

    assert verdict.why is Why.PUBLIC
    assert verdict.admitted
    assert verdict.address == ip_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nobody binds here
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",  # carrier-grade NAT
        "127.0.0.1",
        "127.255.255.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.0.9",  # global to Python
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",  # global to Python
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # IPv4-compatible 127.0.0.1
        "::808:808",  # IPv4-compatible of a public address: nobody routes it
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "[::ffff:127.0.0.1]",
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1, global to Python
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",  # somebody's own NAT64
        "2002:808:808::1",  # 6to4 of a public address
        "2002:7f00:1::1",
        "2001:0:808:808::f7f7:f7f7",  # Teredo, both ends public
        "2001:db8::1",
        "3fff::1",  # documentation, unknown to older Pythons
        "100::1",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",  # site-local, global to Python
        "ff02::1",
        "ff0e::1",  # multicast, global to Python
        "4000::1",  # not given to anybody
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    """N4, S4."""
    verdict = admit(address)

    assert verdict.why is Why.NOT_PUBLIC
    assert not verdict.admitted


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "fe80::a9fe:a9fe",
        "fe80::1%1",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::f7f7:f7f7",  # Teredo server
        "2001:0:808:808::5601:5601",  # Teredo client 169.254.169.254
        "64:ff9b::a83f:8110",  # NAT64 of Azure's wire server
    ],
)
@pytest.mark.parametrize("allowed", [(), EVERYTHING], ids=["", "everything allowed"])
def test_metadata_addresses_are_refused_whatever_is_allowed(address: str, allowed: tuple[Network, ...]) -> None:
    """S2, S4, S5."""
    assert admit(address, allowed).why is Why.METADATA


@pytest.mark.parametrize(
    ("address", "dialled"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("fd12::5", "fd12::5"),
        ("64:ff9b::a01:203", "64:ff9b::a01:203"),  # NAT64 of 10.1.2.3
    ],
)
def test_allow_listed_addresses_are_admitted_in_the_form_to_dial(address: str, dialled: str) -> None:
    """N4, S5."""
    verdict = admit(address, HOME)

    assert verdict.why is Why.ALLOW_LISTED
    assert verdict.admitted
    assert str(verdict.address) == dialled


@pytest.mark.parametrize("address", ["192.168.0.1", "fd99::1", "2002:a01:203::1", "64:ff9b::c0a8:1"])
def test_an_allow_list_opens_nothing_beside_itself(address: str) -> None:
    """S5."""
    assert not admit(address, HOME).admitted


def test_a_tunnel_must_be_allowed_outside_and_inside() -> None:
    outside = parse_networks(["2002::/16"])

    assert not admit("2002:a01:203::1", outside).admitted
    assert admit("2002:a01:203::1", (*outside, *HOME)).admitted


def test_a_public_address_needs_no_allow_list_though_there_is_one() -> None:
    assert admit("8.8.8.8", HOME).why is Why.PUBLIC


@pytest.mark.parametrize("network", METADATA, ids=str)
def test_every_metadata_network_is_refused_at_both_ends(network: Network) -> None:
    for address in (network[0], network[-1]):
        assert admit(str(address), EVERYTHING).why is Why.METADATA


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "2130706433", "0x7f000001", "010.0.0.1", "1.2.3.4/8"])
def test_text_that_is_no_address_is_an_error(text: str) -> None:
    """S3."""
    with pytest.raises(ValueError, match="address"):
        admit(text)


def test_networks_may_have_host_bits_and_spaces() -> None:
    assert [str(network) for network in parse_networks([" 10.1.2.3/8", "::1"])] == ["10.0.0.0/8", "::1/128"]


def test_a_network_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        parse_networks(["10.0.0.0/33"])
