"""Checks of typed fields, shared by the models. Each raises Django's `ValidationError` with a sentence."""

import ipaddress
import re
from typing import Any, Final
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError

from probes.policy.networks import NetworkRefused, parse_allowed
from probes.policy.publishing import is_origin
from probes.protocol.reference import ReferenceInvalid, parse_reference

REGION_SLUG: Final = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
LONGEST_INTERVAL_SECONDS: Final = 30 * 86_400
LONGEST_REMINDER_MINUTES: Final = 7 * 1440
MOST_LABELS: Final = 64
LONGEST_LABEL_NAME: Final = 320
"""As long as those of Kubernetes are."""
LONGEST_LABEL: Final = 1_000
LONGEST_CA_PEM: Final = 256 * 1024
ALL_PLATFORMS: Final = "all"
_PORT: Final = re.compile(r":[0-9]+\Z")
_PLATFORM: Final = re.compile(r"[a-z0-9_.-]+/[a-z0-9_.-]+(/[a-z0-9_.-]+)?")


def canonical_host(text: str) -> None:
    """Accept a registry host exactly as a parsed reference gives it: `docker.io`, `localhost:5000`."""
    try:
        host = parse_reference(f"{text}/image").host
    except ReferenceInvalid as error:
        raise ValidationError(error.message, code=error.reason.value) from None
    if host != text:
        raise ValidationError(f"A reference to this registry names it {host!r}.", code="not_canonical")


def _plain(message: str) -> str:
    """Return a message without a percent sign, for a validator of the items of an array.

    Django formats the message of an item twice over: one that quotes what somebody wrote would be a bad format.
    """
    return message.replace("%", "\\x25")


def host(text: str) -> None:
    """Accept `HOST[:PORT]`, lower case. A single label is a host here, unlike in a reference."""
    # A port makes any label a host for the grammar of references.
    with_port = text if _PORT.search(text) else f"{text}:443"
    try:
        parsed = parse_reference(f"{with_port}/image").host
    except ReferenceInvalid as error:
        raise ValidationError(_plain(error.message), code=error.reason.value) from None
    if parsed != with_port:
        raise ValidationError(f"Write the host as {parsed!r}.", code="not_canonical")


def certificates(text: str) -> None:
    """Accept PEM certificates that are no burden on every batch that carries them."""
    if len(text) > LONGEST_CA_PEM:
        raise ValidationError(f"More than {LONGEST_CA_PEM // 1024} KiB; leave out what is not needed.", code="size")
    from cryptography import x509  # noqa: PLC0415 - a tenth of the models' loading, for what is seldom written

    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValidationError("Not certificates in PEM.", code="pem") from None


def allowed_cidr(text: str) -> None:
    try:
        parse_allowed(text)
    except NetworkRefused as error:
        raise ValidationError(_plain(str(error)), code="cidr") from None


def resolve_map(value: Any) -> None:
    """Accept `{host: [address, …]}`; addresses are literals."""
    if not isinstance(value, dict):
        raise ValidationError("Write an object: host to list of addresses.", code="resolve")
    for name, addresses in value.items():
        host(name)
        if not isinstance(addresses, list) or not addresses:
            raise ValidationError(f"{name}: write a list of addresses.", code="resolve")
        for address in addresses:
            try:
                ipaddress.ip_address(address if isinstance(address, str) else "")
            except ValueError:
                raise ValidationError(f"{name}: {address!r} is not an address.", code="resolve") from None


def repository_prefix(text: str) -> None:
    """Accept whole leading components of a repository: `team` or `team/project`, never `team/`."""
    try:
        reference = parse_reference(f"registry.invalid/{text}@sha256:{'0' * 64}")
    except ReferenceInvalid as error:
        raise ValidationError(error.message, code=error.reason.value) from None
    if reference.repository != text:
        raise ValidationError("Write leading parts of a repository, without a tag.", code="prefix")


def platform(text: str) -> None:
    if text != ALL_PLATFORMS and not _PLATFORM.fullmatch(text):
        message = f"{text!r} is not OS/ARCH[/VARIANT], such as linux/arm64."
        raise ValidationError(_plain(message), code="platform")


def interval_seconds(value: int) -> None:
    floor = settings.KAIROS_INTERVAL_FLOOR_SECONDS
    if not floor <= value <= LONGEST_INTERVAL_SECONDS:
        raise ValidationError(f"From {floor} seconds to {LONGEST_INTERVAL_SECONDS} (30 days).", code="interval")


def cadence_seconds(value: int) -> None:
    if not 1 <= value <= LONGEST_INTERVAL_SECONDS:
        raise ValidationError(f"From 1 second to {LONGEST_INTERVAL_SECONDS} (30 days).", code="cadence")


def reminder_minutes(value: int) -> None:
    if not 5 <= value <= LONGEST_REMINDER_MINUTES:
        raise ValidationError(f"From 5 minutes to {LONGEST_REMINDER_MINUTES} (7 days).", code="reminder")


def time_zone(name: str) -> None:
    """Accept a name of the IANA database, such as `Europe/Berlin`, and nothing that merely names a file."""
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is no time zone. Write Europe/Berlin, say, or UTC.", code="zone")


def labels(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValidationError("Write an object of texts.", code="labels")
    if len(value) > MOST_LABELS:
        raise ValidationError(f"At most {MOST_LABELS} labels.", code="labels")
    if any(not 1 <= len(name) <= LONGEST_LABEL_NAME or len(text) > LONGEST_LABEL for name, text in value.items()):
        message = (
            f"A label has a name of 1 to {LONGEST_LABEL_NAME} characters, and a text of {LONGEST_LABEL} at most."
        )
        raise ValidationError(message, code="labels")


def origin(text: str) -> None:
    """Accept what may put a page in a frame: `https://www.example.com`, `https://*.example.com`, or `*` for all."""
    if not is_origin(text):
        raise ValidationError(
            "Write an origin without a path, in small letters: https://www.example.com.", code="origin"
        )
