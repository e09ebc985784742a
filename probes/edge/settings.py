"""What a region's worker is told by its environment."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from probes.broker.address import FILE_VARIABLES, SCHEMES, BrokerAddress
from probes.edge.health import FILE_VARIABLE
from probes.protocol.addresses import parse_nat64_prefixes
from probes.protocol.egress import MAX_CANARIES, MAX_CANARY_URL
from probes.protocol.proxy import Proxy
from probes.protocol.urls import UrlRefused, origin_of
from probes.trust.envelope import CONTROL, is_name
from probes.trust.keys import KeyFileError, RegionKeys
from probes.version import VERSION
from probes.wire.limits import LimitRefused, Limits, read_limits
from probes.wire.tls import load_roots

BATCHES: Final = 3
CHECKS_IN_FLIGHT: Final = 100
CHECKS_PER_HOST: Final = 20
HEARTBEAT_SECONDS: Final = 10.0
STUCK_SECONDS: Final = 60.0  # above the 30 seconds that Celery may wait between two tries to reconnect
FINISH_SECONDS: Final = 5.0
DRAIN_SECONDS: Final = 2.0
CANARY_SECONDS: Final = 30.0
CANARIES: Final = (
    "https://www.cloudflare.com/cdn-cgi/trace",  # also tells our public address
    "https://www.gstatic.com/generate_204",
    "https://www.apple.com/library/test/success.html",
)
"""Made to be asked like this, by three operators: that all three fail at once is our own doing."""


class SettingsError(Exception):
    """A setting that is missing or wrong; the message is one line and names the variable, never a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """The settings of one worker process; see `from_environ` for the variables."""

    broker: BrokerAddress
    keys: RegionKeys
    batches: int = BATCHES
    checks_in_flight: int = CHECKS_IN_FLIGHT
    checks_per_host: int = CHECKS_PER_HOST
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    stuck_seconds: float = STUCK_SECONDS
    finish_seconds: float = FINISH_SECONDS  # how long checks in hand may go on after SIGTERM
    drain_seconds: float = DRAIN_SECONDS  # and how long their reports may then take
    proxy: Proxy | None = None
    nat64: tuple[IPv6Network, ...] = ()
    health_file: Path | None = None  # where `probes.edge.health` looks
    limits: Limits = field(default_factory=Limits)
    canaries: tuple[str, ...] = ()
    canaries_ca_pem: str = ""
    canary_seconds: float = CANARY_SECONDS

    @property
    def region(self) -> str:
        return self.keys.region

    @property
    def queue(self) -> str:
        return f"probe.{self.region}"

    @property
    def user_agent(self) -> str:
        """Names the region, so that a registry's operator can tell who asks from where."""
        return f"kairos-probe/{VERSION} (region={self.region})"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings and the key file. Raises `SettingsError`.

        Needed: BROKER_URL, or BROKER_URL_FILE with the path of a file that holds it; KAIROS_REGION,
        KAIROS_REGION_KEY_FILE. Optional: KAIROS_BROKER_CA_FILE (roots for a broker with TLS),
        KAIROS_BROKER_CERT_FILE and KAIROS_BROKER_KEY_FILE (our own), KAIROS_EDGE_BATCHES (threads),
        KAIROS_EDGE_CHECKS_IN_FLIGHT, KAIROS_EDGE_CHECKS_PER_HOST, KAIROS_EDGE_HEARTBEAT_SECONDS,
        KAIROS_EDGE_STUCK_SECONDS, KAIROS_EDGE_FINISH_SECONDS, KAIROS_EDGE_DRAIN_SECONDS, and a KAIROS_LIMIT_… for
        each of `probes.wire.limits`. How this region gets out: KAIROS_EDGE_PROXY (a URL), KAIROS_EDGE_PROXY_CA_FILE
        (roots for an https proxy), KAIROS_EDGE_NAT64_PREFIXES (of this network's own translator; commas between).
        Whether it does: KAIROS_EDGE_CANARIES (URLs, commas between; `CANARIES` where it is not set, none where it is
        empty), KAIROS_EDGE_CANARIES_CA_FILE (roots for those, besides the system's), KAIROS_EDGE_CANARY_SECONDS.
        KAIROS_EDGE_HEALTH_FILE is for `probes.edge.health`.
        """
        return cls(
            broker=_broker(environ),
            keys=_keys(
                _region(_needed(environ, "KAIROS_REGION", "this region's slug, as eu-west")),
                _needed(environ, "KAIROS_REGION_KEY_FILE", "the path of this region's key file"),
            ),
            batches=_count(environ, "KAIROS_EDGE_BATCHES", BATCHES),
            checks_in_flight=_count(environ, "KAIROS_EDGE_CHECKS_IN_FLIGHT", CHECKS_IN_FLIGHT),
            checks_per_host=_count(environ, "KAIROS_EDGE_CHECKS_PER_HOST", CHECKS_PER_HOST),
            heartbeat_seconds=_seconds(environ, "KAIROS_EDGE_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS),
            stuck_seconds=_seconds(environ, "KAIROS_EDGE_STUCK_SECONDS", STUCK_SECONDS),
            finish_seconds=_seconds(environ, "KAIROS_EDGE_FINISH_SECONDS", FINISH_SECONDS),
            drain_seconds=_seconds(environ, "KAIROS_EDGE_DRAIN_SECONDS", DRAIN_SECONDS),
            proxy=_proxy(environ),
            nat64=_nat64(environ),
            health_file=Path(text) if (text := environ.get(FILE_VARIABLE, "").strip()) else None,
            limits=_limits(environ),
            canaries=_canaries(environ),
            canaries_ca_pem=_canaries_ca(environ),
            canary_seconds=_seconds(environ, "KAIROS_EDGE_CANARY_SECONDS", CANARY_SECONDS),
        )


def _needed(environ: Mapping[str, str], name: str, what: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set: {what}")
    return value


def _broker(environ: Mapping[str, str]) -> BrokerAddress:
    variable = "BROKER_URL_FILE" if environ.get("BROKER_URL_FILE", "").strip() else "BROKER_URL"
    url = _broker_url(environ)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"{variable} is not a broker's URL: {', '.join(SCHEMES)}, then ://HOST:PORT")
    address = BrokerAddress(url, *(environ.get(name, "").strip() for name in FILE_VARIABLES))
    try:
        address.check()
    except ValueError as error:
        named = next((name for name in FILE_VARIABLES if environ.get(name)), variable)
        raise SettingsError(f"{named}: {error}") from None
    return address


def _broker_url(environ: Mapping[str, str]) -> str:
    path = environ.get("BROKER_URL_FILE", "").strip()
    if not path:
        return _needed(environ, "BROKER_URL", "the broker, as redis://:PASSWORD@HOST:PORT/0")
    if environ.get("BROKER_URL", "").strip():
        raise SettingsError("BROKER_URL and BROKER_URL_FILE are both set: one of them is enough")
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"BROKER_URL_FILE: {path}: {getattr(error, 'strerror', 'not a URL')}") from None


def _region(name: str) -> str:
    if name == CONTROL or not is_name(name):
        raise SettingsError(f"KAIROS_REGION is not a region's slug: {name[:80]!r}")
    return name


def _keys(region: str, path: str) -> RegionKeys:
    try:
        keys = RegionKeys.load(Path(path))
    except KeyFileError as error:
        raise SettingsError(f"KAIROS_REGION_KEY_FILE: {error}") from error
    if keys.region != region:
        raise SettingsError(f"KAIROS_REGION_KEY_FILE: {path} holds the keys of {keys.region}, not of {region}")
    return keys


def _proxy(environ: Mapping[str, str]) -> Proxy | None:
    url = environ.get("KAIROS_EDGE_PROXY", "").strip()
    if not url:
        return None
    ca_pem = _pem(environ, "KAIROS_EDGE_PROXY_CA_FILE")
    try:
        return Proxy.parse(url, ca_pem=ca_pem)
    except ValueError as error:
        raise SettingsError(f"KAIROS_EDGE_PROXY: {error}") from None


def _pem(environ: Mapping[str, str], name: str) -> str:
    path = environ.get(name, "").strip()
    try:
        return Path(path).read_text(encoding="ascii") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: {path}: {error}") from None


def _nat64(environ: Mapping[str, str]) -> tuple[IPv6Network, ...]:
    words = environ.get("KAIROS_EDGE_NAT64_PREFIXES", "").split(",")
    try:
        return parse_nat64_prefixes(word for word in words if word.strip())
    except ValueError as error:
        raise SettingsError(f"KAIROS_EDGE_NAT64_PREFIXES: {error}") from None


def _canaries(environ: Mapping[str, str]) -> tuple[str, ...]:
    text = environ.get("KAIROS_EDGE_CANARIES")
    if text is None:
        return CANARIES
    urls = tuple(url for word in text.split(",") if (url := word.strip()))
    if len(urls) > MAX_CANARIES:
        raise SettingsError(f"KAIROS_EDGE_CANARIES: {len(urls)} of them; {MAX_CANARIES} are the most")
    for number, url in enumerate(urls, 1):
        try:
            origin_of(url)
        except UrlRefused as refused:  # which may hold a password, so it is not shown
            raise SettingsError(f"KAIROS_EDGE_CANARIES: number {number}: {refused}") from None
        if len(url) > MAX_CANARY_URL:
            raise SettingsError(f"KAIROS_EDGE_CANARIES: number {number} has more than {MAX_CANARY_URL} characters")
    return urls


def _canaries_ca(environ: Mapping[str, str]) -> str:
    pem = _pem(environ, "KAIROS_EDGE_CANARIES_CA_FILE")
    if pem:
        try:
            load_roots(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), pem)
        except ValueError as error:
            raise SettingsError(f"KAIROS_EDGE_CANARIES_CA_FILE: {error}") from None
    return pem


def _limits(environ: Mapping[str, str]) -> Limits:
    try:
        return read_limits(environ)
    except LimitRefused as refused:
        raise SettingsError(str(refused)) from refused


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) >= 1):
        raise SettingsError(f"{name} is not a whole number from 1 on: {text[:40]!r}")
    return int(text)


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 86_400:
        raise SettingsError(f"{name} is not a number of seconds: {text[:40]!r}")
    return seconds
