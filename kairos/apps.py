from django.apps import AppConfig

from kairos import loading


class KairosConfig(AppConfig):
    name = "kairos"

    def ready(self) -> None:
        """Register the settings checks."""
        from kairos import checks  # noqa: F401, PLC0415 - registering is the import's effect, once apps are loaded

        loading.end()
