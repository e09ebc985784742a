"""The address guard as a table: what may be dialled, on what ground, and in which form."""

from ipaddress import ip_address

import pytest

from probes.protocol.addresses import (
    EVERYWHERE,
    METADATA,
    Network,
    Why,
    admit,
    parse_nat64_prefixes,
    parse_networks,
)

HOME = parse_networks(["10.0.0.0/8", "127.0.0.0/8", "::1/128", "fd12::/16"])
EVERYTHING = EVERYWHERE
OURS = parse_nat64_prefixes(
    ["2001:67c:64::/96", "2a02:64::/32", "fd64:0:1::/48", "2a03:0:1:6400::/56", "2a04:0:1:64::/64"]
)


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
        "::ffff:0:7f00:1",  # translated, RFC 2765
        "::ffff:0:808:808",
        "2606:4700::5efe:7f00:1",  # ISATAP of 127.0.0.1
        "2606:4700::200:5efe:a00:1",
        "64:ff9b:1:a00:0:100::",  # 10.0.0.1 behind a local-use prefix of 48 bits
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
        "64:ff9b:1:a9fe:a9:fe00::",  # local use, its prefix 48 bits long
        "64:ff9b:1:a9:fe:a9fe::",  # 56 bits
        "64:ff9b:1::a9:fea9:fe00:0",  # 64 bits
        "::ffff:0:a9fe:a9fe",  # translated
        "2606:4700::5efe:a9fe:a9fe",  # ISATAP
        "2606:4700::200:5efe:a83f:8110",
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


class TestOwnTranslator:
    """S4: NAT64 under prefixes of the region's own network, in every length that RFC 6052 has."""

    AT = {  # where 192.0.2.33 of the RFC's table would be
        "2001:67c:64::/96": "2001:67c:64::{0:02x}{1:02x}:{2:02x}{3:02x}",
        "2a02:64::/32": "2a02:64:{0:02x}{1:02x}:{2:02x}{3:02x}::",
        "fd64:0:1::/48": "fd64:0:1:{0:02x}{1:02x}:{2:02x}:{3:02x}00::",
        "2a03:0:1:6400::/56": "2a03:0:1:64{0:02x}:{1:02x}:{2:02x}{3:02x}::",
        "2a04:0:1:64::/64": "2a04:0:1:64:{0:02x}:{1:02x}{2:02x}:{3:02x}00::",
    }

    def behind(self, prefix: str, address: str) -> str:
        return self.AT[prefix].format(*ip_address(address).packed)

    @pytest.mark.parametrize("prefix", AT)
    def test_what_it_carries_is_tested(self, prefix: str) -> None:
        assert admit(self.behind(prefix, "8.8.8.8"), nat64=OURS).why is Why.PUBLIC
        assert admit(self.behind(prefix, "10.1.2.3"), nat64=OURS).why is Why.NOT_PUBLIC
        assert admit(self.behind(prefix, "10.1.2.3"), HOME, nat64=OURS).why is Why.ALLOW_LISTED
        assert admit(self.behind(prefix, "169.254.169.254"), EVERYTHING, nat64=OURS).why is Why.METADATA

    def test_without_the_setting_nobody_can_tell(self) -> None:
        assert admit(self.behind("2001:67c:64::/96", "10.1.2.3")).why is Why.PUBLIC

    def test_local_use_prefix_is_read_as_it_was_configured(self) -> None:
        ours = parse_nat64_prefixes(["64:ff9b:1::/48"])
        assert admit("64:ff9b:1:808:8:800::", nat64=ours).why is Why.PUBLIC
        assert admit("64:ff9b:1:a00:0:100::", nat64=ours).why is Why.NOT_PUBLIC

    def test_prefix_of_another_length_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="its length is one of 32, 40, 48, 56, 64, 96"):
            parse_nat64_prefixes(["2a02:64::/80"])
        with pytest.raises(ValueError, match="10"):
            parse_nat64_prefixes(["10.0.0.0/8"])
