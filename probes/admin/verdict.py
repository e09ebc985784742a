from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.ledger import LedgerAdmin
from probes.models import Verdict
from probes.policy.verdict import Inputs, decide
from probes.selectors.resources import decision_of


@admin.register(Verdict)
class VerdictAdmin(LedgerAdmin):
    list_display = (
        "resource",
        "state_shown",
        "explanation",
        "votes",
        "since_age",
        "computed_age",
    )
    list_filter = ("state",)
    ordering = ("resource_id",)
    sortable_by = ()
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "resource",
                    "state_shown",
                    "since_stamp",
                    "computed_stamp",
                    "stale_stamp",
                )
            },
        ),
        ("How it came about", {"fields": ("explanation", "votes", "vote_table")}),
    )

    state_shown = display.state("state", "verdict")
    since_age = display.ago("since")
    computed_age = display.ago("computed_at", "computed")
    since_stamp = display.at("since")
    computed_stamp = display.at("computed_at", "computed")
    stale_stamp = display.at("stale_at", "lapses")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        return super().get_queryset(request).select_related("resource")

    def title(self, verdict: Verdict) -> str:
        return f"{verdict.resource}: {verdict.state}"

    @admin.display(description="votes")
    def votes(self, verdict: Verdict) -> str:
        decision = decision_of(verdict)
        if decision is None:
            return "not yet computed"
        left_out = ", ".join(f"{region} {cause}" for region, cause in decision.left_out.items())
        counted = f"{decision.failing} of {decision.counted} failing"
        return f"{counted}; left out: {left_out}" if left_out else counted

    @admin.display(description="each vote")
    def vote_table(self, verdict: Verdict) -> SafeString | str:
        return vote_table(verdict.inputs)


def vote_table(inputs: Mapping[str, Any]) -> SafeString | str:
    """Return what each region had to say, of the inputs that were stored of a verdict."""
    votes = list(_votes(Inputs.from_json(inputs))) if inputs else []
    return render_to_string("admin/probes/verdict/votes.html", {"votes": votes}) if votes else display.NOTHING


def _votes(inputs: Inputs) -> Iterator[dict[str, Any]]:
    decision = decide(inputs)
    for vote in inputs.votes:
        yield {
            "region": vote.region,
            "status": display.badge(vote.status.value) if vote.status else display.NOTHING,
            "reason": vote.reason or "",
            "slot": display.stamped(vote.slot),
            "stance": vote.stance.value,
            "since": display.stamped(vote.since),
            "left_out": decision.left_out.get(vote.region, ""),
            "is_witness": vote.region in decision.witnesses,
        }
