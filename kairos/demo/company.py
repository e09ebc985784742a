"""The demonstration as company for `manage.py up`: its process, its setup and its line in the banner."""

import sys
from collections.abc import Iterable
from pathlib import Path

from kairos.child import Child, common_environment
from kairos.demo.certificates import PUBLIC_FILE
from kairos.demo.sites import Sites
from kairos.environment import Bind, RegionName
from kairos.up import leftovers
from kairos.up.sequence import Company


def playing(*, project: Path, state: Path, port: int, regions: Iterable[RegionName]) -> Company:
    """Return the company of a run in `state` with the demonstration, at `port`."""
    directory = state / "demo"
    sites = Sites.at(port)
    process = Child(
        name="demo",
        argv=(
            *(sys.executable, "-m", "kairos.demo", "--state-dir", str(directory), "--port", str(port)),
            *("--regions", ",".join(region.slug for region in regions)),
        ),
        environment={**common_environment(), **leftovers.mark(state), "PYTHONUNBUFFERED": "1"},
        directory=project,
    )
    return Company(
        children=(process,),
        setup=(("load_demo", "--state-dir", str(directory), "--port", str(port)),),
        lines=(("demo", f"{sites.registry.origin()} at {sites.registry.address}; see docs/how-to/demo.md"),),
        # Here nothing else need be reached, so the demonstration tells of itself whether it is.
        edge_variables={
            "KAIROS_EDGE_CANARIES": f"{sites.registry.origin(by_address=True)}/v2/",
            "KAIROS_EDGE_CANARIES_CA_FILE": str(directory / PUBLIC_FILE),
        },
        binds=tuple((Bind(site.address, site.port), f"--demo-port {port + 1}") for site in sites),
    )


def resting(state: Path) -> Company:
    """Return the company of a run in `state` without the demonstration: images of an earlier one rest."""
    return Company(setup=(("load_demo", "--pause"),)) if (state / "demo").exists() else Company()
