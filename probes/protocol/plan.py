"""What to check and how: everything that one check needs, and nothing that is looked up elsewhere.

A `Plan` travels as JSON from the control plane to a region. Secrets never travel in it: it names a secret by
its key in the batch, and the region hands the opened `Secret` to the wire beside the plan.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from probes.protocol import versions
from probes.protocol.outcome import Kind
from probes.protocol.shape import MISFITS, count, number, text, texts
from probes.protocol.taxonomy import Depth

DEFAULT_PLATFORM: Final = "linux/amd64"
ALL_PLATFORMS: Final = "all"
DEFAULT_TIMEOUT_SECONDS: Final = 25.0
REFRESH_USERS: Final = frozenset({"<token>", "00000000-0000-0000-0000-000000000000"})
"""User names whose password is a refresh token: Docker's, and Azure Container Registry's (row T10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How a registry is reached: the operator's settings for it. Everything here is public."""

    api_host: str = ""  # serves the API instead of the host that the reference names
    ca_pem: str = ""  # trust these roots as well as the system's
    allow_cidrs: tuple[str, ...] = ()  # non-public addresses that any hop may dial
    allow_hosts: tuple[str, ...] = ()  # hosts, with or without port, whose non-public addresses may be dialled
    resolve: tuple[tuple[str, tuple[str, ...]], ...] = ()  # host → addresses, instead of DNS
    trusted_auth_hosts: tuple[str, ...] = ()  # may receive the credential though on another domain
    plain_http: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, by field."""
        packed = {
            "api_host": self.api_host,
            "ca_pem": self.ca_pem,
            "allow_cidrs": list(self.allow_cidrs),
            "allow_hosts": list(self.allow_hosts),
            "resolve": {host: list(addresses) for host, addresses in self.resolve},
            "trusted_auth_hosts": list(self.trusted_auth_hosts),
            "plain_http": self.plain_http,
        }
        return {name: value for name, value in packed.items() if value}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the site that `document` describes. Raises one of `MISFITS`."""
        return cls(
            api_host=text(document.get("api_host", "")),
            ca_pem=text(document.get("ca_pem", "")),
            allow_cidrs=texts(document.get("allow_cidrs", [])),
            allow_hosts=texts(document.get("allow_hosts", [])),
            resolve=tuple((text(host), texts(addresses)) for host, addresses in document.get("resolve", {}).items()),
            trusted_auth_hosts=texts(document.get("trusted_auth_hosts", [])),
            plain_http=document.get("plain_http", False) is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A registry secret in clear: only in memory, only where a check runs. Never part of `repr`.

    Every field is text, and every one but `fingerprint` travels: a further field is sealed, stored and told
    apart in caches as soon as it is declared here.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)  # an OAuth2 refresh token
    client_identity: str = field(default="", repr=False)  # PEM of a private key and its certificate's chain
    bearer: str = field(default="", repr=False)  # a token for the registry itself, sent as it is
    provider: str = ""  # `provider_key` is to be exchanged there for one of the above: a `Provider`'s value
    provider_key: str = field(default="", repr=False)  # JSON text: `probes.protocol.provider`
    fingerprint: str = ""  # tells two secrets apart in cache keys and logs without showing either

    @property
    def is_anonymous(self) -> bool:
        """Tell whether there is nothing to log in with. A client certificate opens the door; it is no login."""
        return not (self.password or self.identity_token or self.bearer or self.provider)

    @property
    def refresh_token(self) -> str:
        """What is exchanged by POST: the identity token, or the password of a user who stands for one (row T10)."""
        return self.identity_token or (self.password if self.username in REFRESH_USERS else "")

    @property
    def material(self) -> bytes:
        """Everything that makes the secret what it is, as bytes that no other secret has: what to fingerprint."""
        parts = [part.encode() for pair in self.to_json().items() for part in pair]
        return b"".join(len(part).to_bytes(8) + part for part in parts)

    def to_json(self) -> dict[str, str]:
        """Return what the secret holds, by field, without what is empty and without its fingerprint."""
        return {name: value for name in _SECRET_FIELDS if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the secret of `document`, without a fingerprint. Raises `ValueError`, which tells nothing secret.

        A field that is not known here is refused: without it, what remains might be another login or none.
        """
        if not isinstance(document, dict) or not document.keys() <= _SECRET_FIELDS.keys():
            raise ValueError("not a secret, or one of a kind that is not known here")
        if not all(isinstance(value, str) for value in document.values()):
            raise ValueError("a secret holds texts")
        return cls(**document)


# In the order of their declaration, so that equal secrets are equal bytes.
_SECRET_FIELDS: Final = {item.name: item for item in fields(Secret) if item.name != "fingerprint"}


ANONYMOUS: Final = Secret()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One check to be made: frozen, JSON-serialisable, executable without any database.

    `platforms` are `OS/ARCH[/VARIANT]`, or the single word `all` for every runnable platform of the index.
    `strict_platform` makes an image of another platform a failure where the reference names one image and no
    index (row P15); `check_tag` also asks whether the tag of `name:tag@digest` still points there (row R13).
    `key` and `slot` name the check for whoever ordered it; the engine only hands them back.

    `fresh`, `reread` and `sample_blobs` say what the check may take from memory or leave out (ADR 14). Their
    defaults take nothing on trust but a login. `rotation` grows by one with each sample.
    """

    reference: str
    depth: Depth = Depth.BLOBS
    platforms: tuple[str, ...] = (DEFAULT_PLATFORM,)
    site: Site = Site()
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    strict_platform: bool = False
    check_tag: bool = False
    fresh: bool = False  # log in anew, and dial each origin anew once
    reread: bool = True  # read documents whose bytes are known; else only ask whether they are there
    sample_blobs: bool = False  # look at some layers in turn instead of at all (row B25)
    rotation: int = 0  # whose turn it is in a sample
    secret_key: str = ""  # which secret of the batch to use; empty means anonymous
    key: str = ""
    slot: str = ""

    @property
    def kind(self) -> Kind:
        return "image"

    def to_json(self, version: int = versions.NEWEST) -> dict[str, Any]:
        """Return the plan as JSON values in that version; fields at their default are left out."""
        document: dict[str, Any] = {
            **versions.mark(version),
            "reference": self.reference,
            "depth": self.depth.value,
        }
        document["site"] = self.site.to_json()
        document["platforms"] = list(self.platforms)
        document["timeout_seconds"] = self.timeout_seconds
        if not self.reread:
            document["reread"] = False
        for name in ("strict_platform", "check_tag", "fresh", "sample_blobs", "rotation"):
            if value := getattr(self, name):
                document[name] = value
        for name in ("secret_key", "key", "slot"):
            if value := getattr(self, name):
                document[name] = value
        return document

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the plan that `document` describes. Raises `ValueError` when it is not one."""
        try:
            versions.of(document)
            return cls(
                reference=text(document["reference"]),
                depth=Depth(document.get("depth", Depth.BLOBS)),
                platforms=texts(document.get("platforms", [DEFAULT_PLATFORM])),
                site=Site.from_json(document.get("site", {})),
                timeout_seconds=number(document.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
                strict_platform=document.get("strict_platform", False) is True,
                check_tag=document.get("check_tag", False) is True,
                fresh=document.get("fresh", False) is True,
                reread=document.get("reread", True) is not False,
                sample_blobs=document.get("sample_blobs", False) is True,
                rotation=count(document.get("rotation", 0)),
                secret_key=text(document.get("secret_key", "")),
                key=text(document.get("key", "")),
                slot=text(document.get("slot", "")),
            )
        except MISFITS as error:
            raise ValueError(f"not a plan: {type(error).__name__} {error}") from error
