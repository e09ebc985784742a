"""What pip would install from a lock, copied from where the tests themselves run.

To install and compile all that the control plane needs takes pip half a minute of a core. Only what the lock names is
copied, in the versions that it names: where it lacks something, programs fail as they would after pip.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

_PIN: Final = re.compile(r"^(?P<pin>[A-Za-z0-9][^\\\n]*==[^\\\n]*)", re.MULTILINE)
_SITE: Final = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def copy(lock: Path, venv: Path) -> bool:
    """Copy what `lock` pins into the virtual environment `venv`; return False unless all of it is installed here."""
    try:
        found = list(_pinned(lock.read_text(encoding="utf-8")))
    except PackageNotFoundError:
        return False
    for distribution in found:
        for file in distribution.files or ():
            _copy(Path(str(distribution.locate_file(file))), venv / _SITE / file)
    return True


def _pinned(text: str) -> Iterator[Distribution]:
    """Yield the distributions that the lock pins for this Python. Raises `PackageNotFoundError`."""
    for match in _PIN.finditer(text):
        requirement = Requirement(match["pin"].strip())
        if requirement.marker is None or requirement.marker.evaluate():
            distribution = Distribution.from_name(requirement.name)
            if not requirement.specifier.contains(distribution.version, prereleases=True):
                raise PackageNotFoundError(str(requirement))
            yield distribution


def _copy(source: Path, target: Path) -> None:
    if not source.exists():  # what was compiled may have gone, and comes again
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    if target.parent.name == "bin":
        text = target.read_bytes()
        if text.startswith(b"#!") and b"python" in text.partition(b"\n")[0]:
            target.write_bytes(b"#!/venv/bin/python\n" + text.partition(b"\n")[2])
    for compiled in source.parent.glob(f"__pycache__/{source.stem}.*.pyc") if source.suffix == ".py" else ():
        (target.parent / "__pycache__").mkdir(exist_ok=True)
        shutil.copy2(compiled, target.parent / "__pycache__" / compiled.name)
