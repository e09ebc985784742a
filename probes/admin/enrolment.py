"""What a person orders of regions in the admin. What a machine is given is downloaded once, and kept nowhere."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from probes.actions import bundles, enrolment, regions
from probes.actions.enrolment import EnrolmentRefused, Issued
from probes.actions.secrets import SecretUnreadable
from probes.admin.base import KairosAdmin, log_change
from probes.bundle import archive
from probes.bundle.contents import BundleRefused
from probes.models import Region
from probes.tasks import logins
from probes.trust.keys import KeyFileError

ORDERS: Final = ("drain", "pause", "resume", "retire")
_REFUSALS: Final = (EnrolmentRefused, BundleRefused, KeyFileError, SecretUnreadable)
_KEPT: Final = "The bundle that was downloaded holds its private keys: they are not kept here."


class EnrolmentAdmin(KairosAdmin):
    """The actions of the list, the same as buttons of one region's page, and the pages that end in a download."""

    actions = ORDERS
    change_form_template = "admin/probes/region/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may(request, enrolment.MAY_ENROLL)

    @admin.action(permissions=["change"], description="Drain: send no new checks, take what is in flight")
    def drain(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = self._change(request, chosen, regions.drain, "Draining.")
        self.message_user(request, f"{count} draining. What is in flight still arrives.")

    @admin.action(permissions=["change"], description="Pause: send no checks, take the vote")
    def pause(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = self._change(request, chosen, regions.pause, "Paused.")
        self.message_user(request, f"{count} paused. What is on its way still arrives.")

    @admin.action(permissions=["change"], description="Resume: undo drain and pause")
    def resume(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = self._change(request, chosen, regions.resume, "Resumed.")
        self.message_user(request, f"{count} resumed. Checks go there from the next tick on.")

    @admin.action(permissions=["change"], description="Retire: give it up, refuse its worker")
    def retire(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = self._change(request, chosen, partial(enrolment.retire, logins=logins.at_the_broker()), "Retired.")
        self.message_user(request, f"{count} retired: keys and accounts have ended. Enrolling brings one back.")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.order_view)
        return [path("<int:region_id>/order/", view, name="probes_region_order"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, region: Region | None = None) -> Any:
        described = (None, {"fields": ("slug", "name", ("latitude", "longitude"))})
        return super().get_fieldsets(request, region) if region else (described,)

    def get_readonly_fields(self, request: HttpRequest, region: Region | None = None) -> Any:
        return super().get_readonly_fields(request, region) if region else ()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["may_enroll"] = _may(request, enrolment.MAY_ENROLL)
        context["may_rotate"] = _may(request, enrolment.MAY_ROTATE)
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except _REFUSALS as error:
            self.message_user(request, f"Nothing was changed: {error}.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, _request: HttpRequest, region: Region, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            # Nothing but what was changed: a heartbeat may have written the row since the page was read.
            regions.save(region, changed=form.changed_data)
            return
        coordinates = None
        if region.latitude is not None and region.longitude is not None:
            coordinates = (region.latitude, region.longitude)
        issued = enrolment.enroll(
            region.slug, region.name, coordinates=coordinates, now=timezone.now(), logins=logins.at_the_broker()
        )
        # In the transaction: what cannot be handed over was never issued.
        region.download = _download(issued)  # type: ignore[attr-defined] # for `response_add`
        region.pk = issued.region.pk

    def response_add(
        self,
        request: HttpRequest,
        region: Region,
        post_url_continue: str | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        self.message_user(request, f"{region.slug} is enrolled. {_KEPT}", messages.SUCCESS)
        download: HttpResponse = region.download  # type: ignore[attr-defined] # see `save_model`
        return download

    def order_view(self, request: HttpRequest, region_id: int) -> HttpResponseBase:
        """Do what a button of the region's page says, and come back to it, or answer the bundle."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        region = get_object_or_404(Region, pk=region_id)
        match request.POST.get("order"):
            case "rotate":
                return self._issue(request, region, enrolment.MAY_ROTATE, enrolment.rotate, "New keys.")
            case "enroll":
                return self._issue(request, region, enrolment.MAY_ENROLL, enrolment.enroll, "Enrolled again.")
            case order if order in ORDERS:
                if not self.has_change_permission(request):
                    raise PermissionDenied
                getattr(self, order)(request, Region.objects.filter(pk=region_id))
        return HttpResponseRedirect(_page_of(region))

    def _issue(
        self, request: HttpRequest, region: Region, needed: tuple[str, ...], issue: Callable[..., Issued], done: str
    ) -> HttpResponse:
        if not _may(request, needed):
            raise PermissionDenied
        try:
            with transaction.atomic():
                download = _download(issue(region.slug, now=timezone.now(), logins=logins.at_the_broker()))
                log_change(request, Region.objects.filter(pk=region.pk), done)
        except _REFUSALS as error:
            self.message_user(request, f"Nothing was changed: {error}.", messages.ERROR)
            return HttpResponseRedirect(_page_of(region))
        self.message_user(request, f"{done} {_KEPT}", messages.SUCCESS)
        return download

    def _change(self, request: HttpRequest, chosen: QuerySet[Region], does: Callable[..., int], message: str) -> int:
        with transaction.atomic():
            log_change(request, chosen, message)
            return does(chosen.values_list("pk", flat=True), now=timezone.now(), detail=f"by {request.user}")


def _may(request: HttpRequest, needed: tuple[str, ...]) -> bool:
    return request.user.has_perms(needed)


def _download(issued: Issued) -> HttpResponse:
    """Return the bundle as a file; the admin lets no cache keep its pages. Raises `BundleRefused`."""
    bundle = bundles.bundle_of(issued)
    response = HttpResponse(archive.packed(bundle), content_type="application/gzip")
    response["Content-Disposition"] = f'attachment; filename="{bundle.name}.tar.gz"'
    return response


def _page_of(region: Region) -> str:
    return reverse("admin:probes_region_change", args=[region.pk])
