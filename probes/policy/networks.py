"""Which networks an operator may open for a registry: private ones, never those of cloud metadata.

Source: behaviour rows S4 and S5. The dialer refuses metadata addresses whatever is allowed; this refusal
comes earlier and says so to the person who types.
"""

import ipaddress

from probes.protocol.addresses import METADATA, Network, admit, parse_networks
from probes.protocol.plan import Site


class NetworkRefused(ValueError):
    """A text that is no network in CIDR notation, or a network that may not be allowed."""


def parse_allowed(text: str) -> Network:
    """Return the network that `text` names. Raises `NetworkRefused` with a sentence for the operator.

    A network wider than a metadata address (100.64.0.0/10, say) may be allowed: the dialer still leaves the
    address itself out. One that holds nothing else may not.
    """
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise NetworkRefused(f"{text!r} is not a network such as 10.20.0.0/16 or fd12::/32") from None
    for metadata in METADATA:
        if network.version == metadata.version and network.subnet_of(metadata):  # type: ignore[arg-type]  # same version
            raise NetworkRefused(f"{text} belongs to link-local or cloud metadata addresses, which are never dialled")
    return network


def closed_target(host: str, site: Site) -> str | None:
    """Return why `host`, with or without a port, cannot be asked where it is an address itself; None if it can be.

    What a name leads to is for the region to see: its dialer tests each address (row S3).
    """
    host = site.api_host or host
    name = host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]
    if {host, name} & set(site.allow_hosts):
        return None
    address = "127.0.0.1" if name == "localhost" or name.endswith(".localhost") else name
    try:
        admission = admit(address, parse_networks(site.allow_cidrs))
    except ValueError:  # a name
        return None
    if admission.admitted:
        return None
    return f"{name} is no public address, and the settings of its registry do not allow it."
