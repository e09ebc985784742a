"""Whose request it is behind proxies: what can be believed of X-Forwarded-For."""

from ipaddress import ip_network

import pytest

from probes.policy.forwarded import MOST_HOPS, UNKNOWN, client_address, locked_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        # Whoever asks us himself may write what he likes.
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        # The client wrote the first one; the proxy added the second.
        ("10.0.0.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "192.0.2.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        # Somebody within our own networks.
        ("10.0.0.1", "10.3.0.4", "10.3.0.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        # What is no address ends it with the proxy that passed it on.
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, , 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("fd00::1", "[2001:db8::5]:4711", "2001:db8::5"),
        ("fd00::1", "2001:db8::5", "2001:db8::5"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "203.0.113.9", "fe80::1"),
        ("10.0.0.1", ",".join(["203.0.113.9"] + ["10.0.0.2"] * MOST_HOPS), "10.0.0.2"),
        ("", "203.0.113.9", UNKNOWN),
    ],
)
def test_client_is_the_last_peer_that_is_no_proxy_of_ours(peer: str, forwarded_for: str, client: str) -> None:
    assert client_address(peer, forwarded_for, PROXIES) == client


def test_without_proxies_of_ours_the_header_is_not_read() -> None:
    assert client_address("127.0.0.1", "203.0.113.9", ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "kept_by"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("nonsense", UNKNOWN),
    ],
)
def test_lock_is_kept_by_what_one_customer_has(address: str, kept_by: str) -> None:
    assert locked_address(address) == kept_by
