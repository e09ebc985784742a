"""The bundle of a region: what it was given, together with where the broker is and which image to run."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from probes.actions.enrolment import Issued
from probes.bundle.contents import (
    BROKER_CA,
    ENVIRONMENT,
    KEY,
    Bundle,
    BundleRefused,
    has_login,
    read_environment,
    with_login,
    with_login_of,
)
from probes.models import Region
from probes.trust.keys import RegionKeys

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a region's machine is told of the world. Empty means: as the settings say.

    `broker_url` is the broker as the region reaches it, without a login: arguments are no place for passwords. Where
    the broker has no accounts, the login of KAIROS_EDGE_BROKER_URL serves.
    """

    broker_url: str = field(default="", repr=False)
    broker_ca_file: str = ""
    image: str = ""

    @property
    def broker_ca_pem(self) -> str:
        """The broker's own roots, or nothing. Raises `BundleRefused` for a file that cannot be read."""
        path = self.broker_ca_file or settings.KAIROS_BROKER_CA_FILE
        try:
            return Path(path).read_text(encoding="ascii") if path else ""
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not PEM"
            raise BundleRefused(f"the broker's CA file {path}: {reason}") from None


def bundle_of(issued: Issued, surroundings: Surroundings = Surroundings()) -> Bundle:
    """Return the bundle for what `enroll` or `rotate` issued. Raises `BundleRefused`.

    Call it in the transaction of that action: what cannot be handed over should not have been issued.
    """
    url = _reached_at(surroundings) or _broker_from_far()
    if issued.login is not None:
        url = with_login(url, issued.login.username, issued.login.password)
    return _bundle(issued.region, issued.keys, url, surroundings)


def bundle_again(region: Region, directory: Path, surroundings: Surroundings = Surroundings()) -> Bundle:
    """Return the bundle that lies in `directory`, with its keys and login, for other surroundings.

    For a broker that moved, its new CA, a new image. Raises `BundleRefused`, and `KeyFileError` for its key file.
    """
    keys = RegionKeys.load(directory / KEY)
    if keys.region != region.slug or keys.public.verify_key_text != region.verify_key:
        raise BundleRefused(f"{directory / KEY} does not hold the current keys of {region.slug}")
    try:
        before = read_environment((directory / ENVIRONMENT).read_text(encoding="utf-8"))["BROKER_URL"]
    except (OSError, UnicodeDecodeError, KeyError):
        raise BundleRefused(f"{directory / ENVIRONMENT} does not say where the broker is") from None
    url = _reached_at(surroundings) or before
    ca_file = directory / BROKER_CA
    if not surroundings.broker_ca_file and not settings.KAIROS_BROKER_CA_FILE and ca_file.exists():
        surroundings = Surroundings(surroundings.broker_url, str(ca_file), surroundings.image)
    return _bundle(region, keys, with_login_of(url, before), surroundings)


def _bundle(region: Region, keys: RegionKeys, url: str, surroundings: Surroundings) -> Bundle:
    return Bundle(
        keys=keys,
        region_name=region.name,
        broker_url=url,
        broker_ca_pem=surroundings.broker_ca_pem,
        image=surroundings.image or settings.KAIROS_EDGE_IMAGE,
    )


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
    parts = urlsplit(settings.BROKER_URL)
    if not parts.hostname or parts.hostname in _LOOPBACK:
        raise BundleRefused(
            "the broker is on loopback, which no region reaches: say how it is reached by --broker-url "
            "or KAIROS_EDGE_BROKER_URL"
        )
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
