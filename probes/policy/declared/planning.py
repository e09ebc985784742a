"""What has to be done for what is stored to be as it is declared: values in, changes out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from probes.policy.declared.fields import Field, Value
from probes.policy.declared.kinds import CHECKED, KINDS, SOURCE, Kind
from probes.policy.declared.reading import Declared, DeclaredSource, Fault

LARGEST_SMALL_PRUNE: Final = 10
"""So many may be pruned however few there are."""


NEVER_PRUNED: Final = frozenset({Kind.REGION})
"""A region is enrolled and retired by people; what is declared of it are a few settings."""

Identity = tuple[Kind, str]
"""A kind and a stable name."""


class Verb(StrEnum):
    """What becomes of a thing."""

    CREATE = "create"
    UPDATE = "update"
    RESTORE = "restore"  # it was stale or retired, and is listed again
    STALE = "stale"
    RETIRE = "retire"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field before and after. Of what is made, before is the default."""

    path: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One thing as it is. `managed_by` is a source's name, empty where it is changed by hand."""

    kind: Kind
    name: str
    key: int
    values: Mapping[str, Value]
    managed_by: str = ""
    is_stale: bool = False
    is_retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be done with one thing: `declared` is None of what is missing, `stored` of what is made."""

    verb: Verb
    kind: Kind
    name: str
    differences: tuple[Difference, ...] = ()
    adopted_from: str | None = None  # who managed it until now, where that changes; empty is by hand
    declared: Declared | None = None
    stored: Stored | None = None

    @property
    def wanted(self) -> Declared:
        """What a document says of it: for whoever handles only what is made or changed."""
        assert self.declared is not None  # noqa: S101 - only what is missing has none, and that is handled apart
        return self.declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What whoever applies wants done besides. `source` is None where nobody manages what is declared.

    `tells_hidden` is false where what is stored is never shown: it could be guessed at, as often as one likes, by
    what is told to be unchanged. A value that is declared there counts as another one, whatever is stored.
    """

    source: DeclaredSource | None = None
    prune: bool = False
    adopt: bool = False
    any_share: bool = False
    tells_hidden: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes in the order in which they are made, how many things are as they should be, and what is wrong."""

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    faults: tuple[Fault, ...] = ()

    def of(self, *verbs: Verb) -> list[Change]:
        return [change for change in self.changes if change.verb in verbs]


def plan(
    things: Iterable[Declared],
    stored: Iterable[Stored],
    wishes: Wishes,
    *,
    other_secrets: Collection[Identity] = (),
) -> Plan:
    """Return what is to be done.

    `stored` holds everything of the names that are declared, and all that the source manages. What the source
    manages and nobody declares is pruned where that is wanted, stale where the source is complete, and left alone
    otherwise. `other_secrets` are those whose secret is another than the one that is stored: that is not seen here.
    """
    known = {_identity(row.kind, row.name): row for row in stored}
    source = wishes.source.name if wishes.source else ""
    changes: list[Change] = []
    faults: list[Fault] = []
    unchanged, listed = 0, set()
    for thing in things:
        identity = _identity(thing.kind, thing.name)
        listed.add(identity)
        row = known.get(identity)
        fault, change = row and _of_another_kind(thing, row), None
        if not fault:
            has_other_secret = (thing.kind, thing.name) in other_secrets
            whole = _with_withheld(thing, row)
            change = _change(whole, row, source, wishes, has_other_secret=has_other_secret)
            fault = (row and change and _refusal(thing, row, source, wishes)) or _unknown(thing, row)
        if fault:
            faults.append(fault)
            continue
        faults += _fixed(change)
        unchanged += change is None
        changes += [change] if change else []
    managed = [row for row in known.values() if source and row.managed_by == source and row.kind not in NEVER_PRUNED]
    missing = [row for row in managed if _identity(row.kind, row.name) not in listed]
    gone = [change for row in missing if (change := _missing(row, wishes))]
    if (fault := _too_many(gone, len(managed), wishes)) is not None:
        faults.append(fault)
    order = {kind: number for number, kind in enumerate(Kind)}
    changes.sort(key=lambda change: (order[change.kind], change.name))
    gone.sort(key=lambda change: (-order[change.kind], change.name))
    return Plan(changes=(*changes, *gone), unchanged=unchanged, faults=tuple(faults))


def _identity(kind: Kind, name: str) -> tuple[str, str]:
    return (Kind.IMAGE if kind in CHECKED else kind, name)


def _of_another_kind(thing: Declared, row: Stored) -> Fault | None:
    if row.kind is thing.kind:
        return None
    return thing.fault(f"There is a {row.kind} of this name: an image does not become an endpoint, nor back.")


def _refusal(thing: Declared, row: Stored, source: str, wishes: Wishes) -> Fault | None:
    """Return why what is to be done with a thing may not be: somebody else manages it."""
    if row.managed_by == source or wishes.adopt or _is_untouched(row):
        return None
    owner = f"the source {row.managed_by} manages it" if row.managed_by else "it is managed by hand"
    return thing.fault(f"It is there, and {owner}. Adopt it (--adopt) to take it over.")


def _is_untouched(row: Stored) -> bool:
    """Tell whether nobody has said anything of it: a registry as an image makes it that is the first of its host."""
    return row.kind is Kind.REGISTRY and not row.managed_by and row.values == KINDS[row.kind].defaults


def _unknown(thing: Declared, row: Stored | None) -> Fault | None:
    """Return what is wrong with fields whose values were withheld: none is stored that may be kept.

    What is hidden goes with the address that it was given for, and to no other.
    """
    by_path = KINDS[thing.kind].by_path
    for path in sorted(thing.withheld):
        if row is None:
            return thing.fault("Its value was withheld where this was exported. Write it.", path)
        field = by_path[path]
        if field.is_address and field.shown_address(row.values[path]) != thing.values[path]:
            return thing.fault("It is not what it was where it was withheld. Write it in full.", path)
        moved = [item.path for item in by_path.values() if item.is_address and not _is_same(thing, row, item.path)]
        if field.is_hidden and moved:
            return thing.fault(f"It was withheld, and {moved[0]} is another. Write it.", path)
    return None


def settled(plan: Plan) -> Plan:
    """Return a plan that did not tell what is hidden without what turns out to be as it is stored."""
    changes = tuple(found for change in plan.changes if (found := _settled(change)))
    return replace(plan, changes=changes, unchanged=plan.unchanged + len(plan.changes) - len(changes))


def _settled(change: Change) -> Change | None:
    by_path = KINDS[change.kind].by_path
    left = tuple(item for item in change.differences if item.before != item.after or by_path[item.path].is_secret)
    if change.verb is Verb.UPDATE and not left and change.differences and change.adopted_from is None:
        return None
    return replace(change, differences=left)


def _would_tell(thing: Declared, row: Stored, field: Field, value: Value) -> bool:
    """Tell whether, by comparing, it would be told what a hidden value is."""
    known = row.values[field.path]
    is_hidden_part = value != field.shown_address(value) == field.shown_address(known)
    return field.path not in thing.withheld and bool(known and value) and (field.is_hidden or is_hidden_part)


def _is_same(thing: Declared, row: Stored, path: str) -> bool:
    return path in thing.withheld or thing.values[path] == row.values[path]


def _with_withheld(thing: Declared, row: Stored | None) -> Declared:
    if row is None or not thing.withheld:
        return thing
    return replace(thing, values={**thing.values, **{path: row.values[path] for path in thing.withheld}})


def _fixed(change: Change | None) -> list[Fault]:
    """Return what changes and must not."""
    if change is None or change.stored is None or change.declared is None:
        return []
    fields = ((KINDS[change.kind].by_path[item.path], change.declared) for item in change.differences)
    return [thing.fault(field.fixed, field.path) for field, thing in fields if field.fixed]


def _is_other(field: Field, row: Stored, value: Value, *, has_other_secret: bool) -> bool:
    """Tell whether what is kept where it is left out is to change."""
    if field.is_secret:
        return has_other_secret
    return value not in (field.default, row.values[field.path])


def _change(
    thing: Declared, row: Stored | None, source: str, wishes: Wishes, *, has_other_secret: bool
) -> Change | None:
    if row is None:
        defaults = KINDS[thing.kind].defaults
        made = tuple(
            Difference(path, defaults[path], value) for path, value in thing.values.items() if value != defaults[path]
        )
        return Change(verb=Verb.CREATE, kind=thing.kind, name=thing.name, differences=made, declared=thing)
    kept, by_path = KINDS[thing.kind].kept, KINDS[thing.kind].by_path
    differences = tuple(
        Difference(path, row.values[path], value)
        for path, value in thing.values.items()
        if (
            row.values[path] != value or (not wishes.tells_hidden and _would_tell(thing, row, by_path[path], value))
            if path not in kept
            else _is_other(kept[path], row, value, has_other_secret=has_other_secret)
        )
    )
    was_missing = row.is_stale or row.is_retired
    adopted = row.managed_by if row.managed_by != source else None
    is_taken_over = adopted is not None and (bool(source) or wishes.adopt)
    if not differences and not was_missing and not is_taken_over:
        return None
    return Change(
        verb=Verb.RESTORE if was_missing else Verb.UPDATE,
        kind=thing.kind,
        name=thing.name,
        differences=differences,
        adopted_from=adopted,
        declared=thing,
        stored=row,
    )


def _missing(row: Stored, wishes: Wishes) -> Change | None:
    if row.is_retired:
        return None
    if wishes.prune:
        verb = Verb.RETIRE if row.kind in CHECKED else Verb.DELETE
    elif wishes.source and wishes.source.is_complete and row.kind in CHECKED and not row.is_stale:
        verb = Verb.STALE
    else:
        return None
    return Change(verb=verb, kind=row.kind, name=row.name, stored=row)


def _too_many(gone: list[Change], managed: int, wishes: Wishes) -> Fault | None:
    count = sum(change.verb is not Verb.STALE for change in gone)
    if wishes.any_share or count <= LARGEST_SMALL_PRUNE or count * 2 <= managed or wishes.source is None:
        return None
    return Fault(
        place=wishes.source.place,
        thing=f"{SOURCE}/{wishes.source.name}",
        message=f"{count} of {managed} would be pruned, more than half. Say yes (--yes) to that.",
    )
