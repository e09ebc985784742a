"""docker-compose.yml as Compose reads it: merged, and with variables put in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from tests.deploy.dockerfile import ROOT

FILE: Final = ROOT / "docker-compose.yml"
NEEDED: Final = ("POSTGRES_PASSWORD", "REDIS_PASSWORD")
"""What .env must hold."""

_VARIABLE: Final = re.compile(r"\$(?:\$|\{(?P<name>[A-Z0-9_]+)(?:(?P<kind>:\?|:-)(?P<rest>[^}]*))?\})")


class NotSet(Exception):
    """A variable without which Compose stops."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service; `command` and `healthcheck` are empty where the image's count."""

    name: str
    document: Mapping[str, Any] = field(repr=False)

    @property
    def target(self) -> str:
        """The stage of our Dockerfile, or nothing."""
        return str(self.document.get("build", {}).get("target", ""))

    @property
    def command(self) -> tuple[str, ...]:
        return tuple(self.document.get("command", ()))

    @property
    def environment(self) -> dict[str, str]:
        # Compose puts variables in after reading YAML: what is nothing then is an empty text, and no null.
        given = self.document.get("environment", {})
        return {name: "" if value is None else str(value) for name, value in given.items()}

    @property
    def grace_seconds(self) -> float:
        return float(str(self.document.get("stop_grace_period", "10s")).removesuffix("s"))

    @property
    def volumes(self) -> dict[str, tuple[str, str]]:
        """By place: the name or path of what is mounted, and `ro` or `rw`."""
        split = (f"{text}:rw".split(":") for text in self.document.get("volumes", ()))
        return {place: (source, mode) for source, place, mode, *_ in split}


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """Return the services by name. Raises `NotSet`."""
    document = yaml.safe_load(interpolated(FILE.read_text(encoding="utf-8"), variables))
    return {name: Service(name, service) for name, service in document["services"].items()}


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in: `${NAME}`, `${NAME:-default}`, `${NAME:?what is missing}`, and `$$` for a dollar."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if found := variables.get(match["name"]):
            return found
        if match["kind"] == ":?":
            raise NotSet(f"{match['name']}: {match['rest']}")
        return match["rest"] or ""

    return _VARIABLE.sub(value, text)
