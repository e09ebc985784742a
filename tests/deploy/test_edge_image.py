"""The edge image beside the files of a region: what its steps build, and what its own commands do in there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.trust.keys import ControlKeys, RegionKeys
from tests.deploy import bundle
from tests.deploy.cell import Cell, Images
from tests.fakes.redis_server import MortalRedis
from tests.integration.edge.region import REGION, Region
from tests.servers import wait_until

GRACE_SECONDS = 15  # stop_grace_period of the compose file


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    control = ControlKeys.generate()
    keys = RegionKeys.generate(REGION, control.verify_key)
    keys.save(tmp_path / "region-key.json")
    shutil.chown(tmp_path / "region-key.json", 10001)
    (tmp_path / "broker-ca.pem").touch()
    with MortalRedis(tmp_path / "redis") as server:
        yield Region(server, control, keys, tmp_path / "region-key.json")


@pytest.fixture
def cell(images: Images, tmp_path: Path) -> Iterator[Cell]:
    with images.cell("edge", bundle.volumes(bundle.compose_service(), tmp_path)) as cell:
        yield cell


def settings(region: Region) -> dict[str, str]:
    return {
        "BROKER_URL": region.server.url,
        "KAIROS_REGION": REGION,
        "KAIROS_REGION_KEY_FILE": f"{bundle.HOME}/region-key.json",
        "KAIROS_EDGE_HEARTBEAT_SECONDS": "0.3",
    }


def test_worker_checks_and_leaves_in_time(region: Region, cell: Cell, tmp_path: Path) -> None:
    worker = cell.start(cell.stage.command, settings(region), tmp_path / "log")
    batch = region.batch("not a reference")
    region.send(region.envelope(batch))
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    assert cell.stop(worker, GRACE_SECONDS) == 0, (tmp_path / "log").read_text()


def test_health_check_follows_the_broker_and_life_does_not(region: Region, cell: Cell, tmp_path: Path) -> None:
    def state(*arguments: str) -> tuple[int, str]:
        asked = cell.run_inside(worker, (*cell.stage.health, *arguments), settings(region))
        return asked.returncode, asked.stderr

    worker = cell.start(cell.stage.command, settings(region), tmp_path / "log")
    wait_until(lambda: state() == (0, ""), 20, "health", alive=worker)
    region.server.kill()
    wait_until(lambda: state()[0] == 1, 40, "illness", alive=worker)
    assert "the broker has not taken a heartbeat for" in state()[1]
    assert state("--alive") == (0, "")
    region.server.start()
    wait_until(lambda: state() == (0, ""), 40, "health again", alive=worker)


def test_worker_cannot_write_to_its_root(region: Region, cell: Cell) -> None:
    probe = "import os; print(os.getuid(), os.getgroups()); open('/tmp/x', 'w'); open('/kairos/x', 'w')"
    asked = cell.run(("python", "-c", probe), settings(region))
    assert asked.stdout == "10001 []\n"
    assert "Read-only file system: '/kairos/x'" in asked.stderr


@pytest.mark.parametrize(
    "name", ["django", "psycopg", "cryptography", "pip", "kairos", "probes.models", "probes.actions"]
)
def test_edge_image_has_nothing_of_the_control_plane(images: Images, name: str) -> None:
    asked = images.cell("edge").run(("python", "-c", f"import {name}"), {})
    assert f"ModuleNotFoundError: No module named '{name}'" in asked.stderr


def test_image_is_compiled(images: Images) -> None:
    """A read-only root keeps nothing of what a start compiles."""
    modules = list((images.root("edge") / "kairos" / "probes").rglob("*.py"))
    assert len(modules) > 40
    assert [path for path in modules if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))] == []


def test_key_that_others_may_read_is_told_with_what_mends_it(region: Region, cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "region-key.json").chmod(0o644)
    asked = cell.run(cell.stage.command, settings(region))
    assert asked.returncode == 78
    assert "others may read this key file; run: chmod 600" in asked.stderr


def test_key_of_somebody_else_is_told(region: Region, cell: Cell, tmp_path: Path) -> None:
    shutil.chown(tmp_path / "region-key.json", 0)
    asked = cell.run(cell.stage.command, settings(region))
    assert asked.returncode == 78
    assert asked.stderr.endswith("/etc/kairos/region-key.json: cannot read the key file: Permission denied\n")
