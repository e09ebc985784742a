"""The domain as a Django app. Its label, `probes`, is the prefix of every table."""

from django.apps import AppConfig


class ProbesConfig(AppConfig):
    name = "probes"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Probes"
