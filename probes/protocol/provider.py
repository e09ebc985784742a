"""The keys of cloud registries, whose passwords are too short-lived to be stored: what is stored instead.

A key is JSON text in `Secret.provider_key`. It is checked where somebody types it and again where it is used;
`probes.wire.exchangers` turns it into a login. Every endpoint in it is https.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from probes.protocol.shape import text
from probes.protocol.urls import UrlRefused, origin_of

GOOGLE_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - a place, not a secret
AZURE_AUTHORITY: Final = "https://login.microsoftonline.com"

_AWS_KEY_ID: Final = re.compile(r"\w{16,128}", re.ASCII)
_AWS_ROLE: Final = re.compile(r"arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_ECR_TEXTS: Final = (
    "access_key_id", "secret_access_key", "session_token", "role_arn", "region", "endpoint", "sts_endpoint",
)  # fmt: skip
_AWS_REGION: Final = re.compile(r"[a-z]{2,3}(-[a-z]{1,12}){1,3}-[0-9]{1,2}")
_AZURE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
_VISIBLE: Final = re.compile(r"[!-~]{1,16384}")
# The account, FIPS or not, the region, and the partition's domain.
_ECR_HOST: Final = re.compile(r"[0-9]{12}\.dkr\.ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)(:[0-9]+)?")


class Provider(StrEnum):
    """Who exchanges a stored key for a login."""

    ECR = "ecr"  # Amazon ECR, private registries
    GOOGLE = "google"  # Artifact Registry and gcr.io
    ACR = "acr"  # Azure Container Registry


class KeyInvalid(ValueError):
    """A key that cannot be one. `field` names what is wrong with it; nothing of its value is repeated."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrKey:
    """An access key of AWS, or the word that the worker's own role is to be used.

    `role_arn` is a role to assume with it, or empty. `region` is taken from the registry's host where it is not
    given; the endpoints are a VPC's own, or empty.
    """

    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    own_role: bool = False
    role_arn: str = ""
    region: str = ""
    endpoint: str = ""
    sts_endpoint: str = ""

    @property
    def hidden(self) -> tuple[str, ...]:
        return (self.secret_access_key, self.session_token)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the key of `document`. Raises `KeyInvalid`."""
        own_role = document.get("own_role", False)
        if not isinstance(own_role, bool):
            raise KeyInvalid("own_role", "true or false")
        key = cls(own_role=own_role, **_texts(document, _ECR_TEXTS, {"own_role"}))
        if own_role and (key.access_key_id or key.secret_access_key or key.session_token):
            raise KeyInvalid("own_role", "The worker's own role, or an access key, and not both.")
        if not own_role:
            _match(_AWS_KEY_ID, "access_key_id", key.access_key_id, "Write an access key ID, such as AKIA….")
            _match(_VISIBLE, "secret_access_key", key.secret_access_key, "Give the secret access key.")
        if key.session_token:
            _match(_VISIBLE, "session_token", key.session_token, "Not a session token.")
        if key.role_arn:
            _match(_AWS_ROLE, "role_arn", key.role_arn, "Write a role's ARN: arn:aws:iam::ACCOUNT:role/NAME.")
        if key.region:
            _match(_AWS_REGION, "region", key.region, "Write an AWS region, such as eu-west-1.")
        for name in ("endpoint", "sts_endpoint"):
            if url := getattr(key, name):
                _endpoint(name, url)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleKey:
    """A service account's key, of the JSON file that Google hands out once."""

    client_email: str
    private_key: str = field(repr=False)
    private_key_id: str = ""
    token_uri: str = GOOGLE_TOKEN_URI

    @property
    def hidden(self) -> tuple[str, ...]:
        return (self.private_key,)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the key of `document`, whose further fields do not matter. Raises `KeyInvalid`."""
        if document.get("type", "service_account") != "service_account":
            raise KeyInvalid("", "Not the key of a service account.")
        names = ("client_email", "private_key", "private_key_id", "token_uri")
        given = _texts(document, names, set(document))
        email, private_key = given.pop("client_email", ""), given.pop("private_key", "")
        if "@" not in email:
            raise KeyInvalid("client_email", "The service account's address is missing.")
        if "-----BEGIN PRIVATE KEY-----" not in private_key:
            raise KeyInvalid("private_key", "The private key is missing.")
        key = cls(client_email=email, private_key=private_key, **given)
        _endpoint("token_uri", key.token_uri)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrKey:
    """A service principal of Entra ID, or an access token of it that somebody else keeps fresh."""

    tenant: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    aad_token: str = field(default="", repr=False)
    authority: str = AZURE_AUTHORITY

    @property
    def hidden(self) -> tuple[str, ...]:
        return (self.client_secret, self.aad_token)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the key of `document`. Raises `KeyInvalid`."""
        key = cls(**_texts(document, ("tenant", "client_id", "client_secret", "aad_token", "authority"), set()))
        if key.aad_token:
            if key.client_secret:
                raise KeyInvalid("aad_token", "A client secret or an access token, and not both.")
            _match(_VISIBLE, "aad_token", key.aad_token, "Not an access token.")
        else:
            _match(_AZURE_NAME, "tenant", key.tenant, "Write the tenant: its ID or its domain.")
            _match(_AZURE_NAME, "client_id", key.client_id, "Write the application (client) ID.")
            _match(_VISIBLE, "client_secret", key.client_secret, "Give the client secret.")
        _endpoint("authority", key.authority)
        if key.authority.count("/") != 2:
            raise KeyInvalid("authority", f"Write the authority's origin, such as {AZURE_AUTHORITY}.")
        return key


ProviderKey = EcrKey | GoogleKey | AcrKey
_KINDS: Final[dict[Provider, type[EcrKey | GoogleKey | AcrKey]]] = {
    Provider.ECR: EcrKey,
    Provider.GOOGLE: GoogleKey,
    Provider.ACR: AcrKey,
}


def read_key(provider: str, key: str) -> ProviderKey:
    """Return the key that the JSON text `key` holds for `provider`. Raises `KeyInvalid`."""
    if provider not in _KINDS:
        raise KeyInvalid("", "A provider that is not known here.")
    try:
        document = json.loads(key)
    except (ValueError, RecursionError):
        raise KeyInvalid("", "Not JSON.") from None  # the parser's own words would quote the key
    if not isinstance(document, dict):
        raise KeyInvalid("", "Not a JSON object.")
    return _KINDS[Provider(provider)].of(document)


def write_key(key: ProviderKey) -> str:
    """Return `key` as JSON text, without what is empty."""
    return json.dumps({name: value for name, value in asdict(key).items() if value})


def is_ecr_host(host: str) -> bool:
    """Tell whether `host` (with or without a port) is a private registry of Amazon ECR."""
    return _ECR_HOST.fullmatch(host) is not None


def ecr_place(key: EcrKey, host: str) -> tuple[str, str]:
    """Return the region and the API's URL for the registry at `host`. Raises `KeyInvalid`.

    Source: Amazon ECR endpoints: `api.ecr.<region>.amazonaws.com`, `ecr-fips.<region>.amazonaws.com`, and `.cn`.
    """
    match = _ECR_HOST.fullmatch(host)
    region = key.region or (match[2] if match else "")
    if not region:
        raise KeyInvalid("region", "The registry's host names no AWS region: give it.")
    if key.endpoint:
        return region, key.endpoint
    domain = match[3] if match else _aws_domain(region)
    service = "ecr-fips" if match and match[1] else "api.ecr"
    return region, f"https://{service}.{region}.{domain}/"


def sts_place(key: EcrKey, region: str) -> str:
    """Return the URL where a role is assumed: the region's own, as STS recommends."""
    return key.sts_endpoint or f"https://sts.{region}.{_aws_domain(region)}/"


def _aws_domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _texts(document: dict[str, Any], names: tuple[str, ...], others: set[str]) -> dict[str, str]:
    """Return the fields `names` that are given, each a text; what is neither of them nor of `others` is refused."""
    if document.keys() - set(names) - others:
        raise KeyInvalid("", f"Its fields are {', '.join((*names, *sorted(others)))}, and no other.")
    given = {}
    for name in names:
        try:
            if value := text(document.get(name, "")):
                given[name] = value
        except TypeError:
            raise KeyInvalid(name, "Write a text.") from None
    return given


def _match(pattern: re.Pattern[str], field: str, value: str, message: str) -> None:
    if not pattern.fullmatch(value):
        raise KeyInvalid(field, message)


def _endpoint(field: str, url: str) -> None:
    try:
        is_https = origin_of(url).scheme == "https"
    except UrlRefused:
        is_https = False
    if not is_https:
        raise KeyInvalid(field, "Write an https URL.")
