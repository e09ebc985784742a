"""Testing one resource now, from its page: an order from chosen regions, and its results in place as they come.

Of a resource that is stored, what is stored is checked. Of one that is being added, what is typed: a probe, of which
nothing is stored but its run.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from kombu.exceptions import OperationalError

from probes.actions import probing, runs
from probes.admin import display
from probes.admin.base import log_change
from probes.admin.orders import OrderingAdmin
from probes.models import Credential, Region, Resource, ResourceKind, Run, RunCheck
from probes.policy.runs import Answer, CheckState, RefusalReason, poll_after_seconds, verdict
from probes.protocol.taxonomy import Depth, Reason
from probes.selectors.runs import in_full, state_at
from probes.selectors.subscriptions import regions_of
from probes.tasks import publish_on_commit
from probes.trust.keys import KeyFileError

PART_HEADER: Final = "X-Kairos-Part"
"""Sent by the page's script, which puts what is answered in place. Without it the answer is a page."""

_DIGEST_SHOWN: Final = 14
_LONGEST_KEY: Final = 18  # digits, of what a bigint holds
_REFUSALS: Final = {
    RefusalReason.NOT_ITS_REGION: "not sent: it is not checked from there",
    RefusalReason.OUTDATED: "not sent: the region's worker is too old",
    RefusalReason.QUOTA: "not sent: the registry's quota is used up",
    RefusalReason.RETIRED: "not sent: the region was just retired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one check: in one badge, with why and how far it went. `of` is what was checked."""

    of: str
    region: str
    badge: SafeString
    reason: SafeString | str
    hint: str
    took: str
    depth: str
    digest: str
    whole_digest: str


class TrialAdmin(OrderingAdmin):
    """The addresses behind "Test it now"."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("test/", view(self.test_typed_view), name="probes_resource_test_typed"),
            path("test/<uuid:run>/", view(self.test_result_view), name="probes_resource_test_result"),
            path("<int:resource_id>/test/", view(self.test_view), name="probes_resource_test"),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, resource_id: int) -> HttpResponseBase:
        """Order a check of a stored resource, and answer how far it is."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_order_permission(request):
            raise PermissionDenied
        resource = Resource.objects.filter(pk=resource_id).first()
        if resource is None:
            raise Http404

        def order() -> runs.Ordered:
            if resource.is_retired:  # since the page was shown
                raise ValidationError("It is retired, and checked no more.")
            if not (regions := request.POST.getlist("regions")):
                raise ValidationError("Choose a region.")
            log_change(request, Resource.objects.filter(pk=resource_id), "Asked for a check.")
            return runs.check([resource_id], regions, depth=_depth(request), by=request.user, now=timezone.now())

        return self._answered(request, order, back=reverse("admin:probes_resource_change", args=[resource_id]))

    def test_typed_view(self, request: HttpRequest) -> HttpResponseBase:
        """Order a probe of what is typed into the form of a new resource, and answer how far it is."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._answered(
            request,
            lambda: probing.probe(_typed(request), by=request.user, now=timezone.now()),
            back=reverse("admin:probes_resource_add"),
        )

    def test_result_view(self, request: HttpRequest, run: UUID) -> HttpResponse:
        """Answer how far a test is, to who ordered it and to who may look at all runs."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        found = Run.objects.filter(uuid=run).first()
        if found is None or (found.asked_by_id != request.user.pk and not request.user.has_perm("probes.view_run")):
            raise Http404
        return HttpResponse(progress(request, found))

    def _answered(
        self, request: HttpRequest, order: Callable[[], runs.Ordered], *, back: str
    ) -> HttpResponse | HttpResponseRedirect:
        status, refused = 200, ""
        try:
            with transaction.atomic():
                ordered = order()
                publish_on_commit(ordered.messages)
        except ValidationError as error:
            status, refused = 400, " ".join(error.messages)
        except probing.Crowded as error:
            status, refused = 429, str(error)
        except OperationalError:
            status, refused = 503, "The broker does not answer. Try again."
        except KeyFileError as error:
            status, refused = 503, str(error)
        if PART_HEADER in request.headers:
            told = refused_told(request, refused) if refused else progress(request, ordered.run)
            return HttpResponse(told, status=status)
        if refused:
            self.message_user(request, f"Nothing was tested. {refused}", "error")
            return HttpResponseRedirect(back)
        return HttpResponseRedirect(reverse("admin:probes_run_change", args=[ordered.run.pk]))


def offered(resource: Resource) -> list[Region]:
    """Return the regions from which a resource can be tested. Two queries."""
    return [region for region in regions_of([resource.pk])[resource.pk] if region.is_active]


def progress(request: HttpRequest, run: Run) -> SafeString:
    """Return how far a run is, with what each region has answered."""
    now = timezone.now()
    (row,) = in_full(Run.objects.filter(pk=run.pk))
    checks = list(row.checks.all())
    is_over = row.is_over(now)
    states = [state_at(CheckState(check.state), is_over=is_over) for check in checks]
    answers = [
        Answer(state, check.status, check.reason, check.is_egress_down)
        for state, check in zip(states, checks, strict=True)
    ]
    context: dict[str, Any] = {
        "run": row,
        "address": reverse("admin:probes_resource_test_result", args=[row.uuid]),
        "run_address": reverse("admin:probes_run_change", args=[row.pk]) if _may_see_runs(request) else "",
        "again_ms": None if is_over else 1000 * poll_after_seconds(row.asked_at, now),
        "asked": display.aged(row.asked_at),
        "count": len(checks),
        "answered": sum(state is not CheckState.WAITING for state in states),
        "verdict": display.badge(verdict(answers).value),
        "results": results(checks, is_over=is_over),
    }
    return render_to_string("admin/probes/resource/trial.html", context, request)


def refused_told(request: HttpRequest, why: str) -> SafeString:
    """Return why nothing was ordered, in place of how far it is."""
    return render_to_string("admin/probes/resource/trial.html", {"refused": why}, request)


def results(checks: Iterable[RunCheck], *, is_over: bool, of: Callable[[RunCheck], str] = str) -> Sequence[Result]:
    """Return what became of each check. `of` says what one is of."""
    return [_result(check, state_at(CheckState(check.state), is_over=is_over), of(check)) for check in checks]


def _result(check: RunCheck, state: CheckState, of: str) -> Result:
    reason: SafeString | str = ""
    match state:
        case CheckState.DONE:
            badge = display.badge(check.status)
            reason = display.reason(check.reason, check.stage, check.host)
            if check.is_egress_down:
                badge = display.without_egress(badge)
        case CheckState.WAITING:
            badge = display.badge("waiting", "waiting …")
        case CheckState.MISSED:
            badge = display.badge("unknown", "no answer in time")
        case CheckState.REFUSED:
            badge = display.badge("indeterminate", _REFUSALS.get(RefusalReason(check.refusal), "not sent"))
    is_failed = state is CheckState.DONE and check.reason != Reason.OK
    digest = check.digest or ""
    return Result(
        of=of,
        region=check.region.slug,
        badge=badge,
        reason=reason if is_failed else "",
        hint=Reason(check.reason).meaning.hint if is_failed and check.reason in set(Reason) else "",
        took="" if check.duration_ms is None else f"{check.duration_ms:,} ms",
        depth=check.depth or "",
        digest=f"{digest[:_DIGEST_SHOWN]}…" if digest else "",
        whole_digest=digest,
    )


def _typed(request: HttpRequest) -> probing.Wanted:
    """Return what is to be probed. Raises `ValidationError`."""
    typed = request.POST
    platforms = [word.strip() for word in typed.get("platforms", "").split(",") if word.strip()]
    chosen = [pk for pk in map(_key, typed.getlist("regions")) if pk is not None]
    active = Region.objects.active().order_by("slug")
    regions = list((active.filter(pk__in=chosen) if chosen else active).values_list("slug", flat=True))
    if not regions:
        raise ValidationError("There is no active region to test it from.")
    reference, is_endpoint = typed.get("reference", "").strip(), typed.get("kind") == ResourceKind.ENDPOINT
    if not reference:
        raise ValidationError("Write first what it is.")
    if reference.startswith(("http://", "https://")) != is_endpoint:
        message = "Write a URL with http:// or https://." if is_endpoint else "A reference of an image has no scheme."
        raise ValidationError(message)
    credential = None
    if typed.get("credential"):
        # Tested as nobody instead, it would seem to work without one, or not at all.
        key = _key(typed["credential"])
        credential = None if key is None else Credential.objects.filter(pk=key).first()
        if credential is None:
            raise ValidationError("The credential is gone: choose another.")
    return probing.Wanted(
        reference=reference,
        regions=regions,
        **({"platforms": platforms} if platforms else {}),
        depth=_depth(request) or Depth.BLOBS,
        credential=credential,
    )


def _key(text: str) -> int | None:
    """Return a row's number as a form has it; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_KEY else None


def _depth(request: HttpRequest) -> Depth | None:
    typed = request.POST.get("depth", "")
    return Depth(typed) if typed in set(Depth) else None


def _may_see_runs(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.has_perm("probes.view_run"))
