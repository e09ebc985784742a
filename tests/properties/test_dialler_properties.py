"""Every address that is dialled was admitted, whatever the resolver says."""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from unittest.mock import patch

from hypothesis import event, given, settings
from hypothesis import strategies as st

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Site
from probes.protocol.urls import Origin
from probes.wire.dialer import Dialer
from probes.wire.faults import WireFault
from probes.wire.limits import Limits
from probes.wire.resolver import Resolver
from probes.wire.route import Route, Terms

METADATA: Final = ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
PRIVATE: Final = ("127.0.0.1", "0.0.0.0", "192.168.1.1", "172.16.0.1", "100.64.0.1", "::1", "fd12::1", "fe80::1")  # noqa: S104
ALLOWED: Final = ("10.0.0.7", "10.255.0.1")
PUBLIC: Final = ("93.184.215.14", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001:800::200e")
NAT64: Final = int(IPv6Address("64:ff9b::"))
TEREDO: Final = int(IPv6Address("2001::"))
SOMEWHERE: Final = int(IPv4Address("8.8.8.8"))
ALL_BITS: Final = 0xFFFF_FFFF


def wrapped(text: str) -> list[str]:
    """Return the forms in which a resolver may hand out an IPv4 address, the plain one first."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        return [text]
    bits = int(address)
    return [
        text,
        f"::ffff:{text}",
        str(IPv6Address(NAT64 | bits)),
        str(IPv6Address((0x2002 << 112) | (bits << 80))),  # 6to4
        str(IPv6Address(TEREDO | SOMEWHERE << 64 | (bits ^ ALL_BITS))),  # of a client
        str(IPv6Address(TEREDO | bits << 64 | (SOMEWHERE ^ ALL_BITS))),  # of a server
        str(IPv6Address(bits)),  # IPv4-compatible
    ]


def addresses(*plain: str) -> st.SearchStrategy[str]:
    return st.sampled_from([form for one in plain for form in wrapped(one)])


answers = st.lists(addresses(*METADATA, *PRIVATE, *ALLOWED, *PUBLIC), min_size=1, max_size=8)
MAY_BE_DIALLED: Final = {ip_address(form) for one in PUBLIC for form in wrapped(one)[:3]}
MAY_BE_DIALLED_IF_ALLOWED: Final = {ip_address(form) for one in ALLOWED for form in wrapped(one)[:3]}


async def dialled(named: list[str], *cidrs: str) -> tuple[list[str], WireFault]:
    """Return what a dial connects to when the resolver names these; nobody answers there."""
    tried: list[str] = []

    async def answer(_: Resolver, host: str, **__: object) -> tuple[str, ...]:
        return tuple(named)

    async def connect(_: object, __: object, address: tuple[str, int]) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "refused")

    dialer = Dialer(Limits(stagger_seconds=0.0))
    deadline = asyncio.get_running_loop().time() + 60
    terms = Terms(route=Route.of(Site(allow_cidrs=cidrs)), limits=Limits(stagger_seconds=0.0), deadline=deadline)
    with (
        patch.object(Resolver, "addresses", answer),
        patch.object(asyncio.SelectorEventLoop, "sock_connect", connect),
    ):
        try:
            await dialer.dial(Origin("https", "registry.test", 443), terms)
        except WireFault as fault:
            return tried, fault
        finally:
            await dialer.aclose()
    raise AssertionError("nobody answers, and yet it connected")


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(named=answers)
def test_only_public_addresses_are_dialled(named: list[str]) -> None:
    """N4, N5, S2, S3, S4."""
    tried, fault = asyncio.run(dialled(named))
    assert {ip_address(address) for address in tried} <= MAY_BE_DIALLED
    event(f"dialled: {bool(tried)}")
    assert (fault.kind is FaultKind.ADDRESS_FORBIDDEN) is (not tried)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(named=answers)
def test_allow_list_opens_what_it_names_and_no_metadata(named: list[str]) -> None:
    """S5: not even by a list that names everything."""
    tried, _ = asyncio.run(dialled(named, "10.0.0.0/8"))
    assert {ip_address(address) for address in tried} <= MAY_BE_DIALLED | MAY_BE_DIALLED_IF_ALLOWED
    tried, _ = asyncio.run(dialled(named, "0.0.0.0/0", "::/0"))
    forbidden = {ip_address(form) for one in METADATA for form in wrapped(one)}
    assert forbidden.isdisjoint(map(ip_address, tried))


def test_answers_of_all_kinds_come_to_a_dial() -> None:
    """A property of dials that never happen holds for nothing."""
    for one in PUBLIC:
        assert asyncio.run(dialled([one, "10.0.0.7"]))[0] == [str(ip_address(one))]
    assert asyncio.run(dialled(["::ffff:10.0.0.7"], "10.0.0.0/8"))[0] == ["10.0.0.7"]
