"""How several processes share out the tests: whole files, the longest first, what waits beside what computes.

pytest-xdist alone begins with the files of most tests. A test that takes minutes is mostly alone in its file, so it
came last, and kept one process at the end while the others had nothing left to do.

The longest tests are mostly those that start processes and wait for them. With nothing but those at the beginning the
cores had little to do, and what computes came all at once afterwards.
"""

from collections.abc import Iterable
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER: Final = ("tests/deploy", "tests/integration/rabbitmq")
"""Folders that one process runs whole: what their tests share is made once for a process, in ten seconds and more."""

WAITING: Final = (
    "tests/deploy",
    "tests/integration/edge",
    "tests/integration/faults",
    "tests/integration/gate",
    "tests/integration/project/test_waiting.py",
    "tests/integration/rabbitmq",
    "tests/integration/up",
    "tests/interop/test_pipeline.py",
)
"""Folders and files whose tests leave a core idle for more than half of their time."""

SECONDS: Final = {
    "tests/integration/rabbitmq": 240,
    "tests/integration/faults/test_pipeline_faults.py": 230,
    "tests/deploy": 200,
    "tests/browser/test_demo.py": 190,
    "tests/interop/test_pipeline.py": 150,
    "tests/integration/faults/test_overload.py": 130,
    "tests/integration/simulation/test_scenarios.py": 110,
    "tests/integration/up/test_stopping.py": 100,
    "tests/integration/faults/test_rolling_upgrade.py": 120,
    "tests/integration/control/test_worker.py": 70,
    "tests/integration/wire/test_memory.py": 70,
    "tests/integration/registry/test_soak.py": 60,
    "tests/browser/test_dashboard.py": 60,
    "tests/integration/up/test_running.py": 60,
    "tests/integration/control/test_migrations.py": 60,
    "tests/integration/control/test_quota.py": 55,
    "tests/interop/test_agreement.py": 50,
    "tests/integration/edge/test_edge_upgrades.py": 45,
    "tests/browser/test_every_page.py": 45,
    "tests/integration/simulation/test_command.py": 40,
    "tests/integration/simulation/test_quiet_scenarios.py": 40,
    "tests/integration/control/test_rollups.py": 40,
    "tests/integration/edge/test_edge_liveness.py": 40,
    "tests/browser/test_admin.py": 35,
    "tests/browser/test_incidents.py": 35,
    "tests/browser/test_live.py": 30,
    "tests/integration/up/test_refusing.py": 30,
    "tests/properties/test_quota_line_properties.py": 30,
    "tests/integration/control/test_scope_incidents.py": 30,
    "tests/integration/admin/test_admin_queries.py": 25,
    "tests/integration/control/test_quota_sharing.py": 25,
    "tests/integration/control/test_shedding.py": 25,
    "tests/integration/control/test_trimming.py": 25,
    "tests/integration/edge/test_edge_faults.py": 25,
    "tests/integration/control/test_votes.py": 25,
    "tests/integration/faults/test_starting.py": 25,
    "tests/integration/api/test_api_reach.py": 20,
    "tests/integration/api/test_openapi.py": 20,
    "tests/integration/notices/test_outages.py": 20,
    "tests/integration/control/test_dispatch.py": 20,
    "tests/browser/test_status_page.py": 20,
    "tests/integration/control/test_bars.py": 20,
    "tests/integration/control/test_logins.py": 20,
    "tests/integration/control/test_workers.py": 20,
    "tests/integration/admin/test_admin_resources.py": 20,
    "tests/integration/dashboard/test_resource_page.py": 20,
    "tests/properties/test_verdict_properties.py": 20,
    "tests/integration/edge/test_control_guard.py": 20,
}
"""What some processes on two cores took for these, by `--durations`. Only the order matters: a figure that is out of
date, or missing, costs some time and nothing else."""


class LongestFirst(LoadFileScheduling):  # type: ignore[misc] # it comes without types
    """pytest-xdist's `--dist loadfile`, on tests in the order of `put_longest_first`, by `next_share`."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        others = [
            any(waits(place) and not all(tests.values()) for place, tests in work.items())
            for other, work in self.assigned_work.items()
            if other is not node
        ]
        self.workqueue.move_to_end(next_share(self.workqueue, others), last=False)
        super()._assign_work_unit(node)


def next_share(left: Iterable[str], others: Iterable[bool]) -> str:
    """Return what a process runs next: the first share left that waits while less than half do, else that computes.

    `others` says of each other process whether what it runs waits. Where there is nothing left of the kind that is
    wanted, it is the first of the other. Raises `IndexError` where nothing is left at all.
    """
    places, others = list(left), list(others)
    wanted = sum(others) < (len(others) + 1) / 2
    return next((place for place in places if waits(place) is wanted), None) or places[0]


def waits(place: str) -> bool:
    """Return whether the tests of a file or folder wait for most of their time."""
    return any(place == known or place.startswith(f"{known}/") for known in WAITING)


def put_longest_first(items: list[pytest.Item]) -> None:
    """Order tests by the time that their files take. Those that are not listed stay in their random order."""
    items.sort(key=lambda item: -SECONDS.get(share(item.nodeid), 0))


def share(nodeid: str) -> str:
    """Return what the test is run in one process with: a file or a folder."""
    file, _, _ = nodeid.partition("::")
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
