"""Django's own tables of people and what they may do, as far as they are audited."""

from django.contrib.auth.models import Group, User

from probes.models.audited import Audit, proxy_of, watch, watch_many

watch(
    User,
    Audit(
        told=("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "date_joined"),
        masked=("password",),
        unwatched=("last_login",),
    ),
    by=proxy_of(User),
)
watch_many(User, "groups")
watch_many(User, "user_permissions")
watch(Group, Audit(told=("name",)), by=proxy_of(Group))
watch_many(Group, "permissions")
