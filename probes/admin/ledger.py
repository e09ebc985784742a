"""Windows on what the machinery writes: nothing to add, change or delete, and never a count.

Counting the outcomes of a day reads all of them. A page is its rows and whether there is one more; how many pages
there are, nobody asks.
"""

from typing import Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from probes.admin.base import KairosAdmin

MOST_PAGES: Final = 200
"""Each page reads those before it too. Whoever wants to go further narrows the list."""


class PagedChangeList(ChangeList):
    """A list that looks one row ahead in place of counting."""

    model_admin: "LedgerAdmin"
    has_older: bool

    def get_results(self, request: HttpRequest) -> None:  # noqa: ARG002 - Django's signature
        if not 1 <= self.page_num <= MOST_PAGES:
            raise IncorrectLookupParameters
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset.defer(*self.model_admin.left_out_of_list)[start : start + self.list_per_page + 1])
        self.result_list: Any = rows[: self.list_per_page]
        self.has_older = len(rows) > self.list_per_page and self.page_num < MOST_PAGES
        self.result_count = len(self.result_list)
        self.full_result_count: Any = None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = False
        self.multi_page = True
        self.paginator: Any = None

    @property
    def newer_page(self) -> int:
        return self.page_num - 1

    @property
    def older_page(self) -> int:
        return self.page_num + 1


class CutChangeList(ChangeList):
    """A list of rows that are joined to much: which are on the page is found first, and only these are read so."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.show_all and self.can_show_all:
            return
        rows: Any = self.result_list
        ids = ArraySubquery(rows.values("pk"))
        self.result_list = self.root_queryset.filter(pk__among=ids).order_by(*self.queryset.query.order_by)


class LedgerAdmin(KairosAdmin):
    """The base of every window."""

    actions: Any = None
    left_out_of_list: tuple[str, ...] = ()  # fields that only a row's own page shows, and that weigh
    list_per_page = 50
    list_max_show_all = 0
    change_list_template = "admin/probes/ledger_list.html"
    change_form_template = "admin/probes/ledger_page.html"

    def get_changelist(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        **_: Any,
    ) -> type[ChangeList]:
        return PagedChangeList

    def title(self, row: Any) -> str:
        """Return what a row is called on its page; its own name may say no more than its keys."""
        return str(row)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        titled = {**context, "subtitle": self.title(context["original"])}
        return super().render_change_form(request, titled, *args, **kwargs)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _row: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _row: Model | None = None) -> bool:
        return False


class WindowedAdmin(KairosAdmin):
    """The base of pages of what the machinery writes about."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Let what the machinery wrote of something go with it, though nobody may delete it by hand."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        windows = {
            str(model._meta.verbose_name)  # noqa: SLF001 - Django's documented API
            for model, window in self.admin_site._registry.items()  # noqa: SLF001 - likewise
            if isinstance(window, LedgerAdmin)
        }
        return deleted, counts, needed - windows, protected
