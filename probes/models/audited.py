"""Which tables' changes are written down, and what of them: said next to each model, kept by the database (ADR 42).

A trigger on each audited table writes an `AuditEntry`. It is the table's own, so nothing goes past it: not
`QuerySet.update`, not `bulk_create`, not SQL by hand. It is told by `UPDATE OF` which columns to look at: what the
pipeline moves all the time does not even call it.

All that depends on a model is in its trigger, made from the model, so a new field makes `makemigrations --check`
fail; and one of which nobody said what becomes of it fails `manage.py check`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pgtrigger
from django.apps import apps
from django.db import models
from pgtrigger import compiler

_NAMED_BY: Final = ("slug", "host", "username", "codename", "name")
"""What a row is known by, the first that its table has; otherwise by its key."""

_PAIRS_AT_ONCE: Final = 50
"""A function of PostgreSQL takes a hundred arguments."""

ModelT = TypeVar("ModelT", bound=type[models.Model])


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What of a table is written down. Each field is in exactly one of these.

    - told: with its values;
    - addresses: likewise, without the login and the query of a URL, where tokens are;
    - masked: that it changed, and whether there is anything in it;
    - unwatched: not at all, since the machinery moves it, or it follows from others.

    `part_of` names the foreign key to the row whose change it is, with `part` before each field's name.
    `many` is the field of that row, where this is the table between two: an entry tells what was added or taken away.
    """

    told: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()
    part_of: str = ""
    part: str = ""
    many: str = ""

    @property
    def watched(self) -> tuple[str, ...]:
        return (*self.told, *self.addresses, *self.masked)


_audits: dict[type[models.Model], Audit] = {}


class AuditTriggerSql(compiler.UpsertTriggerSql):
    """A function and its trigger, as pgtrigger makes them, but for its setting that has a trigger ignored.

    Nobody is to switch these off by a setting; and to ask for it took longer than all the rest of a trigger.
    Migrations stand on this text: it is changed together with them only.
    """

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}()
            RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql;

            CREATE OR REPLACE TRIGGER {pgid}
                {when} {operation} ON {table}
                FOR EACH {level} {condition}
                EXECUTE FUNCTION {execute};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class FirmTrigger(pgtrigger.Trigger):
    """A trigger that no setting switches off."""

    def compile(self, model: Any) -> compiler.Trigger:
        return compiler.Trigger(
            name=self.name,
            sql=AuditTriggerSql(
                pgid=self.get_pgid(model),
                declare=self.render_declare(model),
                func=self.format_sql(str(self.render_func(model))),
                table=model._meta.db_table,  # noqa: SLF001 - Django's documented API
                when=self.when,
                operation=self.operation,
                level=self.level,
                condition=self.render_condition(model),
                execute=self.render_execute(model),
            ),
        )


def _update_of(columns: Sequence[str]) -> pgtrigger.Operation:
    operation: Any = pgtrigger.UpdateOf
    made: pgtrigger.Operation = operation(*columns)
    return made


class AuditTrigger(FirmTrigger):
    """Writes down what an `Audit` says of a table's rows."""

    when = pgtrigger.After

    def __init__(self, audit: Audit, columns: Sequence[str]) -> None:
        self.audit = audit
        super().__init__(name="audit", operation=pgtrigger.Insert | pgtrigger.Delete | _update_of(columns))

    def get_declare(self, model: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - pgtrigger's signature
        return [("was", "jsonb"), ("becomes", "jsonb")]

    def get_func(self, model: Any) -> str:
        audit = self.audit
        fields = [_field(model, name) for name in audit.watched]
        label = _owner(model, audit)._meta.label_lower  # noqa: SLF001 - Django's documented API
        operation = "'CHANGE'" if audit.part_of else "TG_OP"
        key, name = (f"COALESCE({say(model, audit, 'NEW')}, {say(model, audit, 'OLD')}, '')" for say in (_key, _name))
        return f"""
            IF TG_OP = 'UPDATE' AND {_row("OLD", fields)} IS NOT DISTINCT FROM {_row("NEW", fields)} THEN
                RETURN NULL;
            END IF;
            IF TG_OP <> 'INSERT' THEN was := {_document("OLD", fields, audit)}; END IF;
            IF TG_OP <> 'DELETE' THEN becomes := {_document("NEW", fields, audit)}; END IF;
            PERFORM probes_audit_note({operation}, '{label}', {key}, {name},
                '{audit.part}', was, becomes, {_array(audit.masked)}, {_array(audit.addresses)});
            RETURN NULL;
        """


def audited(
    *,
    told: Sequence[str] = (),
    addresses: Sequence[str] = (),
    masked: Sequence[str] = (),
    unwatched: Sequence[str] = (),
    part_of: str = "",
    part: str = "",
    many: Sequence[str] = (),
) -> Callable[[ModelT], ModelT]:
    """Have each change of a model's rows written down, as `Audit` says, and of its fields `many` to many."""
    audit = Audit(
        told=tuple(told),
        addresses=tuple(addresses),
        masked=tuple(masked),
        unwatched=tuple(unwatched),
        part_of=part_of,
        part=part,
    )

    def register(model: ModelT) -> ModelT:
        watch(model, audit)
        for name in many:
            watch_many(model, name)
        return model

    return register


def watch(model: type[models.Model], audit: Audit, *, by: type[models.Model] | None = None) -> None:
    """Put the trigger on the table of `model`; `by` is its proxy here, where the model is another app's."""
    _audits[model] = audit
    columns = [_field(model, name).column for name in audit.watched]
    trigger: Any = AuditTrigger(audit, columns)  # pgtrigger's hints say instances where it takes classes
    trigger.register(by or model)


def watch_many(model: type[models.Model], name: str) -> None:
    """Put a trigger on the table between `model` and what its field `name` leads to: a change of the former."""
    field: Any = _field(model, name)
    between: type[models.Model] = field.remote_field.through
    source, target = field.m2m_field_name(), field.m2m_reverse_field_name()
    # Migrations know no model that Django made by itself, but do know a proxy of one.
    watch(between, Audit(told=(target,), unwatched=(source,), part_of=source, many=name), by=proxy_of(between))


def proxy_of(model: type[models.Model]) -> type[models.Model]:
    """Return a proxy of a model that has no migrations here, for its trigger to be in ours. Nobody uses it."""
    meta = type("Meta", (), {"app_label": "probes", "proxy": True, "default_permissions": ()})
    name = f"Audited{model.__name__.replace('_', ' ').title().replace(' ', '')}"
    return type(name, (model,), {"__module__": __name__, "Meta": meta})


def audits() -> dict[type[models.Model], Audit]:
    """Return what is written down of which model; the tables between two included."""
    return dict(_audits)


def kinds() -> list[str]:
    """Return the labels of the models of which entries tell, such as `probes.resource`."""
    return sorted({_owner(model, audit)._meta.label_lower for model, audit in _audits.items()})  # noqa: SLF001 - Django's documented API


def unsaid() -> Iterator[str]:
    """Yield, in sentences, of which models and fields nobody has said whether their changes are written down."""
    from probes.models.unaudited import APPS, MODELS  # noqa: PLC0415 - that module names models of this package

    for model in apps.get_models(include_auto_created=True):
        options = model._meta  # noqa: SLF001 - Django's documented API
        if options.proxy or not options.managed or options.app_label in APPS or options.label in MODELS:
            continue
        audit = _audits.get(model)
        if audit is None:
            yield f"{options.label} has neither @audited nor a reason in probes.models.unaudited."
            continue
        said = [*audit.watched, *audit.unwatched]
        has = [field.name for field in options.concrete_fields]
        key = options.pk.name
        yield from (
            f"{options.label}.{name}: @audited says nothing of it." for name in has if name not in {*said, key}
        )
        yield from (
            f"{options.label}.{name}: @audited speaks of it, and it is not there." for name in said if name not in has
        )
        yield from (
            f"{options.label}.{name}: @audited says two things of it." for name in said if said.count(name) > 1
        )


def _owner(model: Any, audit: Audit) -> Any:
    """Return the model whose row's change it is."""
    return _field(model, audit.part_of).related_model if audit.part_of else model._meta.concrete_model  # noqa: SLF001 - Django's documented API


def _field(model: Any, name: str) -> Any:
    return model._meta.get_field(name)  # noqa: SLF001 - Django's documented API


def _key(model: Any, audit: Audit, row: str) -> str:
    column = _field(model, audit.part_of).column if audit.part_of else model._meta.pk.column  # noqa: SLF001 - Django's documented API
    return f'{row}."{column}"::text'


def _name(model: Any, audit: Audit, row: str) -> str:
    """Return what the object is known by."""
    if audit.part_of:
        return _name_of(_field(model, audit.part_of), row)
    return _called(model, row, _key(model, audit, row))


def _naming(model: Any) -> Any:
    has = {field.name: field for field in model._meta.concrete_fields}  # noqa: SLF001 - Django's documented API
    return next((has[name] for name in _NAMED_BY if name in has), None)


def _name_of(field: Any, row: str) -> str:
    """Return what the row that a foreign key leads to is known by, or its key where it is gone."""
    other, column = field.related_model, f'{row}."{field.column}"'
    table, key = other._meta.db_table, other._meta.pk.column  # noqa: SLF001 - Django's documented API
    found = f'SELECT {_called(other, "other", column)} FROM "{table}" AS other WHERE other."{key}" = {column}'  # noqa: S608 - names of ours
    return f"COALESCE(({found}), '#' || {column})"


def _called(model: Any, row: str, key: str) -> str:
    """Return what a row is known by: its name, with its key unless that name is one row's alone."""
    naming, number = _naming(model), f"'#' || {key}"
    if naming is None:
        return number
    name = f'{row}."{naming.column}"'
    return name if _is_one_rows(model, naming) else f"ltrim({name} || ' ' || {number})"


def _is_one_rows(model: Any, field: Any) -> bool:
    """Tell whether no two rows have the same value of a field."""
    constraints = model._meta.constraints  # noqa: SLF001 - Django's documented API
    return field.unique or any(
        isinstance(item, models.UniqueConstraint) and item.fields == (field.name,) and item.condition is None
        for item in constraints
    )


def _document(row: str, fields: Sequence[Any], audit: Audit) -> str:
    """Return the watched fields of a row as one JSON object."""
    pairs = [
        f"'{audit.many or field.name}', " + (_name_of(field, row) if field.is_relation else f'{row}."{field.column}"')
        for field in fields
    ]
    parts = (pairs[start : start + _PAIRS_AT_ONCE] for start in range(0, len(pairs), _PAIRS_AT_ONCE))
    return " || ".join(f"jsonb_build_object({', '.join(part)})" for part in parts)


def _row(row: str, fields: Sequence[Any]) -> str:
    return "ROW(" + ", ".join(f'{row}."{field.column}"' for field in fields) + ")"


def _array(names: Sequence[str]) -> str:
    return "'{" + ",".join(names) + "}'::text[]"
