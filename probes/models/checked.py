"""Whether a row keeps the table's CHECK constraints, asked before it is stored and all at once."""

from collections.abc import Collection
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models, router
from django.db.models import CheckConstraint, Q, Value
from django.db.models.functions import Coalesce

# A condition that comes to NULL is kept: so the database sees it.
_KEPT: Final = {"output_field": models.BooleanField()}


class Checked(models.Model):
    """A model that people fill in.

    Django has the database look at one constraint after the other, each within a savepoint of its own: of a resource,
    that was half of all statements that it took to store one.
    """

    class Meta:
        abstract = True

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Raise `ValidationError` as Django does, which is asked only where there is something to tell."""
        if not self._keeps_all(set(exclude or ())):
            super().validate_constraints(exclude)

    def _keeps_all(self, exclude: set[str]) -> bool:
        using = router.db_for_write(type(self), instance=self)
        checks = []
        for constraint in self._meta.constraints:
            if isinstance(constraint, CheckConstraint):
                checks.append(Q(constraint.condition))
                continue
            try:
                constraint.validate(type(self), self, exclude=exclude, using=using)
            except ValidationError:
                return False
        # As Django does: what would need a field that is left out is not looked at.
        all_kept = Q(
            *(Coalesce(check, True, **_KEPT) for check in checks if not check.referenced_base_fields & exclude)
        )
        # Asked the other way round, since whatever the database cannot answer counts as a yes.
        return not all_kept or not (~all_kept).check(self._given(exclude), using=using)

    def _given(self, exclude: set[str]) -> dict[str, Any]:
        """Return the values of the fields, as expressions."""
        values = ((field, getattr(self, field.attname)) for field in self._meta.concrete_fields)
        return {
            field.name: value if hasattr(value, "resolve_expression") else Value(value, field)
            for field, value in values
            if field.name not in exclude
        }
