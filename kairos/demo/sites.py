"""Which hosts the demonstration has and where each listens.

Every host has a loopback address of its own, so that all may share one port as real registries share 443.
Where the platform has only 127.0.0.1 (macOS does) they take consecutive ports on it instead.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields, replace
from typing import Final, Self

DEFAULT_PORT: Final = 5443
DOMAIN: Final = "kairos.test"


@dataclass(frozen=True, slots=True)
class Site:
    """One host with the address and port where it listens."""

    host: str
    address: str
    port: int

    @property
    def authority(self) -> str:
        """`host:port`, as the first part of an image reference has it."""
        return f"{self.host}:{self.port}"

    def origin(self, *, by_address: bool = False) -> str:
        """Return `https://host:port`, or with the address in the host's place for a client without names."""
        return f"https://{self.address if by_address else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sites:
    """All hosts of the demonstration: two registries, their token server, and two hosts that keep blobs."""

    registry: Site
    hub: Site  # a second registry, with a pull quota: its throttling must not touch the first
    auth: Site
    blobs: Site
    old_blobs: Site  # its certificate has expired

    @classmethod
    def at(cls, port: int = DEFAULT_PORT) -> Self:
        """Return the hosts at `port` of separate addresses, or at 127.0.0.1 from `port` on; 0 is "any".

        Raises `ValueError` for what is no such port.
        """
        names = [field.name for field in fields(cls)]
        last = 65_536 - len(names)
        if not 0 <= port <= last:
            raise ValueError(f"{port} is not a port between 0 and {last}")
        separate = _has_address("127.0.0.2")
        return cls(
            *(
                Site(
                    host=f"{name.replace('_', '-')}.{DOMAIN}",
                    address=f"127.0.0.{number + 2}" if separate else "127.0.0.1",
                    port=port if separate or not port else port + number,
                )
                for number, name in enumerate(names)
            )
        )

    def __iter__(self) -> Iterator[Site]:
        return (getattr(self, field.name) for field in fields(self))

    @property
    def resolve(self) -> dict[str, list[str]]:
        """Return host → addresses, as a registry's row in Kairos takes them instead of DNS."""
        return {site.host: [site.address] for site in self}

    def listen(self) -> tuple[Self, list[socket.socket]]:
        """Bind every host; return the sockets in order and the sites with the ports that the system chose.

        Raises `OSError` that names the address and port when one is taken.
        """
        with ExitStack() as opened:
            sockets = [
                opened.enter_context(socket.create_server((site.address, site.port), backlog=1024)) for site in self
            ]
            opened.pop_all()
        bound = (
            replace(site, port=open_socket.getsockname()[1]) for site, open_socket in zip(self, sockets, strict=True)
        )
        return type(self)(*bound), sockets


def _has_address(address: str) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind((address, 0))
        return True
    return False
