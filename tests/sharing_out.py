"""How several processes share out the tests: whole files, and the longest first.

pytest-xdist alone begins with the files of most tests. A test that takes minutes is mostly alone in its file, so it
came last, and kept one process at the end while the others had nothing left to do.
"""

from typing import Final

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER: Final = ("tests/deploy", "tests/integration/rabbitmq")
"""Folders that one process runs whole: what their tests share is made once for a process, in ten seconds and more."""

SECONDS: Final = {
    "tests/integration/rabbitmq": 240,
    "tests/integration/faults/test_pipeline_faults.py": 210,
    "tests/deploy": 200,
    "tests/interop/test_pipeline.py": 150,
    "tests/integration/faults/test_overload.py": 130,
    "tests/integration/simulation/test_scenarios.py": 110,
    "tests/integration/up/test_stopping.py": 100,
    "tests/integration/faults/test_rolling_upgrade.py": 95,
    "tests/integration/demo/test_demo_up.py": 90,
    "tests/integration/control/test_migrations.py": 80,
    "tests/integration/faults/test_rotation.py": 75,
    "tests/integration/control/test_worker.py": 70,
    "tests/integration/control/test_quota.py": 65,
    "tests/integration/registry/test_soak.py": 60,
    "tests/integration/up/test_retired.py": 55,
    "tests/integration/edge/test_edge_upgrades.py": 45,
    "tests/integration/simulation/test_command.py": 40,
    "tests/integration/simulation/test_quiet_scenarios.py": 40,
    "tests/integration/control/test_rollups.py": 40,
    "tests/integration/edge/test_edge_liveness.py": 40,
    "tests/integration/up/test_running.py": 35,
    "tests/integration/control/test_scope_incidents.py": 35,
    "tests/integration/api/test_api_incidents.py": 30,
    "tests/integration/wire/test_memory.py": 27,
    "tests/integration/admin/test_admin_queries.py": 25,
    "tests/integration/control/test_quota_sharing.py": 25,
    "tests/integration/control/test_shedding.py": 25,
    "tests/integration/control/test_trimming.py": 25,
    "tests/integration/edge/test_edge_faults.py": 25,
    "tests/integration/api/test_api_reach.py": 20,
    "tests/integration/api/test_api_resources.py": 20,
    "tests/integration/api/test_openapi.py": 20,
    "tests/integration/notices/test_outages.py": 20,
    "tests/browser/test_dashboard.py": 20,
    "tests/integration/control/test_dispatch.py": 20,
    "tests/integration/up/test_surviving.py": 20,
}
"""What three processes on two cores took for these, by `--durations`. Only the order matters: a figure that is out of
date, or missing, costs some time and nothing else."""


class LongestFirst(LoadFileScheduling):  # type: ignore[misc] # it comes without types
    """pytest-xdist's `--dist loadfile`, on tests in the order of `put_longest_first`."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


def put_longest_first(items: list[pytest.Item]) -> None:
    """Order tests by the time that their files take. Those that are not listed stay in their random order."""
    items.sort(key=lambda item: -SECONDS.get(share(item.nodeid), 0))


def share(nodeid: str) -> str:
    """Return what the test is run in one process with: a file or a folder."""
    file, _, _ = nodeid.partition("::")
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
