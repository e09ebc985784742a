"""Documents in the admin: imported after a look at what they would change, and exported."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from probes.actions import prompt_applying
from probes.actions.applying import Applied, ApplyRefused
from probes.admin.base import KairosAdmin
from probes.models import Resource
from probes.policy.declared import telling, writing
from probes.policy.declared.kinds import CHECKED, SOURCE
from probes.policy.declared.planning import Change, Verb, Wishes
from probes.policy.declared.reading import DeclaredSource, Fault, Reading
from probes.policy.discovery.document import API_VERSION
from probes.selectors.declared import MODELS, everything
from probes.selectors.snapshot import of_one_moment

MOST_FILE_BYTES: Final = 4 * 1024 * 1024
MOST_TOLD: Final = 500
"""Changes on a page."""

_SALT: Final = "kairos.import"
_GOOD_FOR_SECONDS: Final = 3600
_LONGEST_UNDO: Final = 500_000
_ROOM: Final = 20_000  # of a form's bytes, for what is sent beside the documents
_PERMISSIONS: Final = {Verb.CREATE: "add", Verb.DELETE: "delete"}
_COUNTED: Final = {
    Verb.CREATE: ("made", "new"),
    Verb.UPDATE: ("changed", "changed"),
    Verb.RESTORE: ("changed", "restored"),
    Verb.STALE: ("gone", "stale"),
    Verb.RETIRE: ("gone", "retired"),
    Verb.DELETE: ("gone", "deleted"),
}


class ImportForm(forms.Form):
    """Documents, and what is wanted besides."""

    file = forms.FileField(required=False, label="A file", help_text="YAML or JSON, at most 4 MiB.")
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or its text",
        widget=forms.Textarea(
            {
                "rows": 16,
                "cols": 100,
                "class": "vLargeTextField kairos-code kairos-documents",
                "spellcheck": "false",
                "placeholder": "apiVersion: kairos/v1\nkind: Image\nmetadata:\n  name: web\nspec:\n"
                "  reference: ghcr.io/shop/web:1.2",
            }
        ),
    )
    source = forms.CharField(
        required=False,
        max_length=100,
        label="Managed by",
        help_text="The stable name of the source that all of this is of, where the documents do not say so: they are "
        "all that it manages then, and what it managed besides is stale. Empty: it stays to be changed by hand.",
        widget=forms.TextInput({"class": "vTextField kairos-code", "spellcheck": "false"}),
    )
    adopt = forms.BooleanField(
        required=False, label="Take over", help_text="What is managed by hand, or by another source."
    )
    prune = forms.BooleanField(
        required=False,
        label="Prune",
        help_text="Retire, with their history, images and endpoints that the source managed and nobody declares any "
        "more; delete such settings.",
    )
    any_share = forms.BooleanField(
        required=False, label="Even more than half", help_text="Of what the source manages."
    )
    note = forms.CharField(
        required=False,
        max_length=200,
        help_text="For the audit log.",
        widget=forms.TextInput({"class": "vTextField"}),
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        file, text = values.get("file"), values.get("text")
        if bool(file) == bool(text and text.strip()):
            raise forms.ValidationError("Choose a file, or write its text.")
        if file:
            if file.size > MOST_FILE_BYTES:
                raise forms.ValidationError({"file": "It is larger than 4 MiB: apply it by the command or the API."})
            try:
                values["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise forms.ValidationError({"file": "It is not UTF-8."}) from None
        return values


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be imported, as a form said it."""

    text: str
    source: str
    adopt: bool
    prune: bool
    any_share: bool
    note: str

    @property
    def reading(self) -> Reading:
        reading = Reading()
        reading.add_text(self.text, "line")
        return reading

    def wishes(self, source: DeclaredSource | None) -> Wishes:
        return Wishes(source=source, adopt=self.adopt, prune=self.prune, any_share=self.any_share)

    def packed(self, user_id: int, shown: str) -> str:
        """Return all of it, and what was shown, as a form can carry it; nobody else can make or use it."""
        values = [self.text, self.source, self.adopt, self.prune, self.any_share, self.note]
        return signing.dumps([user_id, shown, *values], salt=_SALT, compress=True)

    @classmethod
    def unpacked(cls, packed: str, user_id: int) -> "tuple[_Wanted, str]":
        """Return what `packed` packed. Raises `BadSignature`."""
        holder, shown, *values = signing.loads(packed, salt=_SALT, max_age=_GOOD_FOR_SECONDS)
        if holder != user_id:
            raise signing.BadSignature("of somebody else")
        return cls(*values), shown


class ImportingAdmin(KairosAdmin):
    """A page that imports, and an action that exports."""

    change_list_template = "admin/probes/resource/change_list.html"

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="probes_resource_import"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {**(extra_context or {}), "may_import": self.has_import_permission(request)}
        return super().changelist_view(request, context)

    # Whoever may change them sees all of them: what is not shown elsewhere, such as headers, is in the file.
    @admin.action(permissions=["change"], description="Export as YAML")
    def export(self, _request: HttpRequest, chosen: QuerySet[Resource]) -> StreamingHttpResponse:
        ids = list(chosen.values_list("pk", flat=True))
        parts = of_one_moment(writing.text(writing.documents(everything(CHECKED, ids=ids))))
        response = StreamingHttpResponse(parts, content_type="application/yaml")
        response["Content-Disposition"] = 'attachment; filename="resources.yaml"'
        response["Cache-Control"] = "no-store"
        return response

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for documents, show what they would change, and do that."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._page(request, form=ImportForm())
        if "confirmed" in request.POST:
            return self._import(request, str(request.POST["confirmed"]))
        form = ImportForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(request, form=form)
        values = form.cleaned_data
        wanted = _Wanted(**{name: values[name] for name in _Wanted.__slots__})
        return self._look(request, wanted, form=form)

    def _look(self, request: HttpRequest, wanted: _Wanted, **context: Any) -> HttpResponse:
        try:
            applied, source = self._apply(request, wanted, dry_run=True)
        except _Refused as refused:
            return self._page(request, faults=refused.faults, more=refused.more, **context)
        user_id: Any = request.user.pk
        packed = wanted.packed(user_id, prompt_applying.fingerprint(applied))
        if len(packed) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE - _ROOM:
            faults = [_Told("", "", "This is too large for a page: apply it by the command or over the API.")]
            return self._page(request, faults=faults, **context)
        return self._page(request, **_told(applied, source), confirmed=packed)

    def _import(self, request: HttpRequest, packed: str) -> HttpResponse:
        user_id: Any = request.user.pk
        try:
            wanted, shown = _Wanted.unpacked(packed, user_id)
        except signing.BadSignature:
            self.message_user(request, "That was shown more than an hour ago: look again.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:probes_resource_import"))
        try:
            applied, source = self._apply(request, wanted, dry_run=False, shown=shown)
        except prompt_applying.NotAsShown:
            message = "Nothing was imported: something has changed meanwhile, and this is what would be done by now."
            self.message_user(request, message, messages.WARNING)
            return self._look(request, wanted)
        except _Refused as refused:
            return self._page(request, faults=refused.faults, more=refused.more)
        return self._page(request, is_done=True, undo=_undo(applied, source), **_told(applied, source))

    def _apply(
        self, request: HttpRequest, wanted: _Wanted, *, dry_run: bool, shown: str | None = None
    ) -> tuple[Applied, str]:
        """Apply, if whoever asks may do all of it. Raises `_Refused`, and `NotAsShown`."""
        reading = wanted.reading
        source = reading.source_called(wanted.source or None, "Managed by")
        try:
            with transaction.atomic():
                applied = prompt_applying.apply(
                    reading,
                    wanted.wishes(source),
                    now=timezone.now(),
                    note=wanted.note,
                    dry_run=dry_run,
                    shown=shown,
                    is_superuser=request.user.is_superuser,
                )
                if faults := list(_forbidden(request, applied)):
                    raise _Refused(faults)
        except ApplyRefused as refused:
            told = [_Told.of(fault) for fault in refused.faults]
            raise _Refused(told, refused.count - len(told)) from None
        except prompt_applying.AnotherApplies:
            raise _Refused([_Told("", "", "Somebody else is just applying. Try again.")]) from None
        except prompt_applying.TooMuch:
            raise _Refused([_Told("", "", "It takes too long here: apply it by the command.")]) from None
        return applied, source.name if source else ""

    def _page(self, request: HttpRequest, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            "admin/probes/resource/import.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Import documents",
                "media": self.media,
                **context,
            },
            headers={"Cache-Control": "no-store"},
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """A fault, as a page shows it."""

    line: str
    thing: str
    message: str

    @classmethod
    def of(cls, fault: Fault) -> "_Told":
        line = str(fault.place.line or fault.place.file.lstrip("-"))
        return cls(line, fault.thing, f"{fault.field}: {fault.message}" if fault.field else fault.message)


class _Refused(Exception):
    def __init__(self, faults: list[_Told], more: int = 0) -> None:
        super().__init__(str(faults))
        self.faults, self.more = faults, more


def _forbidden(request: HttpRequest, applied: Applied) -> Iterator[_Told]:
    """Yield what whoever asks may not do. None of its values is shown."""
    wanted: dict[str, str] = {"probes.add_source": f"{SOURCE}/{applied.makes_source}"} if applied.makes_source else {}
    for change in applied.plan.changes:
        model = MODELS[change.kind]._meta.model_name  # noqa: SLF001 - Django's documented API
        wanted.setdefault(f"probes.{_PERMISSIONS.get(change.verb, 'change')}_{model}", f"{change.kind}/{change.name}")
    for permission, thing in wanted.items():
        if not request.user.has_perm(permission):
            yield _Told("", thing, f"You may not do this: it takes the permission {permission}.")


def _told(applied: Applied, source: str) -> dict[str, Any]:
    """Return what a page shows of a plan."""
    plan = applied.plan
    counts = [(*_COUNTED[verb], len(plan.of(verb))) for verb in Verb]
    return {
        "plan": [_shown(change) for change in plan.changes[:MOST_TOLD]],
        "left_out": max(0, len(plan.changes) - MOST_TOLD),
        "counts": [(tone, word, count) for tone, word, count in counts if count],
        "unchanged": plan.unchanged,
        "is_nothing": applied.is_nothing,
        "makes_source": applied.makes_source,
        "source": source,
        "kept": applied.kept,
    }


def _shown(change: Change) -> dict[str, Any]:
    head = telling.head(change)
    return {
        "sign": head.sign,
        "tone": head.tone.value,
        "words": head.words,
        "kind": change.kind.value,
        "name": change.name,
        "is_new": change.verb is Verb.CREATE,
        "fields": list(telling.fields(change)),
    }


def _undo(applied: Applied, source: str) -> dict[str, Any]:
    """Return documents of how things were, and what was made and is to be deleted by hand."""
    changes = applied.plan.changes
    before = [change.stored for change in changes if change.stored and (change.differences or not change.declared)]
    documents = list(writing.documents(before))
    if source and documents:  # which are a part of what it manages: the rest is not stale
        head = {"apiVersion": API_VERSION, "kind": SOURCE, "metadata": {"name": source}, "spec": {"complete": False}}
        documents.insert(0, head)
    text = "".join(writing.text(documents))
    return {
        "text": text if len(text) <= _LONGEST_UNDO else "",
        "is_too_long": len(text) > _LONGEST_UNDO,
        "made": sum(change.verb is Verb.CREATE for change in changes),
    }
