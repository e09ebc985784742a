"""Applying what is declared: planned, checked, and done as a whole or not at all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Model, Q

from probes.actions import acting, declared_secrets, declared_settings, resource_batches, staleness
from probes.actions.declared_rows import Rows, rows_of
from probes.actions.declared_secrets import Secrets
from probes.actions.declared_settings import AFTER_RESOURCES, faults_of
from probes.actions.resource_batches import Draft
from probes.models import Resource, Source, Verdict
from probes.policy.declared import planning
from probes.policy.declared.kinds import SOURCE, Kind
from probes.policy.declared.planning import Change, Plan, Verb, Wishes
from probes.policy.declared.reading import MOST_FAULTS, Declared, Fault, Place, Reading
from probes.policy.declared.secrets import Refusing, Resolver
from probes.selectors import declared

_KEY: Final = "hashtextextended('kairos/apply', 0)"
_TRY: Final = f"SELECT pg_try_advisory_xact_lock({_KEY})"
_LOCK: Final = f"SELECT pg_advisory_xact_lock({_KEY})"
_WAIT_LONG: Final = "SET LOCAL lock_timeout = 0"
_WAIT_AS_USUAL: Final = "SET LOCAL lock_timeout TO DEFAULT"
_THINK_LONG: Final = "SET LOCAL idle_in_transaction_session_timeout = '15min'"
"""Ten thousand rows are looked at between two statements: who thinks for a minute is otherwise taken for dead."""

_NAMED_USERS: Final = 5
_NO_ORIGINS: Final = Refusing("Where secrets come from is not looked up here.")

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is, and how much there is."""


class ApplyRefused(Exception):
    """Nothing was done. `faults` say why, at most `MOST_FAULTS` of `count`."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults[:MOST_FAULTS])))
        self.faults = faults[:MOST_FAULTS]
        self.count = len(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done, or would be. `kept` are things that nobody lists and only what is retired needs.

    `foreseen` is what a dry run tells of it: the same, but for what it must not tell.
    """

    plan: Plan
    foreseen: Plan
    makes_source: str = ""
    kept: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not self.plan.changes and not self.makes_source


def apply(
    reading: Reading,
    wishes: Wishes,
    *,
    now: datetime,
    resolve: Resolver = _NO_ORIGINS,
    dry_run: bool = False,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> Applied:
    """Make what is stored as it is declared, in one transaction; return what was done.

    One at a time: another waits until it has ended. `waiting` is called before that, and may raise what it likes in
    place of waiting. What is as it should be is not written. `resolve` gives what `secretFrom` names: a command reads
    its own environment and files. For documents that came from elsewhere nothing may be read, so by default each such
    place is a fault; a `Refusing` of one's own says why in other words. Raises `ApplyRefused` with all that is wrong,
    and then nothing is stored; nor is it with `dry_run`.
    """
    faults = [*reading.faults, *_misasked(wishes)]
    if faults:
        raise ApplyRefused(faults)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_THINK_LONG)
        if not dry_run or wishes.prune:  # which may be rehearsed, with all its locks
            _one_at_a_time(waiting)
        secrets = declared_secrets.read(reading.things, resolve)
        stored = _stored(reading.things, wishes)
        plan = planning.plan(reading.things, stored, wishes, other_secrets=secrets.others)
        source, makes_source = _source(wishes, dry_run=dry_run)
        # What is in use is seen once all else is done: such a rehearsal is done, and taken back.
        rehearses = dry_run and bool(plan.of(Verb.DELETE)) and not plan.faults
        if rehearses and makes_source and source is not None:
            source.save()
        rows = rows_of(plan, source, secrets, now=now, lock=not dry_run or rehearses)
        if faults := [*plan.faults, *secrets.faults, *rows.faults]:
            raise ApplyRefused(faults)
        kept: tuple[str, ...] = ()
        if not dry_run or rehearses:
            plan = rows.settle(plan)
            plan, kept = _carry_out(plan, rows, secrets, now, progress)
        if rehearses:
            transaction.set_rollback(True)
    return Applied(
        plan=plan if dry_run else planning.settled(plan), foreseen=plan, makes_source=makes_source, kept=kept
    )


def _one_at_a_time(waiting: Callable[[], None] | None) -> None:
    """Hold the lock of whoever applies until the transaction ends. What the one before stored is seen thereafter."""
    with connection.cursor() as cursor:
        cursor.execute(_TRY)
        (is_held,) = cursor.fetchone()
        if not is_held:
            if waiting:
                waiting()
            cursor.execute(_WAIT_LONG)  # as long as that one takes, and not as long as one waits for a row
            cursor.execute(_LOCK)
            cursor.execute(_WAIT_AS_USUAL)


def _misasked(wishes: Wishes) -> Iterator[Fault]:
    source = wishes.source
    if not wishes.prune:
        return
    if source is None:
        yield Fault(
            place=Place("--prune", 0),
            message="There is no source: only what one manages is pruned. Name one (--source).",
        )
    elif not source.is_complete:
        message = "Its reading is not complete: of what is missing, nothing follows."
        yield Fault(place=source.place, thing=f"{SOURCE}/{source.name}", field="complete", message=message)


def _stored(things: list[Declared], wishes: Wishes) -> list[planning.Stored]:
    names: dict[Kind, list[str]] = {}
    for thing in things:
        names.setdefault(thing.kind, []).append(thing.name)
    return declared.stored(names, source=wishes.source.name if wishes.source else "")


def _source(wishes: Wishes, *, dry_run: bool) -> tuple[Source | None, str]:
    """Return the row of the source, and its name where it is made."""
    if wishes.source is None:
        return None, ""
    name = wishes.source.name
    row = Source.objects.filter(slug=name).first()
    if row is not None:
        return row, ""
    row = Source(slug=name, name=name)
    if not dry_run:
        row.save()
    return row, name


def _carry_out(
    plan: Plan, rows: Rows, secrets: Secrets, now: datetime, progress: Progress | None
) -> tuple[Plan, tuple[str, ...]]:
    _lock_verdicts(plan, rows)
    _save(((change, row) for change, row in rows.settings if change.kind not in AFTER_RESOURCES), secrets, now)
    if any(change.kind is Kind.SCHEDULE for change, _ in rows.settings):
        _follow(rows.changed)
    resource_batches.make(rows.new, now=now, progress=_part(progress, "made"))
    resource_batches.change(rows.changed, now=now, progress=_part(progress, "changed"))
    _save(((change, row) for change, row in rows.settings if change.kind in AFTER_RESOURCES), secrets, now)
    back = [change.stored.key for change in plan.of(Verb.RESTORE) if change.stored]
    staleness.restore(back, now=now)
    staleness.unmark(back)
    staleness.mark_stale([change.stored.key for change in plan.of(Verb.STALE) if change.stored], now=now)
    staleness.retire([change.stored.key for change in plan.of(Verb.RETIRE) if change.stored], now=now)
    return _without(plan, now)


def _lock_verdicts(plan: Plan, rows: Rows) -> None:
    """Lock the verdicts of all that is touched, once and in order, as everybody does: reports come in meanwhile."""
    resources = [draft.row.pk for draft in rows.changed if draft.is_judged_anew]
    resources += [change.stored.key for change in plan.of(Verb.RETIRE) if change.stored]
    groups = [row.pk for change, row in rows.settings if change.kind is Kind.GROUP and change.stored]
    policies = [row.pk for change, row in rows.settings if change.kind is Kind.POLICY and change.stored]
    if not resources and not groups and not policies:
        return
    concerned = Verdict.objects.filter(
        Q(resource__in=resources)
        | Q(resource__group__in=groups)
        | Q(resource__policy__in=policies)
        | Q(resource__group__policy__in=policies)
    )
    list(concerned.order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))


def _follow(drafts: list[Draft]) -> None:
    """Take over when these are due by now: a schedule that has changed has moved them."""
    moved = Resource.objects.filter(pk__in=[draft.row.pk for draft in drafts]).in_bulk()
    for draft in drafts:
        found = moved[draft.row.pk]
        draft.row.next_due_at, draft.row.turn = found.next_due_at, found.turn


def _part(progress: Progress | None, word: str) -> resource_batches.Progress | None:
    if progress is None:
        return None
    return lambda done, count: progress(word, done, count)


def _save(settings: Iterable[tuple[Change, Any]], secrets: Secrets, now: datetime) -> None:
    for change, row in settings:
        try:
            declared_settings.save(change, row, secrets.to_store(change.kind, change.name), now=now)
        except ValidationError as error:
            raise ApplyRefused(faults_of(change, error)) from None


def _without(plan: Plan, now: datetime) -> tuple[Plan, tuple[str, ...]]:
    """Delete what is to be deleted and not in use; return the plan with what was, and what was kept.

    What only retired resources need, or what is kept for them, is kept with their history. Raises `ApplyRefused` for
    what others use.
    """
    faults: list[Fault] = []
    kept: list[str] = []
    left_alone: set[str] = set()
    kept_rows: set[Model] = set()
    for change in plan.of(Verb.DELETE):
        assert change.stored is not None  # noqa: S101 - it is deleted
        row = _locked(change.kind, change.stored)
        thing = f"{change.kind}/{change.name}"
        if row is None:
            left_alone.add(thing)
            continue
        users = list(_users(row))
        active = [user for user in users if user not in kept_rows and not _is_retired(user)]
        if not users:
            declared_settings.delete(change.kind, row, now=now)
        elif not active:
            kept.append(thing)
            kept_rows.add(row)
        else:
            named = ", ".join(_told(user) for user in active[:_NAMED_USERS])
            more = f" and {len(active) - _NAMED_USERS} more" if len(active) > _NAMED_USERS else ""
            faults.append(
                Fault(
                    place=Place("--prune", 0), thing=thing, message=f"It is not declared, and used by {named}{more}."
                )
            )
    if faults:
        raise ApplyRefused(faults)
    left = tuple(
        change
        for change in plan.changes
        if change.verb is not Verb.DELETE or f"{change.kind}/{change.name}" not in {*kept, *left_alone}
    )
    return replace(plan, changes=left), tuple(kept)


def _locked(kind: Kind, stored: planning.Stored) -> Any:
    """Return the row to delete, once nobody can use it anew; None where it is gone by now, or somebody else's."""
    rows = declared.MODELS[kind]._default_manager.filter(pk=stored.key, managed_by__slug=stored.managed_by)  # noqa: SLF001 - Django's documented API
    return rows.select_for_update(of=("self",)).first()


def _is_retired(row: Model) -> bool:
    return isinstance(row, Resource) and row.is_retired


def _users(row: Model) -> Iterator[Model]:
    """Yield what names a row: what would go with it or lose it, but for the machinery's own rows."""
    settings = set(declared.MODELS.values())
    for relation in row._meta.related_objects:  # noqa: SLF001 - Django's documented API
        # A credential would go with its registry, and a rule with its channel: nobody could give it back.
        is_kept = getattr(relation.on_delete, "__name__", "") == "PROTECT"
        is_of_use = relation.many_to_many or is_kept or relation.related_model in settings
        if is_of_use and not relation.related_model._meta.auto_created:  # noqa: SLF001 - likewise
            yield from relation.related_model._default_manager.filter(**{relation.field.name: row})  # noqa: SLF001 - likewise


def _told(row: Any) -> str:
    return f"{row._meta.verbose_name} {getattr(row, 'slug', None) or row}"  # noqa: SLF001 - likewise


@contextmanager
def noted(source: str, note: str) -> Iterator[None]:
    """Let what is applied in here be told with where it came from, by the audit log."""
    words = " ".join(part for part in (source and f"source {source}", note) if part)
    with acting.by_way_of(words):
        yield
