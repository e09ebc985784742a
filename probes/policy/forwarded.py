"""Whose request this is, where proxies pass requests on: what X-Forwarded-For says, as far as it can be believed.

Each proxy appends the address that it was asked from. So the header's end is what the nearest proxy saw, and its
beginning is whatever the client wrote. Read from the end, and only past proxies that the operator has named, it
cannot be made up; read from the beginning it is what an attacker chooses to be called.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network

UNKNOWN: Final = "0.0.0.0"  # noqa: S104 - said of a peer without an address, never bound
MOST_HOPS: Final = 32
"""Longer headers are no proxies' work: what is before that is not read."""

_PREFIX_OF_A_CUSTOMER: Final = 64


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the address that a request came from: that of the last peer that is none of our own proxies.

    `peer` is who opened the connection, `forwarded_for` the header as it came ("" without one), `trusted` the
    networks of the operator's proxies. Where an entry is no address, the proxy that passed it on is named.
    """
    address = _read(peer)
    if address is None:
        return UNKNOWN
    for entry in reversed(forwarded_for.split(",")[-MOST_HOPS:]):
        if not any(address in network for network in trusted):
            break
        before = _read(_without_port(entry.strip()))
        if before is None:
            break
        address = before
    return str(address)


def locked_address(address: str) -> str:
    """Return what a lock is kept by: an IPv4 address; of an IPv6 address its /64, of which a customer has all."""
    read = _read(address)
    if not isinstance(read, IPv6Address):
        return UNKNOWN if read is None else str(read)
    return str(IPv6Network((read, _PREFIX_OF_A_CUSTOMER), strict=False).network_address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address without its zone, IPv4 within IPv6 as IPv4; None for anything else."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(entry: str) -> str:
    """Return the address of `1.2.3.4:5678` and `[::1]:5678`, which some proxies write."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
