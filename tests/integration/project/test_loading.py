"""Each program loads what it does, for what it loads is what its start costs (ADR 52)."""

import subprocess
import sys

from tests.fakes.up import PROJECT, bare_environment

# All programs of the control plane, then those that have tasks, as a worker and beat do, then the web server.
_PROGRAMS = """
import sys

def loaded(*names):
    print(*(name for name in sys.modules if name.startswith(names)))

import django
django.setup()
loaded("cryptography", "redis", "probes.actions.", "probes.tasks")
from kairos import celery_app
celery_app.loader.import_default_modules()
print("probes.tick" in celery_app.tasks)
loaded("api.", "dashboard.", "probes.admin", "probes.protocol.conversation", "probes.wire", "rest_framework.views")
import kairos.urls
loaded("jinja2", "markdown", "opentelemetry", "probes.protocol.conversation", "probes.wire", "requests")
"""


def test_no_program_loads_what_another_does() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAMS],
        cwd=PROJECT,
        env=bare_environment({"DJANGO_SETTINGS_MODULE": "kairos.settings"}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["probes.actions.acting", "True", "", ""]
