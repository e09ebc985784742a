"""Rows that people and programs name: by a stable name, which no other row of their table has."""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self

from django.contrib.postgres.functions import RandomUUID
from django.core.validators import RegexValidator
from django.db import connections, models, router, transaction
from django.db.models import Q
from django.db.models.functions import Cast

from probes.models.checked import Checked
from probes.policy import names

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"


def _chance() -> str:
    return uuid.uuid4().hex[:12]


class StableNameField(models.CharField):  # type: ignore[type-arg]  # not subscriptable at run time
    """The column. What is stored in bulk without a name gets one that nobody else has, as it is not looked for."""

    def pre_save(self, instance: models.Model, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        if not self.value_from_object(instance) and isinstance(instance, Named):
            setattr(instance, self.attname, names.suffixed(instance.proposed_slug, _chance()))
        return super().pre_save(instance, add)

    def deconstruct(self) -> Any:
        """Be an ordinary column to migrations."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.CharField", arguments, options


class Named(Checked):
    """A row with a stable name (ADR 35).

    It may be given. A row that comes without one gets it when it is stored, of `named_after`, with a number where
    that is taken; it does not change with what it was made of, and a row never loses it.
    """

    slug = StableNameField(
        "stable name",
        max_length=names.LONGEST,
        blank=True,
        default="",
        # For what is stored past Django, or by a process of the version before.
        db_default=Cast(RandomUUID(), models.CharField()),
        # Compared by bytes: it is for programs, and its index is smaller and faster for it.
        db_collation="C",
        validators=[
            RegexValidator(
                names.PATTERN,
                "Small letters and digits, with dots, dashes and underscores between them.",
                code="slug",
            )
        ],
        error_messages={"unique": "This stable name is taken."},
        help_text="By what programs and files know it. Made once where it is left empty, and kept.",
    )

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slug"], name="%(class)s_slug_is_unique"),
            models.CheckConstraint(condition=Q(slug__regex=names.PATTERN), name="%(class)s_slug_is_stable"),
        ]

    @property
    def named_after(self) -> str:
        """The text that a stable name is made of; empty names it after its kind."""
        raise NotImplementedError  # models have a metaclass of their own, and no abstract methods

    @property
    def proposed_slug(self) -> str:
        kind = str(self._meta.verbose_name)
        return names.stable_name(self.named_after, otherwise=names.stable_name(kind, otherwise="row"))

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Leave out a name that is still to be made: it will be free."""
        super().validate_constraints({*(exclude or ()), *(() if self.slug else ("slug",))})

    def save(self, *args: Any, **options: Any) -> None:
        if self.__dict__.get("slug", "deferred"):
            super().save(*args, **options)
            return
        using = options.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            self.slug = self._kept_slug(using) or self._free_slug(using)
            super().save(*args, **options)

    def _kept_slug(self, using: str) -> str | None:
        """Return the name of a row that has one: emptied in a form, say."""
        if self._state.adding:
            return None
        rows = type(self)._base_manager.using(using).filter(pk=self.pk)  # noqa: SLF001 - Django's documented API
        return rows.values_list("slug", flat=True).first()

    def _free_slug(self, using: str) -> str:
        """Return a name that nobody has, nor will have before this transaction has ended."""
        proposed = self.proposed_slug
        with connections[using].cursor() as cursor:
            cursor.execute(_LOCK, [f"{self._meta.db_table}/{proposed}"])
        rows = type(self)._base_manager.using(using)  # noqa: SLF001 - likewise
        near = rows.filter(slug__in=names.candidates(proposed)).values_list("slug", flat=True)
        return names.first_free(proposed, set(near), chance=_chance())

    @classmethod
    def name_together(cls, rows: Sequence[Self]) -> list[Self]:
        """Give those of many new rows that have no stable name a free one each, as they would get one by one.

        Return those whose name is nobody's: left out is what was given a name that a stored row or one before it has.
        Call it in a transaction. Three queries.
        """
        proposed = {id(row): row.proposed_slug for row in rows if not row.slug}
        if proposed:
            # In their order, as whoever else names many: else the two could wait for each other.
            keys = sorted({f"{cls._meta.db_table}/{name}" for name in proposed.values()})
            with connections[router.db_for_write(cls)].cursor() as cursor:
                cursor.execute(_LOCK_ALL, [keys])
        given = [row.slug for row in rows if row.slug]
        taken = cls._taken({*given, *proposed.values()})
        wanted = Counter([*given, *proposed.values()])
        crowded = {name for name in proposed.values() if name in taken or wanted[name] > 1}
        taken |= cls._taken({near for name in crowded for near in names.candidates(name)}) if crowded else set()
        free = []
        for row in rows:
            if not row.slug:
                row.slug = names.first_free(proposed[id(row)], taken, chance=_chance())
            elif row.slug in taken:
                continue
            taken.add(row.slug)
            free.append(row)
        return free

    @classmethod
    def _taken(cls, slugs: Collection[str]) -> set[str]:
        rows = cls._base_manager.using(router.db_for_write(cls)).filter(slug__in=slugs)
        return set(rows.values_list("slug", flat=True))
