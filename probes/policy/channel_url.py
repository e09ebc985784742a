"""The URL of a channel: what it may be for each kind, and what of it may be shown.

A URL often is the secret: it holds a login, or a token in its path. So no refusal repeats it.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from probes.policy.delivery import ChannelKind
from probes.protocol.urls import Origin, UrlRefused, origin_of

LONGEST: Final = 4096
SMTP_PORTS: Final = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
"""TLS from the first byte; TLS before anything is said (STARTTLS), and not without; no TLS at all."""


class ChannelUrlRefused(ValueError):
    """No URL for this kind of channel; the message says why, and shows nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a channel leads: `url` is without the login. `shown` tells no secret."""

    url: str = field(repr=False)
    origin: Origin
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        return f"{self.origin.scheme}://{self.origin.host}:{self.origin.port}"


def read_url(kind: ChannelKind, url: str) -> Address:
    """Return where the URL of an HTTP or e-mail channel leads. Raises `ChannelUrlRefused`."""
    if len(url) > LONGEST or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise ChannelUrlRefused("The URL is too long, or holds characters that no URL holds.")
    scheme, separator, rest = url.partition("://")
    login, at, place = _authority(url).rpartition("@")
    if at:
        rest = place + rest[len(login) + 1 + len(place) :]
    username, _, password = login.partition(":")
    try:
        origin = _smtp_origin(scheme, rest) if kind is ChannelKind.EMAIL else origin_of(f"{scheme}{separator}{rest}")
    except UrlRefused as refused:
        raise ChannelUrlRefused(f"{str(refused).capitalize()}.") from None
    if kind is ChannelKind.ALERTMANAGER and not set("?#").isdisjoint(rest):
        raise ChannelUrlRefused("An Alertmanager's URL has no query: its API comes after it.")
    if login and origin.scheme in ("http", "smtp+plain"):
        raise ChannelUrlRefused("A login would be readable on the way: use TLS.")
    return Address(url=f"{scheme}://{rest}", origin=origin, username=unquote(username), password=unquote(password))


def shown(kind: ChannelKind, url: str) -> str:
    """Return what may be shown of a channel's URL. Raises `ChannelUrlRefused` where it is none of its kind."""
    if kind is not ChannelKind.APPRISE:
        return read_url(kind, url).shown
    scheme, separator, rest = url.partition("://")
    if not (separator and rest and scheme.isascii() and scheme.isalnum()) or len(url) > LONGEST:
        raise ChannelUrlRefused("An Apprise URL is SERVICE://…, one of them.")
    return f"{scheme.lower()}://…"


def secrets_in(url: str) -> tuple[str, ...]:
    """Return the parts of a URL that no error may repeat: login, path, query values, and the whole of it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    login = _authority(url).rpartition("@")[0]
    pieces = {url, login, *login.partition(":"), *parts.path.split("/"), *parts.query.replace("=", "&").split("&")}
    pieces.add(parts.fragment)
    if parts.scheme not in ("http", "https", *SMTP_PORTS):
        # Of a service the host often is the token, or half of it.
        pieces |= {parts.netloc, *parts.netloc.replace("@", ":").split(":")}
    telling = {piece for piece in pieces if len(piece) >= 6}
    return tuple(sorted(telling | {unquote(piece) for piece in telling}, key=lambda piece: (-len(piece), piece)))


def _authority(url: str) -> str:
    """Return what stands before the path. A login may hold what elsewhere begins a query or a fragment."""
    return url.partition("://")[2].partition("/")[0]


def _smtp_origin(scheme: str, rest: str) -> Origin:
    if scheme not in SMTP_PORTS:
        raise UrlRefused(f"the URL begins with {'://, '.join(SMTP_PORTS)}://")
    host, slash, path = rest.partition("/")
    if slash and path:
        raise UrlRefused("the URL of a mail server has no path")
    checked = origin_of(
        f"https://{host}" if ":" in host.rpartition("]")[2] else f"https://{host}:{SMTP_PORTS[scheme]}"
    )
    return Origin(scheme, checked.host, checked.port)
