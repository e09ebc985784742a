"""A forward proxy through which a region reaches registries: what it is, and what it is told of us.

It is configuration of the region and never found in the environment's `HTTP_PROXY` (row N16).
"""

import base64
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from probes.protocol.urls import Origin, UrlRefused, origin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that speaks CONNECT, over TCP or over TLS. `ca_pem` are roots for its own certificate."""

    origin: Origin
    username: str = ""
    password: str = field(default="", repr=False)
    ca_pem: str = field(default="", repr=False)

    @property
    def netloc(self) -> str:
        """Host and port, always both: a proxy has no usual port."""
        return f"{self.origin.host}:{self.origin.port}"

    @property
    def authorization(self) -> str:
        """The Proxy-Authorization value, or nothing where no login is configured. For the proxy's eyes alone."""
        if not (self.username or self.password):
            return ""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @classmethod
    def parse(cls, url: str, *, password: str = "", ca_pem: str = "") -> Self:
        """Return the proxy that `http://[USER[:PASSWORD]@]HOST:PORT` means; https likewise.

        User and password are percent-encoded in it. Raises `ValueError`, whose message shows nothing of the URL.
        """
        scheme, separator, rest = url.strip().partition("://")
        login, at, place = rest.rstrip("/").rpartition("@")
        username, _, written = login.partition(":")
        if not separator or (at and not username):
            raise ValueError("not a proxy's URL: http or https, then ://[USER[:PASSWORD]@]HOST:PORT")
        try:
            origin = origin_of(f"{scheme}://{place}")
            has_port = urlsplit(f"//{place}").port is not None
        except (UrlRefused, ValueError):
            has_port = False
        if not has_port or any(stop in place for stop in "/?#"):
            raise ValueError("not a proxy's URL: http or https, then ://[USER[:PASSWORD]@]HOST:PORT")
        return cls(origin=origin, username=unquote(username), password=password or unquote(written), ca_pem=ca_pem)
