"""Which IP addresses a check may dial: the guard's decision, taken on the address about to be dialled.

Rows N4 and N5, threats S3 to S5. An IPv6 address may carry an IPv4 one inside (mapped, compatible, translated,
NAT64, 6to4, Teredo, ISATAP), and a translator on the way delivers to what is inside: so every form is tested, and
each must be public or allow-listed by itself. Python's `is_global` alone does not do: it calls multicast,
site-local and NAT64 of a metadata address global, and its tables differ between patch releases. Ours come first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Why(StrEnum):
    """On what ground an address is admitted or refused."""

    PUBLIC = "public"
    ALLOW_LISTED = "allow_listed"
    METADATA = "metadata"  # a cloud's credentials may answer there: no allow-list opens it
    NOT_PUBLIC = "not_public"


@dataclass(frozen=True, slots=True)
class Admission:
    """What the guard says of one address. `address` is the form to dial: a mapped address is its IPv4 one."""

    address: Address
    why: Why

    @property
    def admitted(self) -> bool:
        return self.why in (Why.PUBLIC, Why.ALLOW_LISTED)


METADATA: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: AWS, Azure, GCP, OpenStack, container credentials
        "fe80::/10",  # the same for IPv6; OpenStack answers on fe80::a9fe:a9fe
        "100.100.100.200/32",  # Alibaba Cloud
        "192.0.0.192/32",  # Oracle Cloud, classic
        "168.63.129.16/32",  # Azure's wire server, a public address
        "fd00:ec2::/32",  # AWS: instance metadata, pod identity
        "fd20:ce::254/128",  # GCP
        "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud
        "fd00:42::42/128",  # Scaleway
    )
)

_NOT_PUBLIC: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT: neither private nor global to Python
        "192.0.0.0/24",  # IETF protocol assignments; parts of it are global to Python
        "192.88.99.0/24",  # 6to4 relays, retired
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation; unknown to older Pythons
    )
)

EVERYWHERE: Final[tuple[Network, ...]] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
"""An allow-list with everything on it; metadata addresses stay refused."""

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")  # whoever uses it chooses one of the longer lengths (RFC 8215)
_NAT64_LENGTHS: Final = (32, 40, 48, 56, 64, 96)  # RFC 6052, 2.2
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
_IPV4_TRANSLATED: Final = IPv6Network("::ffff:0:0:0/96")  # SIIT, RFC 2765
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})  # third quarter of the address, RFC 5214


def parse_networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of an allow-list; host bits may be set. Raises `ValueError` on one that is none."""
    return tuple(ip_network(cidr.strip(), strict=False) for cidr in cidrs)


def parse_nat64_prefixes(texts: Iterable[str]) -> tuple[IPv6Network, ...]:
    """Return the prefixes under which a network's own NAT64 carries IPv4. Raises `ValueError` on one that is none."""
    prefixes = tuple(IPv6Network(text.strip()) for text in texts)
    for prefix in prefixes:
        if prefix.prefixlen not in _NAT64_LENGTHS:
            raise ValueError(
                f"{prefix} is no NAT64 prefix: its length is one of {', '.join(map(str, _NAT64_LENGTHS))}"
            )
    return prefixes


def admit(text: str, allowed: tuple[Network, ...] = (), nat64: tuple[IPv6Network, ...] = ()) -> Admission:
    """Decide whether `text`, one resolved IP address, may be dialled. Raises `ValueError` when it is none.

    `nat64` are the prefixes of a translator of our own network, besides the well-known one.
    """
    address = ip_address(text.strip("[]"))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    forms = (address, *_carried(address, nat64))
    if any(_within(form, METADATA) for form in (*forms, *_perhaps_carried(address))):
        return Admission(address, Why.METADATA)
    if all(_is_public(form, nat64) for form in forms):
        return Admission(address, Why.PUBLIC)
    if all(_is_public(form, nat64) or _within(form, allowed) for form in forms):
        return Admission(address, Why.ALLOW_LISTED)
    return Admission(address, Why.NOT_PUBLIC)


def _carried(address: Address, nat64: tuple[IPv6Network, ...]) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that `address` carries and that a translator or tunnel would deliver to."""
    if isinstance(address, IPv4Address):
        return
    bits = int(address)
    translators = [prefix for prefix in (_NAT64, *nat64) if address in prefix]
    for prefix in translators:
        yield _embedded(address, prefix.prefixlen)
    if address in _NAT64_LOCAL and not translators:
        yield _embedded(address, 96)
    if (address in _IPV4_COMPATIBLE and bits > 1) or address in _IPV4_TRANSLATED:
        yield _embedded(address, 96)
    if (bits >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield _embedded(address, 96)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo  # the server, then the client


def _perhaps_carried(address: Address) -> Iterator[IPv4Address]:
    """Yield what a local-use NAT64 would deliver to, whichever length its owner gave the prefix."""
    if isinstance(address, IPv6Address) and address in _NAT64_LOCAL:
        yield from (_embedded(address, length) for length in _NAT64_LENGTHS if length >= _NAT64_LOCAL.prefixlen)


def _embedded(address: IPv6Address, length: int) -> IPv4Address:
    """Return the IPv4 address behind a NAT64 prefix of so many bits; the ninth octet is never part of it."""
    octets = address.packed[:8] + address.packed[9:]
    start = 11 if length == 96 else length // 8
    return IPv4Address(octets[start : start + 4])


def _is_public(address: Address, nat64: tuple[IPv6Network, ...]) -> bool:
    if isinstance(address, IPv6Address) and _within(address, (_NAT64, *nat64)):
        return True  # as public as the IPv4 address it carries, which is tested beside it
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not _within(address, _NOT_PUBLIC)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
