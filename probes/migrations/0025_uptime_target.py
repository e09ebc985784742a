"""How much uptime is promised, on the terms of all, of a group or of a resource (ADR 27)."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models

LEAST, HIGHEST = Decimal("0.0001"), Decimal("99.9999")
MODELS = ("globalterms", "resource", "resourcegroup")


def target():
    return models.DecimalField(
        blank=True,
        decimal_places=4,
        help_text="Such as 99.9: what it leaves is the error budget. With none there is no budget.",
        max_digits=6,
        null=True,
        validators=[MinValueValidator(LEAST), MaxValueValidator(HIGHEST)],
    )


def in_range(name):
    return models.CheckConstraint(
        condition=models.Q(uptime_target_percent=None) | models.Q(uptime_target_percent__range=(LEAST, HIGHEST)),
        name=f"{name}_target_in_range",
    )


class Migration(migrations.Migration):
    dependencies = [("probes", "0024_notices")]

    operations = [
        *(migrations.AddField(name, "uptime_target_percent", target()) for name in MODELS),
        *(migrations.AddConstraint(name, in_range(name)) for name in MODELS),
    ]
