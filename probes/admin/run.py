from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.ledger import LedgerAdmin, PagedChangeList
from probes.admin.trial import results
from probes.models import Run
from probes.selectors.runs import Tally, in_full, tallies

_NOTHING_YET = Tally()


class _RunList(PagedChangeList):
    """A page of runs with what their checks come to, by one query for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = tallies(self.result_list, now=timezone.now())
        for run in self.result_list:
            run.tally = found[run.pk]


@admin.register(Run)
class RunAdmin(LedgerAdmin):
    """What was ordered over the API, and what became of it."""

    list_display = ("asked_age", "kind", "about", "asked_by", "where", "stands", "comes_to")
    list_filter = ("kind",)
    ordering = ("-asked_at", "-pk")
    sortable_by = ()
    empty_hint = "Checks that somebody orders, here or over the API, are shown here for a week."
    _described = (
        ("kind", "uuid"),
        ("asked_by", "asked_stamp"),
        ("finished_stamp", "ends_stamp"),
        "about",
        ("depth", "platforms", "credential"),
    )

    fieldsets = (
        (None, {"fields": _described}),
        ("Its checks", {"fields": ("checks_shown",), "classes": ("kairos-whole-width",)}),
    )

    asked_age = display.ago("asked_at", "asked")
    asked_stamp = display.at("asked_at", "asked")
    finished_stamp = display.at("finished_at", "over since")
    ends_stamp = display.at("ends_at", "over at the latest")

    def get_changelist(self, request: HttpRequest, **_: object) -> type[ChangeList]:  # noqa: ARG002 - as the base
        return _RunList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).select_related("asked_by")

    def title(self, run: Run) -> str:
        return f"{run.kind} of {self.about(run)}"

    @admin.display(description="of")
    def about(self, run: Run) -> str:
        return run.reference or "resources"

    @admin.display(description="from")
    def where(self, run: Run) -> str:
        return ", ".join(run.regions)

    @admin.display(description="checks")
    def stands(self, run: Run) -> str:
        counts = getattr(run, "tally", _NOTHING_YET).counts
        return ", ".join(f"{number} {state}" for state, number in counts.items() if number)

    @admin.display(description="verdict")
    def comes_to(self, run: Run) -> SafeString:
        return display.badge(getattr(run, "tally", _NOTHING_YET).verdict)

    @admin.display(description="checks")
    def checks_shown(self, run: Run) -> SafeString:
        is_over = run.is_over(timezone.now())
        (row,) = in_full(Run.objects.filter(pk=run.pk), with_resources=True)
        found = results(row.checks.all(), is_over=is_over, of=lambda check: str(check.resource or run.reference))
        return render_to_string("admin/probes/run/results.html", {"results": found, "with_of": not run.is_probe})
