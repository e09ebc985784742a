"""Ten thousand images applied from a directory, and exported.

    python -m tests.bench declared

Each run is the real `manage.py apply` or `export`, a process of its own from its start to its end, at a real
PostgreSQL. The images lie in twenty registries and belong to fifty groups with schedules and policies; a thousand
endpoints are beside them. Once they are stored, each has a verdict and states of three regions, as all that is
checked has. The bars are of time by the clock. CPU time of the process and of the database is told beside it: that is
the same when others use the machine as well.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from probes.policy.discovery.document import written
from tests.bench.census import Census
from tests.bench.database import own_database
from tests.bench.figures import Figure, at_most

IMAGES: Final = 10_000
ENDPOINTS: Final = 1_000
GROUPS: Final = 50
REGISTRIES: Final = 20
SOME: Final = 1_000
BAR_COLD_SECONDS: Final = 60.0
BAR_AGAIN_SECONDS: Final = 10.0
ROOT: Final = Path(__file__).parents[2]
_MIB: Final = 1024

_CHECKED: Final = (
    """INSERT INTO probes_verdict (resource_id, state, since, computed_at, inputs)
    SELECT id, 'available', now(), now(), jsonb_build_object('votes', repeat('x', 1000)) FROM probes_resource""",
    """INSERT INTO probes_regionstate (resource_id, region_id, status, reason, since, last_slot, checked_at, warnings,
        consecutive_failures, consecutive_successes, run_since, ballot, ballot_slot, bad_run_since, stance,
        stance_since, success_slot, document)
    SELECT resource.id, region.id, 'available', 'ok', now(), now(), now(), '{}', 0, 9, now(), 'good', now(), now(),
        'good', now(), now(), jsonb_build_object('steps', repeat(md5(resource.id::text), 60))
    FROM probes_resource AS resource CROSS JOIN probes_region AS region""",
    "VACUUM ANALYZE",
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took: seconds by the clock, of CPU there and here; MiB at most; the last line that it said."""

    seconds: float
    here: float
    database: float
    mib: float
    said: str

    @property
    def cpu(self) -> float:
        return self.here + self.database

    def __str__(self) -> str:
        return (
            f"{self.seconds:.1f} s; CPU {self.here:.1f} s here and {self.database:.1f} s of the database;"
            f" {self.mib:.0f} MiB; {self.said}"
        )


Document = dict[str, Any]
Change = Callable[[int, Document], Document]


def measured() -> list[Figure]:
    """Run it. Takes a few minutes."""
    with own_database() as database, tempfile.TemporaryDirectory() as folder:
        return _run(Manage(database.pid), Path(folder))


class Manage:
    """Runs commands in processes of their own."""

    def __init__(self, database: int) -> None:
        self._database = database

    def __call__(self, what: str, *arguments: str) -> Ran:
        """Run a command to its end, and print what it took. Raises `RuntimeError` where it is refused."""
        with tempfile.TemporaryFile() as out:
            before, began = Census.of({"database": self._database}), time.monotonic()
            process = subprocess.Popen([sys.executable, "manage.py", *arguments], cwd=ROOT, stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            database = Census.of({"database": self._database}).since(before).total
            out.seek(0)
            lines = out.read().decode().splitlines() or [""]
        ran = Ran(seconds, usage.ru_utime + usage.ru_stime, database, usage.ru_maxrss / _MIB, lines[-1])
        print(f"{what}: {ran}", flush=True)
        if process.returncode:
            raise RuntimeError(f"{what}: ended with {process.returncode}")
        return ran


def _run(manage: Manage, folder: Path) -> list[Figure]:
    files = Files(folder / "kairos")
    exported = folder / "exported.yaml"
    apply = ("apply", "-f", str(files.folder))
    files.write()
    cold = manage("cold", *apply)
    again = manage("again, nothing changed", *apply)
    _let_all_be_checked()
    changed = {}
    for what, change, count in (
        (f"{SOME:,} with other labels and of another group", _moved, SOME),
        (f"{IMAGES:,} with other labels and of another group", _moved_again, IMAGES),
        (f"{IMAGES:,} of some regions", _of_regions, IMAGES),
        (f"{SOME:,} of another reference", _of_another_tag, SOME),
        (f"{SOME:,} for other platforms", _for_arm, SOME),
    ):
        files.change(change, count)
        changed[what] = manage(what, *apply)
    files.change_endpoints(_asked_otherwise)
    changed[f"{ENDPOINTS:,} endpoints asked otherwise"] = manage(f"{ENDPOINTS:,} endpoints asked otherwise", *apply)
    export = manage("export", "export", "-o", str(exported))
    back = manage("what was exported", "apply", "-f", str(exported))
    if not back.said.startswith("Nothing to do"):
        raise RuntimeError(back.said)
    dry_run = manage("dry run, nothing changed", *apply, "--dry-run")
    return [
        at_most(f"apply {IMAGES:,} images from cold, by the clock", cold.seconds, BAR_COLD_SECONDS, "s"),
        at_most("apply them again, nothing changed", again.seconds, BAR_AGAIN_SECONDS, "s"),
        *(Figure(f"apply: {what}", _told(ran)) for what, ran in {"from cold": cold, "again": again}.items()),
        *(at_most(f"apply: {what}", ran.seconds, BAR_COLD_SECONDS, "s") for what, ran in changed.items()),
        *(Figure(f"apply: {what}", _told(ran)) for what, ran in changed.items()),
        Figure("apply: dry run, nothing changed", _told(dry_run)),
        Figure("export", _told(export)),
        Figure("memory of the largest run", f"{max(ran.mib for ran in (cold, again, *changed.values())):.0f} MiB"),
    ]


def _let_all_be_checked() -> None:
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.models import Region  # noqa: PLC0415 - imports models

    Region.objects.bulk_create(Region(slug=f"region-{number}", name=f"region-{number}") for number in (1, 2, 3))
    with connection.cursor() as cursor:
        for statement in _CHECKED:
            cursor.execute(statement)
    connection.close()


def _told(ran: Ran) -> str:
    return f"{ran.seconds:.1f} s, CPU {ran.here:.1f} + {ran.database:.1f} s"


class Files:
    """A directory: one file for each group with its images, and one for all else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._images = [_image(number) for number in range(IMAGES)]
        self._endpoints = [_endpoint(number) for number in range(ENDPOINTS)]

    def write(self) -> None:
        self._write("0-settings", _settings())
        self._write("endpoints", self._endpoints)
        for group in range(GROUPS):
            self._write(f"images-{group}", self._images[group::GROUPS])

    def change(self, change: Change, count: int) -> None:
        """Write the first so many images as something has made of them."""
        self._images[:count] = [change(number, image) for number, image in enumerate(self._images[:count])]
        self.write()

    def change_endpoints(self, change: Change) -> None:
        self._endpoints = [change(number, endpoint) for number, endpoint in enumerate(self._endpoints)]
        self.write()

    def _write(self, name: str, documents: list[Document]) -> None:
        (self.folder / f"{name}.yaml").write_text(written(documents), encoding="utf-8")


def _document(kind: str, name: str, spec: Document, labels: Document | None = None) -> Document:
    metadata = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": "kairos/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _settings() -> list[Document]:
    def made() -> Iterator[Document]:
        yield _document("Source", "bench", {"complete": True})
        yield _document("Schedule", "hourly", {"interval_seconds": 3600})
        yield _document("Schedule", "nightly", {"crontab": "0 2 * * *", "zone": "Europe/Berlin"})
        yield _document("Policy", "strict", {"terms": {"failures": 2}})
        for number in range(GROUPS):
            yield _document("Group", f"group-{number}", {"policy": "strict", "notes": f"Of team {number}."})

    return list(made())


def _image(number: int) -> Document:
    registry = f"registry-{number % REGISTRIES}.example"
    spec: Document = {
        "reference": f"{registry}/team-{number % 100}/service-{number}:1.{number % 10}",
        "group": f"group-{number % GROUPS}",
        "platforms": ["linux/amd64", "linux/arm64"],
    }
    if number % 3 == 0:
        spec["schedule"] = "nightly" if number % 2 else "hourly"
    if number % 5 == 0:
        spec["terms"] = {"failures": 3, "uptime_target_percent": 99.9}
    return _document("Image", f"service-{number}", spec, {"team": f"team-{number % 100}", "tier": "web"})


def _endpoint(number: int) -> Document:
    spec = {"reference": f"https://service-{number}.example/health", "endpoint": {"contains": "ok"}}
    return _document("Endpoint", f"health-{number}", spec)


def _with(image: Document, labels: Document | None = None, **spec: Any) -> Document:
    metadata = image["metadata"] | ({"labels": labels} if labels else {})
    return image | {"metadata": metadata, "spec": image["spec"] | spec}


def _moved(number: int, image: Document) -> Document:
    return _with(image, {"team": "moved"}, group=f"group-{(number + 1) % GROUPS}")


def _moved_again(number: int, image: Document) -> Document:
    return _with(image, {"team": "moved again"}, group=f"group-{(number + 2) % GROUPS}")


def _of_regions(number: int, image: Document) -> Document:
    return _with(image, regions=[f"region-{number % 3 + 1}", f"region-{(number + 1) % 3 + 1}"])


def _of_another_tag(_: int, image: Document) -> Document:
    return _with(image, reference=f"{image['spec']['reference']}.1")


def _for_arm(_: int, image: Document) -> Document:
    return _with(image, platforms=["linux/arm64"])


def _asked_otherwise(number: int, endpoint: Document) -> Document:
    return _with(endpoint, endpoint={"contains": f"ok {number}"})
