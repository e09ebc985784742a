"""One image, asked about by Kairos, and pulled by skopeo and by containerd."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from probes.protocol.outcome import Outcome
from probes.protocol.plan import ALL_PLATFORMS, ANONYMOUS, DEFAULT_PLATFORM, Plan, Secret, Site
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.fakes.containerd import Containerd
from tests.fakes.skopeo import Answer, Skopeo

if TYPE_CHECKING:
    from tests.interop.scene import Scene

LOOPBACK: Final = "127.0.0.0/8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of all. Without a CA the registry speaks plain HTTP; `platform` may be `all`."""

    reference: str
    platform: str = DEFAULT_PLATFORM
    secret: Secret = ANONYMOUS
    ca_file: Path | None = None
    allow_cidr: str = LOOPBACK

    @property
    def plan(self) -> Plan:
        ca_pem = self.ca_file.read_text() if self.ca_file else ""
        site = Site(ca_pem=ca_pem, allow_cidrs=(self.allow_cidr,), plain_http=self.ca_file is None)
        return Plan(reference=self.reference, platforms=(self.platform,), site=site)


Make = Callable[["Scene", str], Question]
"""Puts an image into the repository, damages what is to be damaged, and returns what to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state that an image can be in, and what each is expected to say of it.

    `found_at` is the shallowest depth that does not call the image available; None where none does.
    """

    name: str
    make: Make
    reason: Reason
    found_at: Depth | None
    is_copied: bool
    is_fetched: bool

    @property
    def is_available(self) -> bool:
        return self.reason is Reason.OK

    @property
    def is_disputed(self) -> bool:
        """Tell whether Kairos differs from skopeo or containerd; `docs/adr/0018` says why it may."""
        return not self.is_available == self.is_copied == self.is_fetched


class Shelf:
    """States in the order they were put here, by the name of the function that makes each."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def sound(self, make: Make) -> Make:
        """Add a state in which the image can be pulled, as all say."""
        return self.state(Reason.OK)(make)

    def state(
        self,
        reason: Reason,
        found_at: Depth | None = None,
        *,
        is_copied: bool | None = None,
        is_fetched: bool | None = None,
    ) -> Callable[[Make], Make]:
        """Add a state with what Kairos says of it.

        skopeo agrees unless `is_copied` says otherwise, containerd unless `is_fetched` does.
        """

        def add(make: Make) -> Make:
            agreed = reason is Reason.OK
            self.states.append(
                State(
                    name=make.__name__.replace("_", " "),
                    make=make,
                    reason=reason,
                    found_at=found_at,
                    is_copied=agreed if is_copied is None else is_copied,
                    is_fetched=agreed if is_fetched is None else is_fetched,
                )
            )
            return make

        return add


def check(question: Question) -> Outcome:
    """Check at full depth."""
    (outcome,) = check_at(question, Depth.BLOBS)
    return outcome


def check_at(question: Question, *depths: Depth) -> list[Outcome]:
    """Check at these depths side by side, so that their pauses before a retry pass together."""
    plans = [replace(question.plan, depth=depth) for depth in depths]

    async def outcomes() -> list[Outcome]:
        return await asyncio.gather(*(_check(plan, question.secret) for plan in plans))

    return asyncio.run(outcomes())


async def _check(plan: Plan, secret: Secret) -> Outcome:
    # An engine for each: what one check learns of a login must not help another.
    async with Engine(user_agent="kairos-interop") as engine:
        return await engine.check(plan, secret)


def copy(question: Question, directory: Path) -> Answer:
    """Copy the image to a new directory, as skopeo does before it says that all is well."""
    platform = "" if question.platform == ALL_PLATFORMS else question.platform
    options = ["--all"] if question.platform == ALL_PLATFORMS else []
    destination = f"dir:{directory / 'copy'}"
    return Skopeo(directory, question.ca_file).copy(
        _source(question), destination, *_trust("src", question), *options, platform=platform
    )


def fetch(question: Question, containerd: Containerd) -> Answer:
    """Let containerd fetch all of the image."""
    secret = question.secret
    return containerd.fetch(
        question.reference,
        platform="" if question.platform == ALL_PLATFORMS else question.platform,
        login="" if secret.is_anonymous else f"{secret.username}:{secret.password}",
        ca_file=question.ca_file,
    )


def digest_by_skopeo(question: Question, home: Path) -> str:
    """Return the digest of what the reference names. Raises `AssertionError` when skopeo cannot tell."""
    skopeo, options = Skopeo(home, question.ca_file), ("--no-tags", *_trust("", question))
    answer = skopeo.inspect(_source(question), *options)
    if "on artifact" not in answer.errors:
        return str(answer.document["Digest"])
    manifest = home / "manifest.json"  # skopeo describes no artifact, but it knows a manifest's digest
    manifest.write_text(skopeo.inspect(_source(question), "--raw", *options).output)
    return skopeo.run("manifest-digest", str(manifest)).output.strip()


def _source(question: Question) -> str:
    return f"docker://{question.reference}"


def _trust(prefix: str, question: Question) -> list[str]:
    """Return the options of skopeo that stand for the question's secret and scheme."""
    start = f"--{prefix}-" if prefix else "--"
    options = [f"{start}tls-verify=false"] if question.ca_file is None else []
    if not question.secret.is_anonymous:
        options += [f"{start}creds", f"{question.secret.username}:{question.secret.password}"]
    return options
