"""A plan, told to people line by line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any, Final

from probes.policy.declared.kinds import KINDS, SECRET_FROM, SOURCE, Kind
from probes.policy.declared.planning import Change, Plan, Verb


class Tone(Enum):
    """What a line is about, for whoever colours it."""

    MADE = "made"
    CHANGED = "changed"
    GONE = "gone"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what is told."""

    text: str
    tone: Tone = Tone.PLAIN


_SIGNS: Final = {
    Verb.CREATE: ("+", Tone.MADE, ""),
    Verb.UPDATE: ("~", Tone.CHANGED, ""),
    Verb.RESTORE: ("~", Tone.CHANGED, "is listed again"),
    Verb.STALE: ("!", Tone.GONE, "is not listed any more: stale, and checked on"),
    Verb.RETIRE: ("-", Tone.GONE, "is not listed any more: retired, with its history"),
    Verb.DELETE: ("-", Tone.GONE, "is not listed any more: deleted"),
}
_ALSO_DELETED: Final = {
    Kind.CHANNEL: "with the notices that went there",
    Kind.STATUS_PAGE: "with what was announced on it",
}
_COUNTED: Final = {
    Verb.CREATE: "created",
    Verb.UPDATE: "changed",
    Verb.RESTORE: "restored",
    Verb.STALE: "stale",
    Verb.RETIRE: "retired",
    Verb.DELETE: "deleted",
}


def lines(plan: Plan, *, makes_source: str = "", kept: Sequence[str] = (), most: int | None = None) -> Iterator[Line]:
    """Yield what is to be done, each field with its value before and after: of the first `most` changes.

    `kept` are things that are not declared any more, and stay for what is retired.
    """
    if makes_source:
        yield Line(f"+ {SOURCE}/{makes_source}", Tone.MADE)
    for change in plan.changes[:most]:
        yield from _of(change)
    if most is not None and len(plan.changes) > most:
        yield Line(f"… and {len(plan.changes) - most:,} more")
    for thing in kept:
        yield Line(f"= {thing} is not listed any more, and kept for what is retired")


@dataclass(frozen=True, slots=True)
class Head:
    """What becomes of a thing: a sign, and words where the sign does not say it all."""

    sign: str
    tone: Tone
    words: str


def head(change: Change) -> Head:
    """Return what a change is, but for its fields."""
    sign, tone, words = _SIGNS[change.verb]
    said = [words] if words else []
    if change.verb is Verb.DELETE and change.kind in _ALSO_DELETED:
        said.append(_ALSO_DELETED[change.kind])
    if change.adopted_from is not None:
        said.append(f"is taken over from {change.adopted_from or 'those who change it by hand'}")
    return Head(sign, tone, ", ".join(said))


def fields(change: Change) -> Iterator[tuple[str, str, str]]:
    """Yield each field of a change with its value before and after, in one line."""
    for item in change.differences:
        field = KINDS[change.kind].by_path[item.path]
        yield item.path, field.shown(item.before), field.shown(item.after)


def _of(change: Change) -> Iterator[Line]:
    told = head(change)
    yield Line(f"{told.sign} {change.kind}/{change.name} {told.words}".rstrip(), told.tone)
    for path, before, after in fields(change):
        if KINDS[change.kind].by_path[path].is_secret:
            value = "secret is stored" if before == "nothing" else "secret changes"
        else:
            value = after if change.verb is Verb.CREATE else f"{before} → {after}"
        yield Line(f"    {path}: {value}", told.tone)
    if change.verb is Verb.UPDATE and _gives_same_secret(change):
        yield Line(f"    {SECRET_FROM}: secret unchanged")


def _gives_same_secret(change: Change) -> bool:
    is_given = change.declared is not None and bool(change.declared.values.get(SECRET_FROM))
    return is_given and all(item.path != SECRET_FROM for item in change.differences)


def summary(plan: Plan, *, makes_source: str = "", is_done: bool) -> str:
    """Return how many of what were or would be done."""
    counts = {verb: len(plan.of(verb)) for verb in Verb}
    parts = [f"{count:,} {_COUNTED[verb]}" for verb, count in counts.items() if count]
    parts += ["one source made"] if makes_source else []
    if not parts:
        return f"Nothing to do: {plan.unchanged:,} unchanged."
    return f"{'Done' if is_done else 'Would be'}: {', '.join(parts)}, {plan.unchanged:,} unchanged."


def fingerprint(plan: Plan, *, makes_source: str = "", kept: Sequence[str] = ()) -> str:
    """Return what stands for all that is told of a plan."""
    told = sha256()
    for line in lines(plan, makes_source=makes_source, kept=kept):
        told.update(f"{line.text}\n".encode())
    return told.hexdigest()


def to_json(
    plan: Plan, *, makes_source: str = "", kept: Sequence[str] = (), most: int | None = None
) -> dict[str, Any]:
    """Return a plan, or the first `most` changes of it, as programs read it.

    What is hidden of a change is hidden here as well.
    """
    return {
        "source_created": makes_source or None,
        "unchanged": plan.unchanged,
        "counts": {verb.value: len(plan.of(verb)) for verb in Verb},
        "kept": list(kept),
        "changes": [_to_json(change) for change in plan.changes[:most]],
        "changes_left_out": 0 if most is None else max(0, len(plan.changes) - most),
    }


def _to_json(change: Change) -> dict[str, Any]:
    return {
        "action": change.verb.value,
        "kind": change.kind.value,
        "name": change.name,
        "adopted_from": change.adopted_from,
        "differences": [{"field": path, "before": before, "after": after} for path, before, after in fields(change)],
    }
