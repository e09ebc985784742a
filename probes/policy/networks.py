"""Which networks an operator may open for a registry: private ones, never those of cloud metadata.

Source: behaviour rows S4 and S5. The dialer refuses metadata addresses whatever is allowed; this refusal
comes earlier and says so to the person who types.
"""

import ipaddress

from probes.protocol.addresses import METADATA, Network


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
