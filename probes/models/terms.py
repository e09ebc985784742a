"""On which terms verdicts are made: fields that a resource, its group and the operator of all may fill."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from probes.models.audited import audited
from probes.models.checked import Checked
from probes.policy.terms import NOTHING_SAID, Layer, Quorum, Severity

MOST: int = 100
"""Of votes, and of outcomes in a row."""

LONGEST_DELAY_SECONDS: int = 7 * 86_400
_NUMBERS = ("quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals")

LEAST_TARGET_PERCENT = Decimal("0.0001")
HIGHEST_TARGET_PERCENT = 100 - LEAST_TARGET_PERCENT
"""A target of all leaves no budget, and one of nothing promises nothing."""

TERM_FIELDS = (*_NUMBERS, "severity", "degraded_after_seconds", "uptime_target_percent")


def _number(help_text: str) -> Any:
    return models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST)], help_text=help_text
    )


class TermFields(Checked):
    """What is said differently here; an empty field is inherited (`policy.terms`)."""

    quorum_votes = _number("So many regions that fail are an outage.")
    quorum_percent = _number("Or such a share of those with a vote.")
    minimum_votes = _number("With fewer fresh votes the verdict is unknown, unless no more regions check it.")
    failures = _number("So many failures in a row turn a region bad.")
    recoveries = _number("So many good checks in a row turn it good again.")
    fresh_intervals = _number("A vote is fresh for so many intervals.")
    severity = models.CharField(
        max_length=8, blank=True, default="", db_default="", choices=[(item.value, item.value) for item in Severity]
    )
    degraded_after_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_DELAY_SECONDS)],
        help_text="A failure of too few regions for an outage is an incident after so many seconds.",
    )

    uptime_target_percent = models.DecimalField(
        max_digits=6,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_TARGET_PERCENT), MaxValueValidator(HIGHEST_TARGET_PERCENT)],
        help_text="Such as 99.9: what it leaves is the error budget. With none there is no budget.",
    )

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(quorum_votes=None) | Q(quorum_percent=None), name="%(class)s_quorum_is_one"
            ),
            models.CheckConstraint(
                # Said of each that it is there: a check that comes out null would hold.
                condition=Q(
                    *(Q(**{name: None}) | Q(**{f"{name}__range": (1, MOST)}) for name in _NUMBERS),
                    Q(degraded_after_seconds=None) | Q(degraded_after_seconds__lte=LONGEST_DELAY_SECONDS),
                    Q(severity__in=["", *(item.value for item in Severity)]),
                ),
                name="%(class)s_terms_in_range",
            ),
            models.CheckConstraint(
                condition=Q(uptime_target_percent=None)
                | Q(uptime_target_percent__range=(LEAST_TARGET_PERCENT, HIGHEST_TARGET_PERCENT)),
                name="%(class)s_target_in_range",
            ),
        ]

    @property
    def layer(self) -> Layer:
        if not any(map(self.__dict__.get, TERM_FIELDS)) and self.degraded_after_seconds is None:
            return NOTHING_SAID  # as most do, and each report asks of all
        quorum = None
        if self.quorum_votes or self.quorum_percent:
            quorum = Quorum(votes=self.quorum_votes, percent=self.quorum_percent)
        delay = self.degraded_after_seconds
        return Layer(
            quorum=quorum,
            minimum_votes=self.minimum_votes,
            failures=self.failures,
            recoveries=self.recoveries,
            fresh_intervals=self.fresh_intervals,
            severity=Severity(self.severity) if self.severity else None,
            degraded_after=None if delay is None else timedelta(seconds=delay),
            uptime_target_percent=self.uptime_target_percent,
        )

    def clean(self) -> None:
        """Check what no single field can. Raises `ValidationError` by field."""
        super().clean()
        if self.quorum_votes and self.quorum_percent:
            raise ValidationError({"quorum_percent": "A number of regions or a share of them, not both."})


@audited(
    told=(*TERM_FIELDS,),
)
class GlobalTerms(TermFields):
    """The terms of all resources: one row, made by a migration. What it leaves open is as Kairos has it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)

    class Meta(TermFields.Meta):
        verbose_name = verbose_name_plural = "terms of all"
        constraints: ClassVar = [
            *TermFields.Meta.constraints,
            models.CheckConstraint(condition=Q(id=1), name="global_terms_are_one"),
        ]

    def __str__(self) -> str:
        return "Terms of all"
