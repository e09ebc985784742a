"""What runs, and what each program may know.

The control plane's programs inherit our environment. A region's worker does not: it gets the broker's URL, its
region and its key file, as on any machine far away, and never the database or a secret of the control plane.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kairos.child import Child, common_environment
from kairos.environment import Bind, RegionName
from kairos.up import leftovers
from probes.broker.address import FILE_VARIABLES

WEB_THREADS: Final = 8
CONTROL_PROCESSES: Final = 2
# Where a machine keeps its certificate authorities, how loud to be, within which limits to check, whom to ask whether
# the machine reaches anything: the rest of ours is not a region's business.
EDGE_VARIABLES: Final = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "KAIROS_LOG_FORMAT", "KAIROS_LOG_LEVEL", "KAIROS_LIMIT_"),
    *("KAIROS_EDGE_CANARIES", "KAIROS_EDGE_CANARY_SECONDS"),
    *FILE_VARIABLES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run takes place: everything its programs are told."""

    project: Path  # the directory of manage.py
    state: Path
    bind: Bind
    regions: tuple[RegionName, ...]
    edge_variables: Mapping[str, str] = field(default_factory=dict)  # besides; the operator's own come first
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    has_accounts: bool = False  # one for each region, on the broker

    @property
    def control_environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **leftovers.mark(self.state),
            "DJANGO_SETTINGS_MODULE": "kairos.settings",
            "DATABASE_URL": self.database_url,
            "BROKER_URL": self.broker_url,
            "KAIROS_STATE_DIR": str(self.state),
            "KAIROS_BIND": str(self.bind),
            "KAIROS_REGIONS": ",".join(f"{region.slug}:{region.name}" for region in self.regions),
            "PYTHONUNBUFFERED": "1",
        }

    def edge_environment(self, region: RegionName) -> dict[str, str]:
        return {
            **common_environment(),
            **self.edge_variables,
            **{name: value for name, value in os.environ.items() if name.startswith(EDGE_VARIABLES)},
            **leftovers.mark(self.state),
            "BROKER_URL_FILE": str(self.state / "regions" / region.slug / "broker-url"),
            "KAIROS_REGION": region.slug,
            "KAIROS_REGION_KEY_FILE": str(self.state / "regions" / region.slug / "region-key.json"),
            # Checks in hand may end, but everything here has ten seconds to stop.
            "KAIROS_EDGE_FINISH_SECONDS": "2",
            "KAIROS_EDGE_DRAIN_SECONDS": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def control(self, name: str, *arguments: str, once: bool = False) -> Child:
        """Return a program of the control plane, run by this Python."""
        return Child(
            name=name,
            argv=(sys.executable, *arguments),
            environment=self.control_environment,
            directory=self.project,
            once=once,
        )

    def manage(self, name: str, *arguments: str) -> Child:
        """Return a management command that runs to its end."""
        return self.control(name, "manage.py", *arguments, once=True)

    def prepare(self, *arguments: str) -> Child:
        """Return the command that makes everything ready, the regions' accounts included where there are such."""
        accounts = ("--broker-accounts",) if self.has_accounts else ()
        return self.manage("prepare", "prepare", *accounts, *arguments)


def control_plane(place: Place) -> tuple[Child, ...]:
    """Return the web server, the scheduler and the worker of the control plane."""
    celery = ("-m", "celery", "--quiet", "--app", "kairos")
    queues = ("--queues", "control,results,heartbeats")
    worker = (*queues, "--concurrency", str(CONTROL_PROCESSES), "--hostname", "control@%h")
    gunicorn = ("-m", "gunicorn", "kairos.wsgi", "--bind", str(place.bind), "--no-control-socket")
    return (
        place.control("control", *celery, "worker", *worker, "--without-gossip", "--without-mingle"),
        place.control("beat", *celery, "beat", "--pidfile", ""),
        place.control(
            *("web", *gunicorn, "--threads", str(WEB_THREADS)),
            *("--graceful-timeout", "3", "--log-level", "warning", "--config", "python:kairos.gunicorn"),
        ),
    )


def edge_name(region: RegionName) -> str:
    """Return the name of a region's worker among all programs: a region may well be called web."""
    return f"edge-{region.slug}"


def edges(place: Place) -> tuple[Child, ...]:
    """Return one worker for each region."""
    return tuple(
        Child(
            name=edge_name(region),
            argv=(sys.executable, "-m", "probes.edge"),
            environment=place.edge_environment(region),
            directory=place.project,
        )
        for region in place.regions
    )
