"""Who somebody is and what he may do, by what an OpenID provider says of him: rules over its claims.

A provider's claims are its own words for groups and roles. A rule says which of ours one of them stands for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from probes.policy.access import Role

ANYTHING: Final = "*"
TEAM: Final = "provider:"
"""So begin the names of the groups of users that a provider's word puts somebody into, and nobody else's does."""

LONGEST_NAME: Final = 150
_LONGEST_SUBJECT: Final = 255
_LONGEST_TEAM: Final = 150
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_ODD_IN_NAMES: Final = re.compile(r"[^\w.@+-]+")


class VouchingRefused(ValueError):
    """Claims by which nobody can be known; the message is one line and repeats nothing of them."""


@dataclass(frozen=True, slots=True, order=True)
class Granted:
    """A role over one group of resources, by its slug; over everything where that is empty."""

    role: Role
    group: str = ""

    @property
    def team(self) -> str:
        """The name of the group of users that has this role."""
        return f"{TEAM}{self.role.value}{'@' if self.group else ''}{self.group}"


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """Whoever has this value among those of this claim is granted this."""

    claim: str
    value: str
    granted: Granted

    def holds(self, claims: Mapping[str, Any]) -> bool:
        values = _values(claims, self.claim)
        return bool(values) if self.value == ANYTHING else self.value in values


@dataclass(frozen=True, slots=True)
class Vouched:
    """A person as a provider vouches for him. (issuer, subject) is who he is; all else may change or be made up."""

    issuer: str
    subject: str
    name: str
    email: str
    first_name: str
    last_name: str
    granted: frozenset[Granted]


def read_rules(text: str) -> tuple[ClaimRule, ...]:
    """Read `CLAIM=VALUE:ROLE[@GROUP]`, separated by commas. Raises ValueError with a sentence for the operator.

    VALUE may hold colons and `=`, and is `*` for any. CLAIM is a name, or a way into objects: `realm_access.roles`.
    """
    return tuple(_rule(item) for part in text.split(",") if (item := part.strip()))


def _rule(item: str) -> ClaimRule:
    claim, equals, rest = item.partition("=")
    value, colon, said = rest.rpartition(":")
    role, at, group = said.partition("@")
    if not (equals and colon and claim.strip() and value.strip()):
        raise ValueError(f"{item!r} is not CLAIM=VALUE:ROLE or CLAIM=VALUE:ROLE@GROUP")
    if role.strip() not in set(Role):
        raise ValueError(f"{role.strip()!r} is none of {', '.join(Role)}")
    if at and not _SLUG.fullmatch(group.strip()):
        raise ValueError(f"{group.strip()!r} is not the slug of a group of resources")
    granted = Granted(Role(role.strip()), group.strip())
    if len(granted.team) > _LONGEST_TEAM:
        raise ValueError(f"{item!r} names too long a group")
    return ClaimRule(claim.strip(), value.strip(), granted)


def vouch(issuer: str, claims: Mapping[str, Any], rules: Iterable[ClaimRule]) -> Vouched:
    """Return who these claims are about, and what he is granted. Raises `VouchingRefused`.

    Only `sub` says who somebody is: within one issuer it is never given to another. Names and addresses are shown.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise VouchingRefused("the provider does not say who this is")
    return Vouched(
        issuer=issuer,
        subject=subject,
        name=_name(claims) or "person",
        email=_text(claims, "email", 254),
        first_name=_text(claims, "given_name", 150),
        last_name=_text(claims, "family_name", 150),
        granted=frozenset(rule.granted for rule in rules if rule.holds(claims)),
    )


def _name(claims: Mapping[str, Any]) -> str:
    """Return a user name that Django takes, of what the provider calls somebody."""
    for claim in ("preferred_username", "email", "sub"):
        if name := _ODD_IN_NAMES.sub("-", _text(claims, claim, LONGEST_NAME)).strip("-"):
            return name
    return ""


def _text(claims: Mapping[str, Any], claim: str, longest: int) -> str:
    """Return a claim that is shown: what can be printed, and no more than fits."""
    value = claims.get(claim)
    return "".join(filter(str.isprintable, value))[:longest].strip() if isinstance(value, str) else ""


def _values(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the values of a claim that are texts: one, or those of a list. A name with dots may be a way."""
    found: Any = claims
    if claim in claims:
        found = claims[claim]
    else:
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return frozenset(value for value in listed if isinstance(value, str) and value)
