"""Secrets of what is declared: taken from where they come, held against what is stored, and never told."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from probes.actions import logins, secrets
from probes.models import Channel, Credential, CredentialKind
from probes.policy.declared.kinds import SECRET_FROM, Kind
from probes.policy.declared.planning import Identity
from probes.policy.declared.reading import Declared, Fault
from probes.policy.declared.secrets import OF_CHANNEL, OF_CREDENTIAL, Resolver, resolved
from probes.protocol.plan import Secret

_KEEPERS: Final = {Kind.CREDENTIAL: Credential, Kind.CHANNEL: Channel}

Given = Mapping[str, str | bool]
"""The parts of a secret, by what the action that stores it calls them."""


@dataclass(slots=True)
class Secrets:
    """What is given, whose secret is another than the one that is stored, and what gives none.

    `wrong` are those of which a fault tells already.
    """

    given: dict[Identity, Given] = field(default_factory=dict, repr=False)
    others: set[Identity] = field(default_factory=set)
    wrong: set[Identity] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def to_store(self, kind: Kind, name: str) -> dict[str, Any]:
        """Return what is to be stored of a thing: nothing where that is there already, or nothing was given."""
        identity = (kind, name)
        return dict(self.given[identity]) if identity in self.others else {}


def read(things: Iterable[Declared], resolve: Resolver) -> Secrets:
    """Take the secrets of all that says where they come from. A query for each kind of which something does."""
    found = Secrets()
    saying = [thing for thing in things if thing.kind in _KEEPERS and thing.values[SECRET_FROM]]
    for thing in saying:
        given, wrong = resolved(thing.values[SECRET_FROM], _parts(thing), resolve)
        wrong += [(part, message) for part, message in _unfit(given, _parts(thing))]
        found.faults += [thing.fault(message, f"{SECRET_FROM}.{part}".rstrip(".")) for part, message in wrong]
        if wrong:
            found.wrong.add((thing.kind, thing.name))
        else:
            found.given[thing.kind, thing.name] = given
    for kind, model in _KEEPERS.items():
        named = {thing.name: thing for thing in saying if thing.kind is kind and (kind, thing.name) in found.given}
        rows = model._default_manager.in_bulk(list(named), field_name="slug") if named else {}  # noqa: SLF001 - Django's documented API
        found.others |= {
            (kind, name)
            for name, thing in named.items()
            if name not in rows or _is_other(thing, rows[name], found.given[kind, name])
        }
    return found


def _parts(thing: Declared) -> Any:
    return OF_CHANNEL if thing.kind is Kind.CHANNEL else OF_CREDENTIAL[str(thing.values["kind"])]


def _unfit(given: Given, parts: Any) -> Iterator[tuple[str, str]]:
    for part in parts:
        text = given.get(part.attribute)
        if text == "":
            yield part.name, "It is empty."
        elif isinstance(text, str) and len(text) > logins.LONGEST_SECRET:
            yield part.name, f"It has more than {logins.LONGEST_SECRET:,} characters."


def _is_other(thing: Declared, row: Any, given: Given) -> bool:
    try:
        if not row.has_secret:
            return True
        if isinstance(row, Channel):
            url, key = secrets.open_channel_secret(row)
            return (given.get("url", url), given.get("signing_key", key)) != (url, key)
        kind = CredentialKind(str(thing.values["kind"]))
        login = Secret.from_json({"username": row.username, **logins.read_login(kind, given)})
        return bool(row.kind != kind or secrets.open_secret(row) != login)
    except (secrets.SecretUnreadable, logins.FieldRefused):
        return True  # what cannot be read is stored again, and what is refused is told of then
