"""The bundle of a region: what it was given, together with where the broker is and which image to run."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from probes.actions.enrolment import Issued
from probes.bundle import archive
from probes.bundle.contents import (
    BROKER_CA,
    COMPOSE,
    ENVIRONMENT,
    KEY,
    Bundle,
    BundleRefused,
    has_login,
    has_tls,
    read_environment,
    read_image,
    with_login,
    with_login_of,
    without_login,
)
from probes.models import Region
from probes.trust.keys import RegionKeys
from probes.version import VERSION

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a region's machine is told of the world. What is empty is looked for elsewhere, each in the same order.

    What is said here comes first; then what the settings say for regions (KAIROS_EDGE_…); then the bundle before,
    where it or what was kept of it is at hand; and last what we use ourselves: our broker's address, our CA, this
    version's image.

    `broker_url` is the broker as the region reaches it, without a login: arguments are no place for passwords. Where
    the broker has no accounts, the login of KAIROS_EDGE_BROKER_URL serves.
    """

    broker_url: str = field(default="", repr=False)
    broker_ca_file: str = ""
    image: str = ""


def bundle_of(issued: Issued, surroundings: Surroundings = Surroundings(), *, before: Path | None = None) -> Bundle:
    """Return the bundle for what `enroll` or `rotate` issued. Raises `BundleRefused`.

    `before` is where the region's bundle of the last time may lie: what else is not said is taken from there, or from
    what was kept of it (`keep_surroundings`). Call it in the transaction of the action: what cannot be handed over
    should not have been issued.
    """
    if before is not None and not _url_in(before):
        before = _kept_of(issued.region.slug)
    told = _url_in(before)
    url = _reached_at(surroundings) or told or _broker_from_far()
    if issued.login is not None:
        url = with_login(url, issued.login.username, issued.login.password)
    return _bundle(issued.region, issued.keys, with_login_of(url, told), surroundings, before)


def bundle_again(region: Region, directory: Path, surroundings: Surroundings = Surroundings()) -> Bundle:
    """Return the bundle that lies in `directory`, with its keys and login, for other surroundings.

    For a broker that moved, its new CA, a new image. Raises `BundleRefused`, and `KeyFileError` for its key file.
    """
    keys = RegionKeys.load(directory / KEY)
    is_current = keys.region == region.slug and keys.public.verify_key_text == region.verify_key
    if not is_current or region.retired_at is not None:
        raise BundleRefused(f"{directory / KEY} does not hold the current keys of {region.slug}")
    told = _url_in(directory)
    if not told:
        raise BundleRefused(f"{directory / ENVIRONMENT} does not say where the broker is")
    url = _reached_at(surroundings) or told
    return _bundle(region, keys, with_login_of(url, told), surroundings, directory)


def keep_surroundings(bundle: Bundle) -> None:
    """Keep what the next bundle of the region takes over, and no secret of it. Raises `OSError`."""
    archive.put_files(bundle.surroundings, _kept_of(bundle.keys.region))


def _kept_of(slug: str) -> Path:
    return Path(settings.KAIROS_SURROUNDINGS_DIR) / slug


def _bundle(region: Region, keys: RegionKeys, url: str, surroundings: Surroundings, before: Path | None) -> Bundle:
    return Bundle(
        keys=keys,
        region_name=region.name,
        broker_url=url,
        broker_ca_pem=_broker_ca_pem(url, surroundings, before),
        image=surroundings.image or settings.KAIROS_EDGE_IMAGE or _image_in(before) or f"kairos-edge:{VERSION}",
    )


def _url_in(directory: Path | None) -> str:
    """Return the broker's URL, with its login, from the bundle in `directory`; nothing where none lies there."""
    return read_environment(_text_in(directory, ENVIRONMENT)).get("BROKER_URL", "")


def _image_in(directory: Path | None) -> str:
    return read_image(_text_in(directory, COMPOSE))


def _text_in(directory: Path | None, name: str) -> str:
    try:
        return (directory / name).read_text(encoding="utf-8") if directory else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _broker_ca_pem(url: str, surroundings: Surroundings, before: Path | None) -> str:
    """Return the broker's own roots, or nothing. Raises `BundleRefused` for a file that cannot be read."""
    path = _broker_ca_file(url, surroundings, before)
    if path is None:
        return ""
    try:
        pem = Path(path).read_text(encoding="ascii")
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, UnicodeDecodeError):
        raise BundleRefused(f"the broker's CA file {path}: not certificates in PEM") from None
    except OSError as error:
        raise BundleRefused(f"the broker's CA file {path}: {error.strerror}") from None
    return pem


def _broker_ca_file(url: str, surroundings: Surroundings, before: Path | None) -> Path | None:
    """Return where the broker's roots are, in the order of `Surroundings`; None is the system's.

    A bundle before that speaks TLS without a CA says so too: the region trusts the system's, whatever we do.
    """
    if surroundings.broker_ca_file:
        return Path(surroundings.broker_ca_file)
    if not has_tls(url):
        return None  # what we or others trust elsewhere is nothing to a region that speaks no TLS
    if settings.KAIROS_EDGE_BROKER_CA_FILE:
        return Path(settings.KAIROS_EDGE_BROKER_CA_FILE)
    if before and has_tls(_url_in(before)):
        return before / BROKER_CA if (before / BROKER_CA).exists() else None
    return Path(settings.KAIROS_BROKER.ca_file) if settings.KAIROS_BROKER.ca_file else None


def _reached_at(surroundings: Surroundings) -> str:
    from_settings: str = settings.KAIROS_EDGE_BROKER_URL
    if not surroundings.broker_url:
        return from_settings
    if has_login(surroundings.broker_url):
        raise BundleRefused(
            "write the broker's URL without a login: the region gets its own. Where the broker has no accounts, set "
            "KAIROS_EDGE_BROKER_URL to the URL with the login for all"
        )
    return with_login_of(surroundings.broker_url, from_settings)


def _broker_from_far() -> str:
    """Return our own broker's URL without its login. Raises `BundleRefused` where only this machine reaches it."""
    host = urlsplit(settings.BROKER_URL).hostname
    if not host or host in _LOOPBACK:
        raise BundleRefused(
            "the broker is on loopback, which no region reaches: say how it is reached by --broker-url "
            "or KAIROS_EDGE_BROKER_URL"
        )
    return without_login(settings.BROKER_URL)
