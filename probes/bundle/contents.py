"""The files of a bundle, from what a region was given."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from probes.protocol.errors import clean_text
from probes.trust.keys import RegionKeys

HOME_AT_THE_REGION: Final = "/etc/kairos"
ENVIRONMENT: Final = "kairos-edge.env"
KEY: Final = "region-key.json"
BROKER_CA: Final = "broker-ca.pem"
TEMPLATES_AT: Final = Path(__file__).resolve().parents[2] / "deploy" / "edge"
COMPOSE: Final = "docker-compose.yml"
TEMPLATES: Final = (COMPOSE, "kairos-edge.service", "values.yaml", "README.md")

_BROKER_SCHEMES: Final = ("redis", "rediss", "amqp", "amqps")
# Docker, Compose, systemd and a shell read environment files each in its own way. Of these characters they all make
# the same.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/?@%=&,+\[\]-]+", re.ASCII)
_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*", re.ASCII)


class BundleRefused(Exception):
    """A bundle cannot be made of these values. The message is one line, and holds no password."""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file: its name, its text, and whether only its owner may read it."""

    name: str
    text: str = field(repr=False)
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """All that a region's machine is to be given. `broker_url` carries the login; `broker_ca_pem` may be empty."""

    keys: RegionKeys = field(repr=False)
    region_name: str
    broker_url: str = field(repr=False)
    image: str
    broker_ca_pem: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse what would not be read at the other end as it is meant here. Raises `BundleRefused`."""
        _check_broker_url(self.broker_url)
        if not _IMAGE.fullmatch(self.image):
            raise BundleRefused(f"{self.image!r} is not a reference of an image")
        if not self.broker_ca_pem:
            return
        if "-----BEGIN CERTIFICATE-----" not in self.broker_ca_pem:
            raise BundleRefused("the broker's CA file holds no certificates in PEM")
        if "PRIVATE KEY-----" in self.broker_ca_pem:
            raise BundleRefused("the broker's CA file holds a private key, which is no region's business")
        if not has_tls(self.broker_url):
            raise BundleRefused("a CA needs a broker with TLS: rediss:// or amqps://")
        if "ssl_" in urlsplit(self.broker_url).query:
            raise BundleRefused(
                "the broker's URL has ssl_… options, beside which a CA does not count: leave them out"
            )

    @property
    def name(self) -> str:
        return f"kairos-edge-{self.keys.region}"

    @property
    def files(self) -> tuple[BundleFile, ...]:
        values = {
            "region": self.keys.region,
            # One line without control characters, whatever it is called: it stands in comments, YAML's among them.
            "region_name": clean_text(self.region_name),
            "name": self.name,
            "image": self.image,
            "home": HOME_AT_THE_REGION,
            "broker_ca_volume": f"      - ./{BROKER_CA}:{HOME_AT_THE_REGION}/{BROKER_CA}:ro"
            if self.broker_ca_pem
            else "",
        }
        certificates = [BundleFile(BROKER_CA, self.broker_ca_pem)] if self.broker_ca_pem else []
        return (
            BundleFile(ENVIRONMENT, self._environment, is_private=True),
            BundleFile(KEY, self.keys.to_text(), is_private=True),
            *certificates,
            *(BundleFile(name, _rendered(name, values)) for name in TEMPLATES),
        )

    @property
    def surroundings(self) -> tuple[BundleFile, ...]:
        """What it says of the world, in files of the same names: no key, and the broker's URL without its login."""
        kept = {BROKER_CA, COMPOSE}
        url = BundleFile(ENVIRONMENT, f"BROKER_URL={without_login(self.broker_url)}\n", is_private=True)
        return (url, *(file for file in self.files if file.name in kept))

    @property
    def _environment(self) -> str:
        settings = {
            "BROKER_URL": self.broker_url,
            "KAIROS_REGION": self.keys.region,
            "KAIROS_REGION_KEY_FILE": f"{HOME_AT_THE_REGION}/{KEY}",
        }
        if self.broker_ca_pem:
            settings["KAIROS_BROKER_CA_FILE"] = f"{HOME_AT_THE_REGION}/{BROKER_CA}"
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def has_login(url: str) -> bool:
    """Tell whether the URL says who logs in."""
    return "@" in urlsplit(url).netloc


def has_tls(url: str) -> bool:
    return urlsplit(url).scheme in ("rediss", "amqps")


def without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def with_login(url: str, username: str, password: str) -> str:
    """Return the broker's URL with this login in place of any that it holds."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(username, safe='')}:{quote(password, safe='')}@{place}"))


def with_login_of(url: str, before: str) -> str:
    """Return `url` with the login that `before` holds, unless it has one of its own."""
    login, at, _ = urlsplit(before).netloc.rpartition("@")
    parts = urlsplit(url)
    return url if has_login(url) else urlunsplit(parts._replace(netloc=f"{login}{at}{parts.netloc}"))


def read_environment(text: str) -> Mapping[str, str]:
    """Return the variables of an environment file that a bundle wrote."""
    lines = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name.strip(): value for name, equals, value in lines if equals}


def read_image(text: str) -> str:
    """Return the image that the Compose file of a bundle runs; nothing where it names none."""
    named = re.search(rf"^ +image: ({_IMAGE.pattern})$", text, re.ASCII | re.MULTILINE)
    return named[1] if named else ""


def _check_broker_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _BROKER_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BundleRefused(f"the broker's URL must be one of {', '.join(_BROKER_SCHEMES)}, then ://HOST:PORT")
    if not _PLAIN.fullmatch(url):
        raise BundleRefused("the broker's URL holds characters that environment files do not: %-encode them")


def _rendered(name: str, values: Mapping[str, str]) -> str:
    return Template((TEMPLATES_AT / name).read_text(encoding="utf-8")).substitute(values)
