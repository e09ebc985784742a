"""Secrets, of which a document says where they come from and never what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from probes.policy.declared.fields import WRITTEN, Part, Value

PASSWORD: Final = "password"  # noqa: S105 - a kind of credential
OF_CREDENTIAL: Final[Mapping[str, tuple[Part, ...]]] = {
    PASSWORD: (Part(PASSWORD, PASSWORD),),
    "identity_token": (Part("identity_token", "identity_token"),),
    "bearer": (Part("bearer", "bearer"),),
    "ecr": (
        Part("access_key_id", "ecr_access_key_id"),
        Part("secret_access_key", "ecr_secret_access_key"),
        Part("session_token", "ecr_session_token"),
        Part("own_role", "ecr_own_role", is_plain=True, is_flag=True),
        Part("role_arn", "ecr_role_arn", is_plain=True),
        Part("aws_region", "ecr_region", is_plain=True),
        Part("api_endpoint", "ecr_endpoint", is_plain=True),
    ),
    "google": (Part("service_account_key", "google_key"),),
    "acr": (
        Part("tenant", "acr_tenant", is_plain=True),
        Part("client_id", "acr_client_id", is_plain=True),
        Part("client_secret", "acr_client_secret"),
        Part("authority", "acr_authority", is_plain=True),
    ),
}
"""The parts of a secret by the kind of its credential."""

OF_CHANNEL: Final = (Part("url", "url"), Part("signing_key", "signing_key"))
"""The parts of a channel's secret. The URL is all that most have."""

_FLAGS: Final = {"true": True, "false": False}


class Unresolved(Exception):
    """What a secret comes from gives none. The message names it, and repeats nothing of a secret."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one part of a secret comes from: `kind` is `ENV` or `FILE`, `where` a variable's name or a path."""

    kind: str
    where: str


class Resolver(Protocol):
    """Whoever applies says what an origin gives: a command reads its environment and files.

    Where documents come from somebody else's machine, such as over the API, nothing of this one may be read for
    them: hand over `Refusing` there.
    """

    def __call__(self, origin: Origin, /) -> str:
        """Return the text. Raises `Unresolved`."""


@dataclass(frozen=True, slots=True)
class Refusing:
    """A resolver that gives nothing; `why` is told at each place that names an origin."""

    why: str

    def __call__(self, _origin: Origin, /) -> str:
        raise Unresolved(self.why)


def resolved(
    value: Value, parts: tuple[Part, ...], resolve: Resolver
) -> tuple[dict[str, str | bool], list[tuple[str, str]]]:
    """Return the parts of a secret by their attributes; besides, what is wrong by the names of parts.

    `value` is that of a field of the shape `SECRET`, `parts` are all that one may have here.
    """
    given: Any = value
    known = {part.name: part for part in parts}
    found: dict[str, str | bool] = {}
    wrong: list[tuple[str, str]] = []
    for name, kind, where in given:
        part = known.get(name) if name else sole(parts)
        if part is None:
            wrong.append((name, f"Of this kind a secret has these parts: {', '.join(known)}."))
            continue
        try:
            text = where if kind == WRITTEN else resolve(Origin(kind, where))
        except Unresolved as error:
            wrong.append((name, str(error)))
            continue
        if part.is_flag and text not in _FLAGS:
            wrong.append((name, "Write true or false."))
            continue
        found[part.attribute] = _FLAGS[text] if part.is_flag else text
    return found, wrong


def sole(parts: tuple[Part, ...]) -> Part | None:
    """Return the part that is meant where none is named: the only one, or a channel's URL."""
    return parts[0] if parts and (len(parts) == 1 or parts == OF_CHANNEL) else None
