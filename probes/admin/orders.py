"""What a person orders in the admin: check now, pause, retire. Each says what was ordered, and where to look."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from kombu.exceptions import OperationalError

from probes.actions import resources, runs, staleness
from probes.admin import display
from probes.admin.base import KairosAdmin, log_change, may_operate
from probes.models import Region, Resource
from probes.policy.runs import MOST_CHECKS
from probes.tasks import publish_on_commit
from probes.trust.keys import KeyFileError

MOST_AT_ONCE: Final = 1000
ORDERS: Final = ("check_now", "pause", "resume")
TIMED: Final = ("pause_for_an_hour", "pause_for_a_day")
LISTED: Final = ("mark_stale", "retire", "restore")


class OrderingAdmin(KairosAdmin):
    """The actions of the list, and the same as buttons of one resource's page."""

    actions: tuple[str, ...] = (*ORDERS, *TIMED, *LISTED)

    def has_order_permission(self, request: HttpRequest) -> bool:
        """Let operators of everything order what they may order over the API, though they change nothing else."""
        return self.has_change_permission(request) or may_operate(request)

    @admin.action(permissions=["order"], description="Check now")
    def check_now(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(ids) > MOST_AT_ONCE:
            self.message_user(request, f"Choose at most {MOST_AT_ONCE:,}. Nothing was sent.", messages.ERROR)
            return
        # Each resource is checked from each region at most once.
        at_once = max(1, MOST_CHECKS // max(1, Region.objects.active().count()))
        try:
            with transaction.atomic():
                ordered = [
                    runs.check(part, by=request.user, now=timezone.now()) for part in _parts(ids, size=at_once)
                ]
                log_change(request, chosen, "Asked for a check.")
                publish_on_commit([message for order in ordered for message in order.messages])
        except OperationalError:
            self.message_user(request, "The broker does not answer: nothing was sent. Try again.", messages.ERROR)
        except KeyFileError as error:
            self.message_user(request, f"Nothing was sent: {error}", messages.ERROR)
        else:
            self._say_what_was_sent(request, ids, ordered)

    @admin.action(permissions=["change"], description="Mark as listed no more")
    def mark_stale(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        ids = list(chosen.values_list("pk", flat=True))
        with transaction.atomic():
            log_change(request, chosen, "Marked as stale.")
            count = staleness.mark_stale(ids, now=timezone.now())
        done = f"{_counted(count)} stale: checked on, and retired after the grace."
        self.message_user(request, done if count else "All of these were stale or retired already.")

    @admin.action(permissions=["change"], description="Retire: check and count no more")
    def retire(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        ids = list(chosen.values_list("pk", flat=True))
        with transaction.atomic():
            log_change(request, chosen, "Retired.")
            count = staleness.retire(ids, now=timezone.now())
        done = f"{_counted(count)} retired: checked and counted no more, and kept with the history."
        self.message_user(request, done if count else "All of these were retired already.")

    @admin.action(permissions=["change"], description="Restore what is stale or retired")
    def restore(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        ids = list(chosen.values_list("pk", flat=True))
        with transaction.atomic():
            log_change(request, chosen, "Restored.")
            count = staleness.unmark(ids) + staleness.restore(ids, now=timezone.now())
        done = f"{_counted(count)} in use again."
        self.message_user(request, done if count else "None of these was stale or retired.")

    @admin.action(permissions=["order"], description="Pause")
    def pause(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        self._pause(request, chosen, until=None)

    @admin.action(permissions=["order"], description="Pause for an hour")
    def pause_for_an_hour(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        self._pause(request, chosen, until=timezone.now() + timedelta(hours=1))

    @admin.action(permissions=["order"], description="Pause for a day")
    def pause_for_a_day(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        self._pause(request, chosen, until=timezone.now() + timedelta(days=1))

    @admin.action(permissions=["order"], description="Resume")
    def resume(self, request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        with transaction.atomic():
            log_change(request, chosen, "Resumed.")
            count = resources.resume(chosen.values_list("pk", flat=True), now=timezone.now())
        done = f"{_counted(count)} resumed: the next check is sent within a second or two."
        self.message_user(request, done if count else "None of these was paused.")

    def order_view(self, request: HttpRequest, resource_id: int) -> HttpResponseBase:
        """Do what a button of the resource's page says, and come back to it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        order = request.POST.get("order")
        may_order = self.has_change_permission if order in LISTED else self.has_order_permission
        if not may_order(request):
            raise PermissionDenied
        if order == "pause" and (typed := request.POST.get("until")):
            self._pause_until(request, Resource.objects.filter(pk=resource_id), typed)
        elif order in (*ORDERS, *LISTED):
            getattr(self, order)(request, Resource.objects.filter(pk=resource_id))
        return HttpResponseRedirect(reverse("admin:probes_resource_change", args=[resource_id]))

    def _pause_until(self, request: HttpRequest, chosen: QuerySet[Resource], typed: str) -> None:
        try:
            until = datetime.fromisoformat(typed)
            self._pause(request, chosen, until=until.replace(tzinfo=UTC) if until.tzinfo is None else until)
        except ValidationError as refused:
            self.message_user(request, f"Nothing was paused. {' '.join(refused.messages)}", messages.ERROR)
        except (ValueError, OverflowError):
            self.message_user(request, "Nothing was paused: that is no date with a time.", messages.ERROR)

    def _pause(self, request: HttpRequest, chosen: QuerySet[Resource], *, until: datetime | None) -> None:
        with transaction.atomic():
            count = resources.pause(chosen.values_list("pk", flat=True), now=timezone.now(), until=until)
            log_change(request, chosen, f"Paused until {display.stamp(until)}." if until else "Paused.")
        end = f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until else "until resumed"
        done = f"{_counted(count)} paused: nothing is checked {end}. What is on its way still arrives."
        were = "All of these were paused already" + (f", and are now {end}." if until else ".")
        self.message_user(request, done if count else were)

    def _say_what_was_sent(self, request: HttpRequest, ids: list[int], ordered: Sequence[runs.Ordered]) -> None:
        regions = sorted({message.queue.removeprefix("probe.") for order in ordered for message in order.messages})
        if not regions:
            self.message_user(request, "No active region checks this: nothing was sent.", messages.WARNING)
            return
        checks = "One check was" if len(ids) == 1 else f"Checks of {len(ids):,} resources were"
        address, name = reverse("admin:probes_run_changelist"), "Runs"
        if len(ordered) == 1:
            address, name = reverse("admin:probes_run_change", args=[ordered[0].run.pk]), "Its run"
        words = '{} sent to {}. <a href="{}">{}</a> and <a href="{}">outcomes</a> appear within seconds.'
        outcomes = reverse("admin:probes_outcome_changelist") + (f"?resource={ids[0]}" if len(ids) == 1 else "")
        told = format_html(words, checks, ", ".join(regions), address, name, outcomes)
        self.message_user(request, told, messages.SUCCESS)


def _parts(ids: list[int], *, size: int) -> Iterator[list[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _counted(count: int) -> str:
    return "One resource is" if count == 1 else f"{count:,} resources are"
