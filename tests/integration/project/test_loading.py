"""Each program loads what it does, for what it loads is what its start costs (`kairos.loading`)."""

import subprocess
import sys

from tests.fakes.up import PROJECT, bare_environment

# What a worker and beat do before anything else. Neither serves pages.
_TASKS_ARE_THERE = """
import sys
from kairos import celery_app
celery_app.loader.import_default_modules()
pages = ("api.", "dashboard.", "probes.admin", "rest_framework.views")
print(*(name for name in sys.modules if name.startswith(pages)))
print("probes.tick" in celery_app.tasks)
"""


def test_programs_that_serve_no_pages_load_none() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TASKS_ARE_THERE],
        cwd=PROJECT,
        env=bare_environment({}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["", "True"]
