"""The pull ladder of one outcome: what a pull has to pass, rung by rung, and how far the check got.

PURE. A check is a list of exchanges, some of them asked side by side, at several hosts. A pull, as people think of
it, is a ladder: the host's name is found, a connection made and secured, a login asked for and had, the tag found,
what it points at read, an image for the platform found, its config and its layers there. Here the first becomes the
second.

Of each rung is said what is known of it, and never more: one that was passed by a remembered document or a connection
that was open says so, and one that was not asked at the check's depth is not called good.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from probes.protocol.outcome import Outcome, Step
from probes.protocol.taxonomy import Depth, Reason, Stage, Status, Warn


class Rung(StrEnum):
    """What a pull passes, in order; of an endpoint the first three and the last two."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    CHALLENGE = "challenge"
    TOKEN = "token"  # noqa: S105 - a rung, not a secret
    TAG = "tag"
    DIGEST = "digest"
    PLATFORM = "platform"
    CONFIG = "config"
    LAYERS = "layers"
    REQUEST = "request"
    ASSERTIONS = "assertions"


OF_IMAGE: Final = tuple(Rung)[:10]
OF_ENDPOINT: Final = (Rung.DNS, Rung.CONNECT, Rung.TLS, Rung.REQUEST, Rung.ASSERTIONS)


class State(StrEnum):
    """How far a check got with a rung."""

    OK = "ok"
    BROKEN = "broken"
    NOT_REACHED = "not_reached"  # something before it is broken
    NOT_ASKED = "not_asked"  # the check was not to go so deep
    NOT_NEEDED = "not_needed"  # there is no such step on this way: no login, no TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of a rung. `hosts` are all that it was about, the first of them (`host`) told with the rest.

    `step` is the exchange that tells most: the one that failed, else the slowest. `time_ms` is that rung's own part
    of it. `note` says what the state alone does not, as a clause.
    """

    rung: Rung
    state: State
    hosts: tuple[str, ...] = ()
    step: Step | None = None
    time_ms: float | None = None
    note: str = ""

    @property
    def host(self) -> str:
        return self.step.host if self.step else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Which layer could not be read: its digest, and its place among `of` from one on.

    `number` is None where not all were asked, or it cannot be told.
    """

    digest: str
    number: int | None
    of: int


_HOPS: Final = (Rung.DNS, Rung.CONNECT, Rung.TLS)
_PHASES: Final[dict[Rung, Callable[[Step], float | None]]] = {
    Rung.DNS: lambda step: step.dns_ms,
    Rung.CONNECT: lambda step: step.connect_ms,
    Rung.TLS: lambda step: step.tls_ms,
}
_HOP_STAGES: Final = {Stage.DNS: Rung.DNS, Stage.CONNECT: Rung.CONNECT, Stage.TLS: Rung.TLS}
_PLACES: Final = {
    Stage.CHALLENGE: Rung.CHALLENGE,
    Stage.TOKEN: Rung.TOKEN,
    Stage.INDEX: Rung.PLATFORM,
    Stage.CHILD: Rung.PLATFORM,
    Stage.CONFIG: Rung.CONFIG,
    Stage.LAYER: Rung.LAYERS,
    Stage.REQUEST: Rung.REQUEST,
    Stage.REDIRECT: Rung.REQUEST,
}
_PROVED_BY: Final = {
    Rung.TAG: Depth.RESOLVE,
    Rung.DIGEST: Depth.MANIFEST,
    Rung.PLATFORM: Depth.PLATFORM,
    Rung.CONFIG: Depth.BLOBS,
    Rung.LAYERS: Depth.BLOBS,
}
_OF_PLATFORMS: Final = frozenset({Reason.PLATFORM_MISSING, Reason.CHILD_MANIFEST_MISSING})
_OF_DOCUMENTS: Final = frozenset(
    {
        Reason.TAG_DIGEST_INCONSISTENT,
        Reason.DIGEST_NOT_FOUND,
        Reason.DIGEST_MISMATCH,
        Reason.SIZE_MISMATCH,
        Reason.DIGEST_UNSUPPORTED,
        Reason.MANIFEST_MALFORMED,
        Reason.MANIFEST_EMPTY,
        Reason.MANIFEST_TYPE_CONFLICT,
        Reason.MANIFEST_TYPE_UNSUPPORTED,
        Reason.MANIFEST_ENCODING_UNSUPPORTED,
        Reason.MANIFEST_TOO_LARGE,
        Reason.LEGACY_SCHEMA1,
    }
)
_OF_ASSERTIONS: Final = frozenset(
    {
        Reason.ENDPOINT_STATUS,
        Reason.ENDPOINT_CONTENT,
        Reason.ENDPOINT_JSON,
        Reason.ENDPOINT_TOO_LARGE,
        Reason.ENDPOINT_SLOW,
        Reason.CERTIFICATE_EXPIRING,
    }
)
_BY_DIGEST: Final = re.compile(r"/manifests/[A-Za-z0-9_+.-]+:[0-9a-f…]+$")
_BLOB: Final = re.compile(r"/blobs/([A-Za-z0-9_+.-]+:[0-9a-f]+)$")
_DIGEST: Final = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")


def rungs(outcome: Outcome) -> tuple[Found, ...]:
    """Return the ladder of an outcome, from its foot to its head."""
    return tuple(_Climb(outcome).found(rung) for rung in of_kind(outcome))


def of_kind(outcome: Outcome) -> Sequence[Rung]:
    return OF_ENDPOINT if outcome.kind == "http" else OF_IMAGE


def broken_rung(outcome: Outcome) -> Rung | None:
    """Return the rung at which a check failed; None where it did not, or at none: a malformed reference, say."""
    found = outcome.conclusion
    if found.status is Status.AVAILABLE or found.stage in (None, Stage.PARSE):
        return None
    if hop := _HOP_STAGES.get(found.stage):
        return hop
    if outcome.kind == "http":
        return Rung.ASSERTIONS if found.reason in _OF_ASSERTIONS else Rung.REQUEST
    if found.reason in _OF_PLATFORMS:
        return Rung.PLATFORM
    if found.stage is Stage.MANIFEST:
        failed = outcome.failed_step
        is_tag = _has_tag(outcome) and not (failed and _BY_DIGEST.search(failed.url))
        return Rung.TAG if is_tag and found.reason not in _OF_DOCUMENTS else Rung.DIGEST
    return _PLACES[found.stage]


def goal_of(step: Step) -> Rung | None:
    """Return for what rung something was asked, however far it got on its way there."""
    if step.stage is Stage.MANIFEST:
        return Rung.DIGEST if _BY_DIGEST.search(step.url) else Rung.TAG
    return _PLACES.get(step.stage)


def layer_of(outcome: Outcome) -> Layer | None:
    """Return which layer could not be read; None where that was not what failed, or it cannot be told."""
    failed = outcome.failed_step
    if failed is None or failed.stage is not Stage.LAYER:
        return None
    asked = list(
        dict.fromkeys(
            match[1]
            for step in outcome.steps
            if step.stage is Stage.LAYER and (match := _BLOB.search(step.url.partition("?")[0]))
        )
    )
    # A storage's URL does not tell which blob it is of; what was found does.
    here = _BLOB.search(failed.url.partition("?")[0]) or _DIGEST.search(outcome.conclusion.detail)
    digest = here[here.lastindex or 0] if here else ""
    is_whole = Warn.PROBE_SAMPLED not in outcome.conclusion.warnings
    number = asked.index(digest) + 1 if is_whole and digest in asked else None
    return Layer(digest=digest, number=number, of=len(asked)) if digest or asked else None


class _Climb:
    """One outcome on its way up."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.order = of_kind(outcome)
        self.failed = outcome.failed_step
        self.broken = broken_rung(outcome)
        self.goal = goal_of(self.failed) if self.failed else None
        self.is_answered = any(step.http_status is not None for step in outcome.steps)

    def found(self, rung: Rung) -> Found:
        if rung is self.broken:
            return self._broken(rung)
        if rung in _HOPS:
            return self._hop(rung)
        if rung in (Rung.CHALLENGE, Rung.TOKEN):
            return self._login(rung)
        if rung is Rung.ASSERTIONS:
            return Found(rung=rung, state=State.OK if self._is_well else self._missing(rung))
        return self._document(rung)

    @property
    def _is_well(self) -> bool:
        return self.outcome.status is Status.AVAILABLE

    def _broken(self, rung: Rung) -> Found:
        step = self.failed
        steps = [step] if step else self._own(rung)
        is_on_the_way = rung in _HOPS and self.goal not in (None, Rung.TAG, Rung.REQUEST)
        phase = _PHASES[rung](step) if step and rung in _HOPS else None
        hosts = _hosts(steps) or ((self.outcome.conclusion.host,) if self.outcome.conclusion.host else ())
        return Found(
            rung=rung,
            state=State.BROKEN,
            hosts=hosts,
            step=step,
            time_ms=phase if phase is not None else step.total_ms if step else None,
            note=f"on the way to the {self.goal}" if is_on_the_way else "",
        )

    def _hop(self, rung: Rung) -> Found:
        phase = _PHASES[rung]
        passed = [step for step in self.outcome.steps if phase(step) is not None and step is not self.failed]
        if self.failed and self._is_past(rung) and phase(self.failed) is not None:
            passed.append(self.failed)
        if passed:
            slowest = max(passed, key=lambda step: phase(step) or 0.0)
            return Found(rung=rung, state=State.OK, hosts=_hosts(passed), step=slowest, time_ms=phase(slowest))
        if rung is Rung.DNS and self.outcome.proxy:
            return Found(rung=rung, state=State.NOT_NEEDED, note="the proxy looks names up")
        urls = [step.url for step in self.outcome.steps]
        if rung is Rung.TLS and urls and all(url.startswith("http://") for url in urls):
            return Found(rung=rung, state=State.NOT_NEEDED, note="plain HTTP")
        if self.is_answered or self._is_past(rung) or self._is_well:
            # An address instead of a name, or a connection that was there.
            is_reused = any(step.connection == "reused" for step in self.outcome.steps)
            return Found(rung=rung, state=State.OK, note="connection was open" if is_reused else "")
        return Found(rung=rung, state=State.NOT_REACHED)

    def _is_past(self, rung: Rung) -> bool:
        """Tell whether the check failed only after this hop."""
        return self.broken is not None and self.order.index(self.broken) > self.order.index(rung)

    def _login(self, rung: Rung) -> Found:
        own = self._own(rung)
        if own:
            return self._passed(rung, own)
        if self.outcome.conclusion.auth_path == "cached":
            return Found(rung=rung, state=State.NOT_NEEDED, note="token from before")
        if self._is_well or (self.is_answered and (self.broken is None or self._is_past(rung))):
            said = "no login asked for" if rung is Rung.CHALLENGE else "no token needed"
            return Found(rung=rung, state=State.NOT_NEEDED, note=said)
        return Found(rung=rung, state=State.NOT_REACHED)

    def _document(self, rung: Rung) -> Found:
        if rung is Rung.TAG and not _has_tag(self.outcome):
            return Found(rung=rung, state=State.NOT_NEEDED, note="asked for by digest")
        depth = self.outcome.conclusion.depth
        is_proved = depth is not None and depth.includes(_PROVED_BY.get(rung, Depth.BLOBS))
        # That the registry sent us on to a storage is no layer yet.
        given = [step for step in self._own(rung) if step.error is None and 200 <= (step.http_status or 0) < 300]
        is_failed_goal = rung is self.goal and self.broken in _HOPS
        if is_proved or (given and not is_failed_goal):
            return self._passed(rung, given) if given else Found(rung=rung, state=State.OK, note="as before")
        return Found(rung=rung, state=self._missing(rung))

    def _missing(self, rung: Rung) -> State:
        """Return why nothing is known of a rung."""
        if self._is_well:
            # What an endpoint answered was asked for, whether or not its exchange is kept.
            return State.OK if rung is Rung.REQUEST else State.NOT_ASKED
        return State.NOT_REACHED if self.broken is None or rung is self.goal or not self._is_past(rung) else State.OK

    def _passed(self, rung: Rung, steps: Sequence[Step]) -> Found:
        slowest = max(steps, key=lambda step: step.total_ms)
        return Found(
            rung=rung,
            state=State.OK,
            hosts=_hosts(steps),
            step=slowest,
            time_ms=slowest.total_ms,
            note=self._counted(rung, steps),
        )

    def _counted(self, rung: Rung, steps: Sequence[Step]) -> str:
        if rung is not Rung.LAYERS:
            return ""
        count = len({match[1] for step in self.outcome.steps if (match := _layer_path(step))}) or len(steps)
        return f"{count} {'layer' if count == 1 else 'layers'}"

    def _own(self, rung: Rung) -> list[Step]:
        """Return the steps that were made for a rung. One that failed is the broken rung's alone."""
        return [
            step
            for step in self.outcome.steps
            if rung in _served(step) and (step is not self.failed or not step.is_bad)
        ]


def _served(step: Step) -> tuple[Rung | None, ...]:
    """Return what rungs a step tells of: a document read by its tag proves tag and digest."""
    if step.stage is Stage.MANIFEST and step.http_status == 401:
        return (Rung.CHALLENGE,)
    goal = goal_of(step)
    if goal is Rung.TAG and step.method == "GET":
        return Rung.TAG, Rung.DIGEST
    return (goal,)


def _layer_path(step: Step) -> re.Match[str] | None:
    return _BLOB.search(step.url.partition("?")[0]) if step.stage is Stage.LAYER else None


def _has_tag(outcome: Outcome) -> bool:
    name, _, _ = outcome.conclusion.canonical.partition("@")
    return "@" not in outcome.conclusion.canonical or ":" in name.rpartition("/")[2]


def _hosts(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.host for step in steps if step.host))
