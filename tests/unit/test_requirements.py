"""The locked requirements install on the day when newer releases are out."""

import re
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def test_every_extra_that_a_package_asks_for_is_locked_by_name() -> None:
    """`pip --require-hashes` takes `coverage[toml]` as not pinned where the lock says `coverage==…` alone."""
    locked = locked_extras(ROOT / "requirements-dev.txt")
    asked = {
        (canonicalize_name(requirement.name), extra)
        for distribution in distributions()
        if canonicalize_name(distribution.name) in locked
        for requirement in map(Requirement, distribution.requires or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        for extra in requirement.extras
    }
    assert ("coverage", "toml") in asked
    assert {(name, extra) for name, extra in asked if extra not in locked[name]} == set()


def locked_extras(lock: Path) -> dict[str, set[str]]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?==", lock.read_text(), re.MULTILINE)
    return {canonicalize_name(name): set(filter(None, extras.split(","))) for name, extras in pins}
