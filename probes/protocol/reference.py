"""Image references: from the text a person types to the registry, repository, tag and digest it names.

Source: behaviour rows R1 to R18; distribution/reference, with the stricter choices that those rows argue.
No packet is sent for a reference that this module refuses.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn

from probes.protocol.digest import Digest, DigestInvalid
from probes.protocol.taxonomy import Reason, Warn

HUB: Final = "docker.io"
HUB_API_HOST: Final = "registry-1.docker.io"
DEFAULT_TAG: Final = "latest"
MAX_PATH: Final = 255
MAX_HOST: Final = 253
MAX_REFERENCE: Final = 1024  # longer than any reference that is valid part by part

_HUB_ALIASES: Final = {HUB: False, "index.docker.io": False, HUB_API_HOST: True}  # host → worth a warning
_ALIEN: Final = re.compile(r"[^A-Za-z0-9._\-/:@\[\]+]")
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_ONLY_IN_HOSTS: Final = re.compile(r"[.:\[A-Z]")
_NEVER_IN_HOSTS: Final = re.compile(r"[\[\]+]")
_ID: Final = re.compile(r"(?:sha256:)?[a-f0-9]{64}")
_NUMBER_LIKE: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


class ReferenceInvalid(ValueError):
    """A reference that cannot be checked. `position` counts characters from 0 in the text as given."""

    def __init__(self, reason: Reason, position: int, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.position = position
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A parsed reference. `host` has `:port` where one was given; it is `docker.io` for Docker Hub."""

    host: str
    repository: str
    tag: str | None
    digest: Digest | None
    warnings: tuple[Warn, ...] = ()

    @property
    def canonical(self) -> str:
        """Return `host/repository[:tag][@digest]`."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"

    @property
    def api_host(self) -> str:
        """The host (and port) that serves the registry API for this reference."""
        return HUB_API_HOST if self.host == HUB else self.host

    @property
    def target(self) -> str:
        """What a manifest is asked for by: the digest where there is one, else the tag (row R13)."""
        return str(self.digest or self.tag)


@lru_cache(maxsize=8192)
def parse_reference(text: str) -> Reference:
    """Return what `text` names. Raises `ReferenceInvalid` with reason, position and a sentence."""
    _refuse_foreign_text(text)
    name, at, digest_text = text.partition("@")
    digest = _digest(digest_text, len(name) + 1) if at else None
    if _ID.fullmatch(name):
        _refuse(Reason.REF_LOOKS_LIKE_ID, 0, "this is an image ID; a registry looks images up by name")

    first, slash, rest = name.partition("/")
    if slash and _is_host(first):
        host, path_start = _host(first), len(first) + 1
    else:
        host, rest, path_start = HUB, name, 0
        bare = name.partition(":")[0]
        if not slash and (bare == "localhost" or "." in bare):
            message = f"{bare} alone would mean docker.io/library/{bare}; write HOST/REPOSITORY"
            _refuse(Reason.REF_AMBIGUOUS_HOST, 0, message)

    path, tag = _path_and_tag(rest, path_start)
    warnings: tuple[Warn, ...] = ()
    if (alias := _HUB_ALIASES.get(host)) is not None:
        host = HUB
        warnings = (Warn.HUB_HOST_ALIAS,) if alias else ()
        if "/" not in path:
            path = f"library/{path}"
    if len(path) > MAX_PATH:
        _refuse(Reason.REF_TOO_LONG, path_start, f"the repository has {len(path)} characters; 255 is the most")
    if len(host) + 1 + len(path) > MAX_PATH:
        warnings = (*warnings, Warn.REFERENCE_LONG)
    if tag is None and digest is None:
        tag = DEFAULT_TAG
    return Reference(host=host, repository=path, tag=tag, digest=digest, warnings=warnings)


def serves(namespace: str, host: str) -> bool:
    """Tell whether a mirror's `OCI-Namespace` names the registry at `host`, by whichever name of it (row M27)."""
    named = namespace.lower()
    return named == host.lower() or (host == HUB and named in _HUB_ALIASES)


def _refuse(reason: Reason, position: int, message: str) -> NoReturn:
    raise ReferenceInvalid(reason, position, message)


def _refuse_foreign_text(text: str) -> None:
    if not text:
        _refuse(Reason.REF_INVALID, 0, "the reference is empty")
    if len(text) > MAX_REFERENCE:
        _refuse(Reason.REF_TOO_LONG, MAX_REFERENCE, f"the reference has {len(text)} characters")
    if (scheme := text.find("://")) >= 0:
        _refuse(Reason.REF_INVALID, scheme, "a reference has no scheme; leave out the part up to ://")
    if alien := _ALIEN.search(text):
        _refuse(Reason.REF_INVALID, alien.start(), f"the character {alien.group()!a} has no place in a reference")


def _digest(text: str, start: int) -> Digest:
    if "/" in text:
        _refuse(Reason.REF_INVALID, start - 1, "a reference holds no user name; only a digest may follow '@'")
    try:
        return Digest.parse(text)
    except DigestInvalid as error:
        reason = Reason.DIGEST_UNSUPPORTED if error.unsupported else Reason.REF_BAD_DIGEST
        raise ReferenceInvalid(reason, start, str(error)) from None


def _is_host(component: str) -> bool:
    """Row R5: what makes the part before the first slash a host and not a repository on Docker Hub."""
    return component == "localhost" or _ONLY_IN_HOSTS.search(component) is not None


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6_host(text)
    if stray := _NEVER_IN_HOSTS.search(text):
        _refuse(Reason.REF_INVALID, stray.start(), f"the character {stray.group()!r} has no place in a host")
    name, colon, port = text.partition(":")
    if colon:
        _check_port(port, len(name) + 1)
    if len(name) > MAX_HOST:
        _refuse(Reason.REF_INVALID, MAX_HOST, f"the host has {len(name)} characters; 253 is the most")
    position = 0
    for label in (labels := name.split(".")):
        if not _LABEL.fullmatch(label):
            _refuse(Reason.REF_INVALID, position, f"{label!r} is not a valid part of a host name")
        position += len(label) + 1
    if _NUMBER_LIKE.fullmatch(labels[-1]):
        # Resolvers read 127.1, 0x7f.1 and 2130706433 as addresses; only the plain dotted form is taken here.
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            _refuse(Reason.REF_INVALID, 0, f"{name!r} is neither a host name nor an IPv4 address")
    lowered = text.lower()
    # A single-label host is known only by its capitals (row R5): without them it would name a repository.
    return lowered if _is_host(lowered) else text


def _ipv6_host(text: str) -> str:
    literal, bracket, after = text[1:].partition("]")
    try:
        address = ipaddress.IPv6Address(literal)
    except ValueError:
        address = None
    if not bracket or address is None:
        _refuse(Reason.REF_INVALID, 1, "not an IPv6 address in brackets")
    if address.ipv4_mapped:
        _refuse(Reason.REF_INVALID, 1, "write an IPv4 address plainly, not mapped into IPv6")
    if after:
        if not after.startswith(":"):
            _refuse(Reason.REF_INVALID, len(literal) + 2, "only a port may follow the bracket")
        _check_port(after[1:], len(literal) + 3)
    return f"[{address.compressed}]{after}"


def _check_port(port: str, position: int) -> None:
    if not _PORT.fullmatch(port) or not 0 < int(port) <= 65535:
        _refuse(Reason.REF_INVALID, position, f"{port!r} is not a port; a port is 1 to 65535")


def _path_and_tag(rest: str, start: int) -> tuple[str, str | None]:
    path, colon, tag = rest, "", ""
    if (last_colon := rest.rfind(":")) > rest.rfind("/"):
        path, colon, tag = rest[:last_colon], ":", rest[last_colon + 1 :]
    if colon and not _TAG.fullmatch(tag):
        what = "the tag is empty" if not tag else "a tag has 1 to 128 letters, digits, '_', '.' or '-'"
        _refuse(Reason.REF_BAD_TAG, start + last_colon + 1, what)
    position = start
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            _refuse_component(path, component, position, start)
        position += len(component) + 1
    return path, tag or None


def _refuse_component(path: str, component: str, position: int, start: int) -> NoReturn:
    if not component:
        _refuse(Reason.REF_INVALID, position, "a part of the repository is empty")
    if all(_COMPONENT.fullmatch(part) for part in path.lower().split("/")):
        upper = next(i for i, letter in enumerate(path) if letter.isupper())
        _refuse(Reason.REF_UPPERCASE, start + upper, f"repository must be lowercase: {path.lower()}")
    matched = _COMPONENT.match(component)
    offset = matched.end() if matched else 0
    _refuse(Reason.REF_INVALID, position + offset, f"{component!r} is not a valid part of a repository")
