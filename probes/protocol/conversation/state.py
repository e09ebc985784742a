"""The values that the conversation is made of."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from probes.protocol.challenge import Challenge
from probes.protocol.conversation.known import NOTHING_KNOWN, Document, Known
from probes.protocol.errors import RegistryError, retry_at, throttling
from probes.protocol.exchange import Ask, Method, Reply
from probes.protocol.limits import DEFAULT_LIMITS, CheckLimits
from probes.protocol.manifest import Descriptor
from probes.protocol.outcome import AuthPath, Conclusion, RateLimit
from probes.protocol.plan import Plan, Secret
from probes.protocol.platform import Platform
from probes.protocol.reference import Reference
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Warn
from probes.protocol.token import Realm
from probes.protocol.urls import Origin, origin_of

HEAD_REFUSED: Final = frozenset({405, 501})  # row M6


class Purpose(StrEnum):
    """What an errand is for; decides who reads its reply."""

    RESOLVE = "resolve"  # HEAD of the tag or digest
    MANIFEST = "manifest"  # GET of the document behind the reference
    CHILD = "child"  # GET of a platform's manifest by digest
    CONFIG = "config"  # GET of a config blob, read whole for its platform
    BLOB = "blob"  # one byte of a config or layer
    TAG = "tag"  # HEAD of the tag beside the digest that is checked (row R13)
    PING = "ping"  # GET /v2/ for a challenge (row C10)
    CONFIRM = "confirm"  # GET /v2/ to tell a registry from a web server (row E5)
    TOKEN = "token"  # noqa: S105 - a purpose, not a secret
    GUEST_TOKEN = "guest_token"  # noqa: S105 - likewise; had by anyone, for a guest (rows C21, T34)
    TRIAL = "trial"  # HEAD of the reference as anyone, for a hint only (row T34)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One thing to fetch, with where it has been so far. `home` is its URL at the registry, `url` where it is now."""

    purpose: Purpose
    stage: Stage
    home: str
    url: str
    method: Method = "GET"
    descriptor: Descriptor | None = None
    platforms: tuple[str, ...] = ()  # which wanted platforms depend on it
    lineage: tuple[str, ...] = ()  # digests of the indexes above it
    visited: tuple[str, ...] = ()
    has_left_home: bool = False  # a hop went to another origin: nothing of ours is sent any more (S7, S8)
    retries: int = 0
    restarts: int = 0  # how often a stale signature sent it back to the registry (rows B13, B14)
    was_guest: bool = False  # a guest's token has been shown for it (row C21)
    fresh_connection: bool = False
    delay_seconds: float = 0.0
    login_generation: int = 0  # of the Authorization that it was last sent with
    first_failure: "Failure | None" = None  # what a fallback must not overwrite (row E19)
    place: tuple[int, ...] = ()  # in the order of a pull, however the replies arrive
    known: Document | None = None  # its bytes, where only their presence is asked for

    @property
    def is_probe(self) -> bool:
        """Tell whether one byte is enough."""
        return self.purpose is Purpose.BLOB or (self.purpose is Purpose.CONFIG and self.known is not None)

    @property
    def is_only_a_head(self) -> bool:
        """Tell whether a GET follows wherever this HEAD does not settle the matter (row M8)."""
        return self.purpose is Purpose.RESOLVE or (self.purpose is Purpose.CHILD and self.known is not None)

    @property
    def hops(self) -> int:
        return len(self.visited)

    @property
    def content(self) -> Descriptor:
        """The descriptor of what a child, config or blob errand fetches; those always have one."""
        return cast("Descriptor", self.descriptor)

    def failure(self, reason: Reason, detail: str = "", retry_at: datetime | None = None) -> "Failure":
        """Return a failure of the errand where it is now."""
        host = origin_of(self.url).netloc
        return Failure(reason=reason, stage=self.stage, host=host, detail=detail, retry_at=retry_at, place=self.place)

    def read_after_all(self) -> "Errand":
        """Return the errand that reads what this one only looked for."""
        return replace(self.restarted(), method="GET", known=None)

    def refusal(
        self, reason: Reason, reply: Reply, error: RegistryError, detail: str = "", *, by_stranger: bool = False
    ) -> "Failure":
        """Return the failure that a refusing reply means, in its own words unless `detail` has better ones.

        `by_stranger` says that the registry chose who replies; beyond a redirect it did in any case.
        """
        kind = throttling(reply, error, is_head=self.method == "HEAD")
        detail = detail or error.shown(reply.status, by_stranger=by_stranger or self.has_left_home)
        return self.failure(reason, f"{kind}: {detail}" if kind else detail, retry_at(reply))

    def restarted(self) -> "Errand":
        """Return the errand back at the registry, as if it had met no redirect."""
        return replace(self, url=self.home, visited=(), has_left_home=False, delay_seconds=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one errand did not succeed."""

    reason: Reason
    stage: Stage
    host: str
    detail: str = ""
    retry_at: datetime | None = None
    place: tuple[int, ...] = ()

    @property
    def confidence(self) -> Confidence:
        return self.reason.meaning.confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where the check stands with the registry's login. `header` is the Authorization value, or empty."""

    header: str = field(default="", repr=False)
    path: AuthPath = "none"
    generation: int = 0  # grows with every new header; tells a stale 401 from a fresh one
    exchanges: int = 0
    challenge: Challenge | None = None
    realm: Realm | None = None
    scope: str = ""
    is_under_way: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A token that anyone may have, for one origin and for this check only: at most one in a check (rows C21, T34).

    `waiting` are the errands that it is for. `header` is the Authorization value, or empty while it is not had.
    """

    origin: Origin
    waiting: tuple[Errand, ...]
    header: str = field(default="", repr=False)
    is_under_way: bool = True


@dataclass(frozen=True, slots=True)
class Memory:
    """What an earlier check learned of this repository's login: a usable header, or at least a challenge.

    `lifetime_seconds` is how long the header may be used, from when it was received.
    """

    challenge: Challenge | None = None
    challenge_url: str = ""
    header: str = field(default="", repr=False)
    lifetime_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One wanted platform and what is known of it so far. `name` is as the plan gave it."""

    name: str
    platform: Platform | None
    digest: str | None = None
    failure: Failure | None = None


@dataclass(kw_only=True)  # without slots: `copy` is made for every event, and a dict is copied at once
class State:
    """The whole of a conversation between two events. A value: `advance` copies it and never changes it."""

    plan: Plan
    secret: Secret
    reference: Reference
    registry: Origin
    limits: CheckLimits = DEFAULT_LIMITS
    login: Login = Login()
    known: Known = NOTHING_KNOWN
    guest: Guest | None = None
    challenge_url: str = ""
    in_flight: dict[int, Errand] = field(default_factory=dict)
    waiting: tuple[Errand, ...] = ()  # for the login
    queue: tuple[Errand, ...] = ()  # children and blobs not yet asked for
    wanted: tuple[Wanted, ...] = ()
    users: dict[str, tuple[str, ...]] = field(default_factory=dict)  # blob digest → wanted platforms
    digest: str | None = None
    head_status: int | None = None
    has_manifest: bool = False
    lost: dict[str, Failure] = field(default_factory=dict)  # blob digest → why it cannot be had
    failures: tuple[Failure, ...] = ()
    settled: Failure | None = None  # how the check ends, whatever else still comes in (row T34)
    warnings: tuple[Warn, ...] = ()
    notices: tuple[str, ...] = ()  # what the registry says by `Warning` (row M26)
    rate_limit: RateLimit | None = None
    learned: Memory | None = None  # what `Done` hands on
    secrets: tuple[str, ...] = field(default=(), repr=False)  # never to be shown, whoever echoes them
    deepest: Depth = Depth.BLOBS  # what can still be proven, after something had to be left out
    attempts: int = 1
    next_id: int = 0  # also the number of requests so far
    received_bytes: int = 0
    unqueued: int = 0  # those of them that are not for a child or a blob
    pauses_seconds: float = 0.0  # all that registries have asked us to wait so far

    def copy(self) -> "State":
        """Return a state that can be changed without this one changing."""
        twin = object.__new__(State)
        twin.__dict__.update(self.__dict__)
        twin.in_flight, twin.users, twin.lost = dict(self.in_flight), dict(self.users), dict(self.lost)
        return twin

    @property
    def repository_url(self) -> str:
        return f"{self.registry}/v2/{self.reference.repository}"

    @property
    def has_shown_credentials(self) -> bool:
        return bool(self.login.header) and not self.secret.is_anonymous


@dataclass(frozen=True, slots=True)
class Send:
    """Ask these, and go on waiting for whatever is still in flight; `asks` may be empty.

    `documents` were read whole by the event before, and are what their digests say.
    """

    state: State
    asks: tuple[Ask, ...]
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The conversation is over; exchanges still in flight may be dropped.

    `memory` is for later checks of the repository: None leaves what is remembered, an empty one forgets it.
    `secrets` are what may not be shown of the steps, should the registry have echoed them. `lacks_head` tells of a
    registry that refused HEAD just now and gave the manifest by GET.
    """

    conclusion: Conclusion
    memory: Memory | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    documents: tuple[Document, ...] = ()
    lacks_head: bool = False
