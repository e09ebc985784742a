"""Django's own pages of users and their groups, with the history that all our pages have."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from probes.admin.base import AuditedHistory


class AuditedUserAdmin(AuditedHistory, UserAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    pass


class AuditedGroupAdmin(AuditedHistory, GroupAdmin):
    pass


def register() -> None:
    admin.site.unregister([User, Group])
    admin.site.register(User, AuditedUserAdmin)
    admin.site.register(Group, AuditedGroupAdmin)
