import sys

from django.apps import AppConfig

from kairos import loading
from kairos.actors import commanding
from probes.actions.acting import begin


class KairosConfig(AppConfig):
    name = "kairos"

    def ready(self) -> None:
        """Register the settings checks, and let a command's changes be by whoever runs it."""
        from kairos import checks  # noqa: F401, PLC0415 - registering is the import's effect, once apps are loaded

        if actor := commanding(sys.argv):
            begin(lambda: actor)
        loading.end()
