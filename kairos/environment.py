"""Typed readers for the environment: the one place where text from outside becomes a setting.

A reader never raises. A value that cannot be used is remembered as a `Mistake` with a stable id and the
default stands in, so that `manage.py check` can name every mistake at once, and a command that needs none of
the settings (`manage.py probe`) still runs. Nothing here writes: reading settings leaves no file behind.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from probes.broker.address import FILE_VARIABLES, SCHEMES, BrokerAddress

DATABASE_SCHEMES: Final = frozenset({"postgres", "postgresql"})
SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_PRIVATE_MODE_MASK: Final = 0o077


@dataclass(frozen=True, slots=True)
class Mistake:
    """A setting that cannot be used. `id` is stable: `kairos.E…` for errors, `kairos.W…` for warnings."""

    id: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class RegionName:
    """A region as the environment names it. `slug` is also the end of its queue's name, `probe.<slug>`."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Bind:
    """Where the web process listens. An IPv6 host carries no brackets here."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def is_wildcard(self) -> bool:
        return self.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Tell whether `host`, with or without brackets, can only be this machine."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parse_bind(text: str) -> Bind:
    """Read `HOST:PORT` or `[IPV6]:PORT`. Raises ValueError with a sentence for the operator."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host:
        raise ValueError(f"{text!r} is not HOST:PORT")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{port!r} is not a port between 1 and 65535")
    return Bind(host, int(port))


def parse_regions(text: str) -> tuple[RegionName, ...]:
    """Read `slug` or `slug:Name`, separated by commas. Raises ValueError with a sentence for the operator."""
    regions: list[RegionName] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        slug, _, name = item.partition(":")
        slug = slug.strip()
        if not SLUG.fullmatch(slug):
            raise ValueError(
                f"{slug!r} is not a region slug: lower-case letters, digits and inner hyphens, at most 40"
            )
        if slug == "control":
            raise ValueError("'control' is the control plane's own name on the broker")
        if any(region.slug == slug for region in regions):
            raise ValueError(f"region {slug!r} is named twice")
        regions.append(RegionName(slug, name.strip() or slug))
    if not regions:
        raise ValueError("at least one region is needed")
    return tuple(regions)


def parse_database_url(url: str) -> dict[str, Any]:
    """Turn a `postgresql://` URL into Django's database settings. Raises ValueError without the password.

    The query may carry libpq options (`sslmode`, …); `host` in it names a directory of Unix sockets.
    """
    parts = _split(url, DATABASE_SCHEMES)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ValueError("no database name after the host")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": options.pop("port", "") or str(parts.port or ""),
        "OPTIONS": options,
    }


def _split(url: str, schemes: frozenset[str]) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # parsed on access: a bad port is found here and not at the first connection
    except ValueError:
        # The parser's own words may hold a part of the URL, and so of the password.
        raise ValueError("not a URL: check the port, and %-encode special characters of the password") from None
    if parts.scheme not in schemes:
        raise ValueError(f"starts with {parts.scheme or 'no scheme'!r}, not with {' or '.join(sorted(schemes))}")
    return parts


@dataclass(slots=True)
class Environment:
    """Readers over one mapping, and the mistakes they met."""

    values: Mapping[str, str]
    mistakes: list[Mistake] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, "").strip() or default

    def names(self, name: str, default: str = "") -> list[str]:
        """Read a list separated by commas."""
        return [item for part in self.text(name, default).split(",") if (item := part.strip())]

    def networks(self, name: str) -> tuple[Network, ...]:
        """Read networks or addresses separated by commas."""
        try:
            return tuple(ipaddress.ip_network(item) for item in self.names(name))
        except ValueError as error:
            self.note("kairos.E010", f"{name}: {error}", "For example: 10.0.0.0/8,127.0.0.1")
            return ()

    def flag(self, name: str, *, default: bool = False) -> bool:
        word = self.text(name).lower()
        if word and word not in _TRUE | _FALSE:
            self.note("kairos.E001", f"{name} is {word!r}", "Write 1 or 0.")
        return default if word not in _TRUE | _FALSE else word in _TRUE

    def number(self, name: str, *, default: int, lowest: int) -> int:
        """Read a whole number of at least `lowest`."""
        text = self.text(name, str(default))
        if text.isascii() and text.isdigit() and int(text) >= lowest:
            return int(text)
        self.note("kairos.E008", f"{name} is {text!r}", f"Write a whole number, {lowest} or more.")
        return default

    def path(self, name: str, default: Path) -> Path:
        return Path(self.text(name, str(default))).expanduser().absolute()

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Read one of `choices`; the first is the default."""
        word = self.text(name, choices[0])
        if word not in choices:
            self.note("kairos.E006", f"{name} is {word!r}", f"Write one of: {', '.join(choices)}.")
            return choices[0]
        return word

    def database(self, name: str, fallback: Path) -> dict[str, Any]:
        """Read a database URL from the variable, else from the file. Empty when there is neither."""
        url = self.url(name, fallback)
        try:
            return parse_database_url(url) if url else {}
        except ValueError as error:
            self.note("kairos.E002", f"{name}: {error}", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
            return {}

    def broker(self, name: str, fallback: Path) -> str:
        """Read a broker URL from the variable, else from the file. Empty when there is neither."""
        url = self.url(name, fallback)
        try:
            if url:
                _split(url, frozenset(SCHEMES))
        except ValueError as error:
            self.note("kairos.E003", f"{name}: {error}", "redis://:PASSWORD@HOST:PORT/0")
            return ""
        return url

    def broker_address(self, url: str) -> BrokerAddress:
        """Read the files of TLS that belong to this URL."""
        address = BrokerAddress(url, *(self.text(name) for name in FILE_VARIABLES))
        try:
            address.check()
        except ValueError as error:
            hint = "Name PEM files that this user can read, and a broker that speaks TLS."
            self.note("kairos.E009", f"KAIROS_BROKER_…_FILE: {error}", hint)
            return BrokerAddress(url)
        return address

    def url(self, name: str, fallback: Path) -> str:
        return self.text(name) or self.secret(fallback)

    def regions(self, name: str, default: str) -> tuple[RegionName, ...]:
        try:
            return parse_regions(self.text(name, default))
        except ValueError as error:
            self.note("kairos.E004", f"{name}: {error}", "For example: eu-west:Frankfurt,us-east:Virginia")
            return parse_regions(default)

    def bind(self, name: str, default: str) -> Bind:
        try:
            return parse_bind(self.text(name, default))
        except ValueError as error:
            self.note("kairos.E005", f"{name}: {error}", "For example: 127.0.0.1:8000 or [::1]:8000")
            return parse_bind(default)

    def secret(self, path: Path) -> str:
        """Read a secret from a file; empty when there is no such file. Others' read access is a warning."""
        try:
            secret = path.read_text(encoding="utf-8").strip()
            mode = path.stat().st_mode
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            self.note("kairos.E007", f"{path} cannot be read: {type(error).__name__}", "Let this user read it.")
            return ""
        if mode & _PRIVATE_MODE_MASK:
            self.note("kairos.W001", f"{path} can be read by others", f"chmod 600 {path}")
        return secret

    def note(self, mistake_id: str, message: str, hint: str) -> None:
        """Remember a mistake that a reader met."""
        self.mistakes.append(Mistake(mistake_id, message, hint))
