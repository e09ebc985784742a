"""How one check may reach its hosts, and the terms on which one of its requests travels."""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Network, ip_address
from typing import Final

from probes.protocol.addresses import EVERYWHERE, Admission, Network, admit, parse_networks
from probes.protocol.endpoint.plan import OLDEST_TLS, TlsMinimum
from probes.protocol.outcome import Certificate, ConnectionKind
from probes.protocol.plan import Site
from probes.protocol.proxy import Proxy
from probes.protocol.urls import Origin
from probes.wire import tls
from probes.wire.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """What a registry's settings say about the network, parsed. Made once per site by `Route.of`.

    `profile` names everything that decides whom we trust and where we dial. Connections are shared only
    between routes of the same profile, so that one check's weaker guard never lends a connection to another.
    """

    allowed: tuple[Network, ...] = ()  # non-public networks that may be dialled
    allowed_hosts: frozenset[str] = frozenset()  # hosts that may be dialled wherever they are
    proxy: Proxy | None = None  # of the region: nothing is dialled beside it
    nat64: tuple[IPv6Network, ...] = ()  # prefixes of the region's own translator
    resolve: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # host → addresses, instead of DNS
    ca_pem: str = ""
    plain_http: bool = False  # whether `http://` may be asked at all (row N1)
    tls_minimum: TlsMinimum = OLDEST_TLS
    profile: str = ""

    @staticmethod
    def of(
        site: Site,
        proxy: Proxy | None = None,
        nat64: tuple[IPv6Network, ...] = (),
        *,
        tls_minimum: TlsMinimum = OLDEST_TLS,
    ) -> "Route":
        """Return the route of `site` from a region with this proxy and these NAT64 prefixes.

        Raises `ValueError` on a network, an address or a CA bundle that is none.
        """
        return _route_of(site, proxy, nat64, tls_minimum)

    def admission(self, origin: Origin, address: str) -> Admission:
        """Decide whether `address`, resolved for `origin`, may be dialled."""
        anywhere = origin.is_among(self.allowed_hosts)
        return admit(address, EVERYWHERE if anywhere else self.allowed, self.nat64)


@lru_cache(maxsize=1024)
def _route_of(site: Site, proxy: Proxy | None, nat64: tuple[IPv6Network, ...], tls_minimum: TlsMinimum) -> Route:
    allowed = parse_networks(site.allow_cidrs)
    allowed_hosts = frozenset(host.lower() for host in site.allow_hosts)
    resolve = {
        host.lower(): tuple(str(ip_address(address.strip("[]"))) for address in addresses)
        for host, addresses in site.resolve
        if addresses
    }
    if site.ca_pem:
        tls.load_roots(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), site.ca_pem)
    described = repr(
        (
            site.ca_pem,
            sorted(map(str, allowed)),
            sorted(allowed_hosts),
            sorted(resolve.items()),
            site.plain_http,
            proxy and (proxy, proxy.authorization),
            nat64,
            tls_minimum,
        )
    )
    return Route(
        allowed=allowed,
        allowed_hosts=allowed_hosts,
        proxy=proxy,
        nat64=nat64,
        resolve=resolve,
        ca_pem=site.ca_pem,
        plain_http=site.plain_http,
        tls_minimum=tls_minimum,
        profile=hashlib.sha256(described.encode()).hexdigest(),
    )


PUBLIC_INTERNET: Final = Route.of(Site())


@dataclass(slots=True, kw_only=True)
class Trace:
    """What the wire notes about one exchange while it happens; whole even when the exchange fails."""

    address: str | None = None
    local_address: str | None = None  # of our end, where a connection was made
    connection: ConnectionKind | None = None
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    certificate: Certificate | None = None
    mixed_scope: bool = False  # DNS gave admitted and refused addresses side by side (row N5)

    def forget_connection(self) -> None:
        """Begin again, after a kept connection turned out to be stale."""
        self.address = self.connection = self.certificate = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a request carries in `request.extensions[TERMS]`; `deadline` is on the event loop's clock."""

    route: Route
    limits: Limits
    deadline: float
    fresh: bool = False  # must not use a kept connection
    identity_pem: str = field(default="", repr=False)  # the client certificate that this request's peer may see
    registry: str = ""  # on whose behalf names are resolved
    trace: Trace = field(default_factory=Trace)


TERMS: Final = "kairos.terms"
EXCHANGE: Final = "kairos.exchange"  # where a response carries its `Trace`
