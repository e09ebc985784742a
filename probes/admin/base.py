from typing import ClassVar

from django.contrib import admin


class KairosAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The base of every page: our style sheet, and no counts beside filters."""

    show_facets = admin.ShowFacets.NEVER

    class Media:
        css: ClassVar = {"all": ["probes/admin.css"]}
