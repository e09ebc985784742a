"""A site's settings, parsed; and who may share a connection with whom."""

import pytest
import trustme

from probes.protocol.addresses import parse_nat64_prefixes
from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Site
from probes.protocol.proxy import Proxy
from probes.protocol.urls import origin_of
from probes.wire.faults import DETAIL_LIMIT, WireFault, printable
from probes.wire.route import PUBLIC_INTERNET, Route

PEM = trustme.CA().cert_pem.bytes().decode()


def test_a_site_is_parsed_once() -> None:
    assert Route.of(Site(ca_pem=PEM)) is Route.of(Site(ca_pem=PEM))


def test_hosts_to_resolve_are_lower_case_and_bare() -> None:
    route = Route.of(Site(resolve=(("R.Example", ("[::1]", "10.0.0.1")), ("empty.example", ()))))

    assert route.resolve == {"r.example": ("::1", "10.0.0.1")}


@pytest.mark.parametrize(
    "other",
    [
        Site(ca_pem=PEM),
        Site(allow_cidrs=("10.0.0.0/8",)),
        Site(resolve=(("r.example", ("10.0.0.1",)),)),
        Site(plain_http=True),
        Site(allow_hosts=("r.example",)),
    ],
    ids=["roots", "networks", "addresses", "plain http", "hosts"],
)
def test_whatever_weakens_the_guard_makes_a_profile_of_its_own(other: Site) -> None:
    assert Route.of(other).profile != PUBLIC_INTERNET.profile


def test_what_does_not_touch_the_network_shares_a_profile() -> None:
    assert Route.of(Site(trusted_auth_hosts=("auth.example",))).profile == PUBLIC_INTERNET.profile
    assert (
        Route.of(Site(allow_cidrs=("10.0.0.0/8", "::1"))).profile
        == Route.of(Site(allow_cidrs=("::1/128", "10.1.1.1/8"))).profile
    )


def test_another_way_out_makes_a_profile_of_its_own() -> None:
    """N16, S4: so that neither connections nor logins are shared across it."""
    ways = [
        (None, ()),
        (Proxy.parse("http://proxy.example:3128"), ()),
        (Proxy.parse("http://other.example:3128"), ()),
        (Proxy.parse("http://proxy.example:3128", password="x"), ()),
        (None, parse_nat64_prefixes(["2a02:64::/96"])),
    ]
    assert len({Route.of(Site(), *way).profile for way in ways}) == len(ways)


@pytest.mark.parametrize(
    ("url", "address", "admitted"),
    [
        ("https://r.internal", "10.0.0.5", True),
        ("https://r.internal:8443", "10.0.0.5", True),
        ("https://blobs.internal:9000", "fd12::5", True),
        ("https://blobs.internal", "10.0.0.5", False),
        ("https://other.internal", "10.0.0.5", False),
        ("https://r.internal", "169.254.169.254", False),
        ("https://r.internal", "::ffff:169.254.169.254", False),
        ("https://r.internal", "168.63.129.16", False),
    ],
)
def test_allowed_hosts_may_be_anywhere_but_at_metadata(url: str, address: str, *, admitted: bool) -> None:
    """S5, N4."""
    route = Route.of(Site(allow_hosts=("R.internal", "blobs.internal:9000")))
    assert route.admission(origin_of(url), address).admitted is admitted


@pytest.mark.parametrize(
    "site",
    [
        Site(ca_pem="not a certificate"),
        Site(allow_cidrs=("10.0.0.0/99",)),
        Site(resolve=(("r.example", ("not-an-address",)),)),
    ],
)
def test_settings_that_cannot_be_used_are_errors(site: Site) -> None:
    with pytest.raises(ValueError, match=r"CA bundle|does not appear"):
        Route.of(site)


def test_a_fault_reads_as_kind_and_detail() -> None:
    assert str(WireFault(FaultKind.TLS_EXPIRED, "has expired")) == "tls_expired: has expired"
    assert str(WireFault(FaultKind.ABORTED)) == "aborted"


def test_details_are_one_short_clean_line() -> None:
    assert printable("a\r\n\tb\x00\x1b[31m \u202e c") == "a b [31m c"
    assert len(printable("x" * 10_000)) == DETAIL_LIMIT
