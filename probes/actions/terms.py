"""Changing the terms on which verdicts are made, of a policy, a group or all; a resource's own are saved with it.

Verdicts that are concerned are computed anew by the next reap. Stances follow with the next outcomes.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from probes.models import GlobalTerms, Policy, ResourceGroup, Verdict


def save(terms: GlobalTerms | ResourceGroup | Policy, *, now: datetime) -> None:
    """Validate and store. Raises `ValidationError` by field, and then nothing is stored."""
    with transaction.atomic():
        terms.full_clean()
        terms.save()
        concerned = Verdict.objects.all()
        if isinstance(terms, ResourceGroup):
            concerned = concerned.filter(resource__group=terms)
        elif isinstance(terms, Policy):
            concerned = concerned.filter(Q(resource__policy=terms) | Q(resource__group__policy=terms))
        locked = concerned.order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True)
        Verdict.objects.filter(pk__in=list(locked)).update(stale_at=now)
