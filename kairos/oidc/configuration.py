"""What is set of the provider, read without importing anything of the extra."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kairos.environment import Environment, Network, is_loopback
from probes.policy.vouching import ClaimRule, read_rules

BACKEND: Final = "kairos.oidc.backend.ProviderBackend"

_NEEDED: Final = ("KAIROS_OIDC_ISSUER", "KAIROS_OIDC_CLIENT_ID", "KAIROS_OIDC_CLIENT_SECRET")
_INSTALL: Final = "pip install --require-hashes -r requirements-oidc.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A provider, and what we are to it."""

    issuer: str  # to the letter, as the provider says it of itself
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    rules: tuple[ClaimRule, ...]
    name: str  # on the button
    networks: tuple[Network, ...] = ()  # non-public ones that it may be reached in
    ca_file: str = ""  # PEM, trusted as well as the system's


def read_configuration(environment: Environment) -> Configuration | None:
    """Return the provider that is set, or None where none is; half of one is a mistake, and nobody logs in by it."""
    secret = environment.text("KAIROS_OIDC_CLIENT_SECRET")
    if not secret and (path := environment.text("KAIROS_OIDC_CLIENT_SECRET_FILE")):
        secret = environment.secret(Path(path))
    found = {**{name: environment.text(name) for name in _NEEDED}, _NEEDED[2]: secret}
    if not any(found.values()):
        return None
    if missing := [name for name, value in found.items() if not value]:
        environment.note(
            "kairos.E011",
            f"nobody can log in at the provider without {' and '.join(missing)}",
            "Set all three, the secret perhaps by KAIROS_OIDC_CLIENT_SECRET_FILE, or none.",
        )
        return None
    issuer = found[_NEEDED[0]]
    if (wrong := _what_is_wrong(issuer)) is not None:
        environment.note("kairos.E012", f"KAIROS_OIDC_ISSUER {wrong}", "For example: https://login.example.com/realm")
        return None
    if find_spec("mozilla_django_oidc") is None:
        environment.note("kairos.E013", "KAIROS_OIDC_ISSUER is set, and what it needs is not installed", _INSTALL)
        return None
    try:
        rules = read_rules(environment.text("KAIROS_OIDC_ROLES"))
    except ValueError as error:
        environment.note("kairos.E014", f"KAIROS_OIDC_ROLES: {error}", "For example: groups=sre:operator@payments")
        return None
    if not rules:
        hint = "For example: groups=platform:admin,groups=sre:operator@payments, or sub=*:viewer for everybody."
        environment.note("kairos.W003", "KAIROS_OIDC_ROLES is not set: the provider's word gives nobody a role", hint)
    scopes = environment.text("KAIROS_OIDC_SCOPES", "openid profile email").split()
    return Configuration(
        issuer=issuer,
        client_id=found[_NEEDED[1]],
        client_secret=secret,
        scopes=" ".join(dict.fromkeys(["openid", *scopes])),
        rules=rules,
        name=environment.text("KAIROS_OIDC_NAME", "single sign-on"),
        networks=environment.networks("KAIROS_OIDC_ALLOW_CIDRS"),
        ca_file=environment.text("KAIROS_OIDC_CA_FILE"),
    )


def _what_is_wrong(issuer: str) -> str | None:
    try:
        parts = urlsplit(issuer)
        _ = parts.port  # parsed on access
    except ValueError:
        return "is not a URL"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return "does not begin with https://"
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        return "is not a host and a path"
    return None
