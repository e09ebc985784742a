"""URLs that a registry hands us, and what may be shown of them.

Source: behaviour rows T1, T2, T35, B16, B19 and security items S7, S18, S19. Hosts are checked with our own
strict grammar before any other parser sees the URL, since parsers differ on hostile ones.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

MAX_URL: Final = 8192
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)
_DOTTED_QUAD: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_IPV6: Final = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]")
_NETLOC: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]@]*)(?::(?P<port>[0-9]{1,5}))?")
_UP_TO_PATH: Final = re.compile(r"[^/?#]*//[^/?#]*")
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\]")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_FIRST_UNPRIVILEGED_PORT: Final = 1024
_SHOWN_QUERY: Final = frozenset({"service", "scope", "ns", "account", "client_id", "grant_type"})
_SHOWN_PATH: Final = 512
_SHOWN_PAIRS: Final = 20
_QUERY_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
HIDDEN: Final = "…"


class UrlRefused(ValueError):
    """The URL must not be used; the message says why, without showing the URL."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a credential belongs to (S7)."""

    scheme: str
    host: str  # lower case; IPv6 in brackets
    port: int

    @property
    def netloc(self) -> str:
        """The host, with its port unless that is the scheme's default."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    def is_among(self, hosts: Collection[str]) -> bool:
        """Tell whether `hosts`, in lower case, name this one: alone, for any port of it, or with its port."""
        return self.host in hosts or f"{self.host}:{self.port}" in hosts


def origin_of(url: str) -> Origin:
    """Return the origin of an absolute http or https URL. Raises `UrlRefused`."""
    if len(url) > MAX_URL or _FORBIDDEN.search(url) or not url.isascii():
        raise UrlRefused("the URL is too long or holds characters that no URL holds")
    beginning = _UP_TO_PATH.match(url)
    return _origin_at(beginning.group() if beginning else url)


@lru_cache(maxsize=512)
def _origin_at(beginning: str) -> Origin:
    """Read the URL's part before the path, which thousands of URLs have in common."""
    try:
        parts = urlsplit(beginning)
    except ValueError as error:
        raise UrlRefused("the URL cannot be read") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise UrlRefused("the URL is neither https nor http")
    if "@" in parts.netloc:
        raise UrlRefused("the URL holds a user name")
    match = _NETLOC.fullmatch(parts.netloc)
    if not match or not (_HOST.fullmatch(match["host"]) or _IPV6.fullmatch(match["host"])):
        raise UrlRefused("the URL has no valid host")
    if _DOTTED_QUAD.fullmatch(match["host"]) and not _is_ipv4(match["host"]):
        raise UrlRefused("the URL's host is no IPv4 address")
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[parts.scheme]
    if not 0 < port <= 65535:
        raise UrlRefused("the URL has no valid port")
    return Origin(parts.scheme, match["host"].lower(), port)


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def resolve_url(base: str, location: str) -> str:
    """Return the absolute URL that a `Location` or a relative realm means (rows C13, B19).

    Any fragment is dropped; non-ASCII is percent-encoded. Raises `UrlRefused`.
    """
    if not location or len(location) > MAX_URL or _FORBIDDEN.search(location):
        raise UrlRefused("the URL is empty, too long, or holds characters that no URL holds")
    try:
        quoted = quote(location, safe="%/:=&?~#+!$,;'@()*[]|")
        parts = urlsplit(quoted)
        url = urljoin(base, quoted).partition("#")[0]
    except ValueError as error:
        raise UrlRefused("the URL cannot be read") from error
    if not parts.netloc and (parts.scheme or quoted.startswith("//")):
        raise UrlRefused("the URL names no host")  # and joining would give it the base's (row T2)
    origin_of(url)
    return url


def may_be_sent_to(there: Origin, registry: Origin) -> bool:
    """Tell whether a registry may send us to the port that `there` has (threat S22).

    Privileged ports are where other services live: a registry that could choose them would scan with our hands.
    Of those, the usual one of HTTPS and the registry's own are open, and 80 for a registry that speaks plain HTTP.
    """
    usual = {443, registry.port} | ({80} if registry.scheme == "http" else set())
    return there.port >= _FIRST_UNPRIVILEGED_PORT or there.port in usual


def with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    """Return `url` with `pairs` added to the query that it has (row T12); a name that it has is replaced."""
    bare, _, query = url.partition("?")
    names = {name for name, _ in pairs}
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in names]
    return f"{bare}?{urlencode([*kept, *pairs])}" if kept or pairs else bare


def redact(url: str) -> str:
    """Return `url` as it may be shown: query values only of the names known to be harmless (row T35)."""
    bare, question, query = url.partition("?")
    if len(bare) > _SHOWN_PATH:
        bare = bare[:_SHOWN_PATH] + HIDDEN
    if not question:
        return bare
    pairs = parse_qsl(query, keep_blank_values=True)[:_SHOWN_PAIRS]
    return f"{bare}?{'&'.join(_shown(name, value) for name, value in pairs)}"


def _shown(name: str, value: str) -> str:
    if name in _SHOWN_QUERY:
        return f"{name}={quote(value[:256], safe=':/,*')}"
    # What has no value, or is no name, may itself be the token.
    return f"{name}={HIDDEN}" if value.strip("=") and _QUERY_NAME.fullmatch(name) else HIDDEN
