"""What deploy/Dockerfile says, read as a builder reads it, as far as it goes: the instructions of each stage."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "deploy" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Copy:
    """Files into an image: from another stage, or from the build context where `stage` is empty."""

    sources: tuple[str, ...]
    destination: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    command: str


@dataclass(slots=True)
class Stage:
    """One stage with all that it inherits. `steps` are in their order, each with its working directory."""

    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    steps: list[tuple[str, Copy | Run]] = field(default_factory=list)
    directory: str = "/"
    user: str = "0:0"
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    health_options: dict[str, str] = field(default_factory=dict)


def stages(text: str | None = None) -> dict[str, Stage]:
    """Return the stages by name. Raises AssertionError at an instruction that this does not know."""
    found: dict[str, Stage] = {}
    stage = Stage()
    base = ""
    for word, rest in _instructions(text if text is not None else FILE.read_text(encoding="utf-8")):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            before = found.get(base, Stage())
            stage = Stage(
                environment=dict(before.environment),
                steps=list(before.steps),
                directory=before.directory,
                user=before.user,
            )
            found[name] = stage
        else:
            _apply(stage, word, rest)
    return found


def _apply(stage: Stage, word: str, rest: str) -> None:
    match word:
        case "ARG":
            name, _, default = rest.partition("=")
            stage.arguments[name] = default
        case "ENV":
            pairs = (item.partition("=") for item in shlex.split(rest))
            stage.environment.update({name: value for name, _, value in pairs})
        case "WORKDIR":
            stage.directory = rest
        case "USER":
            stage.user = rest
        case "RUN":
            # The builder puts the arguments into the environment of the command.
            stage.steps.append((stage.directory, Run(Template(rest).safe_substitute(stage.arguments))))
        case "COPY":
            *sources, destination = shlex.split(rest)
            origin = sources.pop(0).removeprefix("--from=") if sources[0].startswith("--from=") else ""
            stage.steps.append((stage.directory, Copy(tuple(sources), destination, origin)))
        case "HEALTHCHECK":
            options, _, command = rest.partition(" CMD ")
            stage.health = tuple(json.loads(command))
            stage.health_options = dict(item.removeprefix("--").split("=") for item in options.split())
        case "CMD":
            stage.command = tuple(json.loads(rest))
        case "EXPOSE":
            pass
        case _:
            raise AssertionError(f"{word}: not read here; teach it")


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        yield word, rest.strip()


def is_in_context(path: str, rules: str | None = None) -> bool:
    """Tell whether .dockerignore lets this path of the repository into a build: the last rule that fits decides."""
    text = rules if rules is not None else (ROOT / ".dockerignore").read_text(encoding="utf-8")
    is_in = True
    for line in text.splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#") and _matches(path, rule.removeprefix("!")):
            is_in = rule.startswith("!")
    return is_in


def _matches(path: str, pattern: str) -> bool:
    """Match as .dockerignore does: a pattern stands for all that is below it, `**/` for any directories."""
    expression = re.escape(pattern.rstrip("/")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(f"{expression}(?:/.*)?", path) is not None
