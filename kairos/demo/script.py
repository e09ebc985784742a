"""What each image of the demonstration does, as data: the script that the registry plays.

PURE: nothing here knows the time; what depends on it is given it. A region is what a worker names in its
User-Agent; a client that names none meets only what happens everywhere. The regions of the script are Kairos'
default ones; a registry that is started for others lets them play these parts in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from kairos.demo.content import Format
from probes.protocol.taxonomy import Depth, Reason

EU_WEST: Final = "eu-west"
US_EAST: Final = "us-east"
AP_SOUTH: Final = "ap-south"
REGIONS: Final = (EU_WEST, US_EAST, AP_SOUTH)


class Part(StrEnum):
    """What of an image is asked for. Layers are those of the image alone, not the shared base."""

    MANIFEST = "manifest"
    CONFIG = "config"
    LAYER = "layer"


class Store(StrEnum):
    """Where the registry sends a client for a blob."""

    HERE = "here"  # it answers itself
    BLOBS = "blobs"
    OLD_BLOBS = "old-blobs"  # the host whose certificate has expired


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer: HTTP status, the code and message of its body, and Retry-After where there is one."""

    status: int
    code: str
    message: str
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A request that goes wrong: which ones, when, and how. Without a refusal it is only late."""

    parts: frozenset[Part] = frozenset({Part.MANIFEST})
    methods: frozenset[str] = frozenset({"GET", "HEAD"})
    regions: frozenset[str] = frozenset()  # none: everywhere
    seconds_of_minute: range = range(60)
    delay_seconds: float = 0.0
    refusal: Refusal | None = None

    def strikes(self, part: Part, *, method: str, region: str, now: datetime) -> bool:
        return (
            part in self.parts
            and method in self.methods
            and (not self.regions or region in self.regions)
            and now.second in self.seconds_of_minute
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """A pull quota as Docker Hub tells it in its `ratelimit-` headers."""

    limit: int
    remaining: int
    window_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How Kairos is set up to check the image. An empty `tag` means the image's own."""

    tag: str = ""
    by_digest: bool = False
    platforms: tuple[str, ...] = ("linux/amd64",)
    depth: Depth = Depth.BLOBS
    login: Literal["none", "right", "wrong"] = "none"
    interval_seconds: int = 15
    paused: bool = False
    maintained: bool = False  # work on it is planned, day and night


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedImage:
    """One image and its conduct. `expected` tells what a check finds, by region; "" is every other region.

    Several reasons for a region mean that it depends on the moment.
    """

    repository: str
    tag: str
    story: str  # one sentence for the person at the dashboard
    expected: Mapping[str, tuple[Reason, ...]]
    home: Literal["registry", "hub"] = "registry"
    style: Format = "oci"
    platforms: tuple[str, ...] = ("linux/amd64",)
    index: bool = False
    layer_bytes: int = 32 * 1024
    private: bool = False
    lagging_regions: frozenset[str] = frozenset()  # where the tag still names the revision before
    store: Store = Store.BLOBS
    lost_platforms: frozenset[str] = frozenset()  # listed in the index, their manifests gone
    lost_layer: bool = False  # known to the registry, gone from the blob host
    quota: Quota | None = None
    faults: tuple[Fault, ...] = ()
    check: Check = field(default_factory=Check)

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"

    def fault(self, part: Part, *, method: str, region: str, now: datetime) -> Fault | None:
        """Return the first fault that strikes this request, if any does."""
        for fault in self.faults:
            if fault.strikes(part, method=method, region=region, now=now):
                return fault
        return None

    def reasons(self, region: str) -> tuple[Reason, ...]:
        """Return what a check from `region` may find."""
        return self.expected.get(region, self.expected[""])


def everywhere(*reasons: Reason) -> dict[str, tuple[Reason, ...]]:
    return {"": reasons}


_BOTH: Final = ("linux/amd64", "linux/arm64")
_HEALTHY: Final = everywhere(Reason.OK)

IMAGES: Final = (
    ScriptedImage(
        repository="shop/checkout",
        tag="2.4.1",
        story="A healthy image for one platform: manifest, config and layers answer.",
        expected=_HEALTHY,
    ),
    ScriptedImage(
        repository="shop/storefront",
        tag="stable",
        story="A healthy image for two platforms behind an index.",
        platforms=_BOTH,
        index=True,
        check=Check(platforms=_BOTH),
        expected=_HEALTHY,
    ),
    ScriptedImage(
        repository="platform/base",
        tag="12",
        story="A healthy image named by its digest; Docker's media types.",
        style="docker",
        platforms=_BOTH,
        index=True,
        check=Check(by_digest=True),
        expected=_HEALTHY,
    ),
    ScriptedImage(
        repository="shop/search",
        tag="2.9.4",
        story="The release that is asked for was never pushed: 404, MANIFEST_UNKNOWN.",
        check=Check(tag="3.0.0"),
        expected=everywhere(Reason.TAG_NOT_FOUND),
    ),
    ScriptedImage(
        repository="payments/ledger",
        tag="1.9",
        story="Private and checked without a login: the token comes without access, as from Docker Hub.",
        private=True,
        expected=everywhere(Reason.AUTH_REQUIRED_OR_MISSING),
    ),
    ScriptedImage(
        repository="payments/gateway",
        tag="4.2",
        story="Private and checked with the right login.",
        private=True,
        check=Check(login="right"),
        expected=_HEALTHY,
    ),
    ScriptedImage(
        repository="payments/invoices",
        tag="2.0",
        story="Private and checked with a password that was changed since: the token server says 401.",
        private=True,
        check=Check(login="wrong"),
        expected=everywhere(Reason.AUTH_BAD_CREDENTIALS),
    ),
    ScriptedImage(
        repository="shop/recommendations",
        tag="1.7",
        story="The scanner in front of us-east forbids the layers, while the manifest answers.",
        faults=(
            Fault(
                parts=frozenset({Part.LAYER}),
                regions=frozenset({US_EAST}),
                refusal=Refusal(
                    403,
                    "DENIED",
                    "Download blocked: Xray policy 'no-critical' found 2 critical vulnerabilities in this artifact",
                ),
            ),
        ),
        expected={US_EAST: (Reason.POLICY_BLOCKED,), "": (Reason.OK,)},
    ),
    ScriptedImage(
        repository="data/etl",
        tag="0.9",
        story="Pushed last from one laptop: the index no longer lists linux/arm64.",
        index=True,
        check=Check(platforms=_BOTH),
        expected=everywhere(Reason.PLATFORM_MISSING),
    ),
    ScriptedImage(
        repository="data/features",
        tag="1.1",
        story="The index still lists linux/arm64, but a clean-up took its manifest.",
        platforms=_BOTH,
        index=True,
        lost_platforms=frozenset({"linux/arm64"}),
        check=Check(platforms=_BOTH),
        expected=everywhere(Reason.CHILD_MANIFEST_MISSING),
    ),
    ScriptedImage(
        repository="platform/ingress",
        tag="1.12",
        story="The registry answers 503 in the first 20 seconds of every minute: too short to turn a vote.",
        faults=(
            Fault(
                seconds_of_minute=range(20),
                refusal=Refusal(503, "UNKNOWN", "the storage backend is not ready"),
            ),
        ),
        expected=everywhere(Reason.REGISTRY_ERROR, Reason.OK),
    ),
    ScriptedImage(
        repository="library/warehouse",
        tag="7",
        story="A public registry was asked too often, and refuses all: 429. That says nothing about the image.",
        home="hub",
        style="docker",
        quota=Quota(limit=100, remaining=0, window_seconds=21_600),
        faults=(
            Fault(
                # HEAD as well, as by Docker Hub's limit on abuse: the pull quota alone would leave that free, and
                # whoever is short of it asks no more than that.
                refusal=Refusal(
                    429,
                    "TOOMANYREQUESTS",
                    "You have asked too often. Try again later.",
                    retry_after_seconds=60,
                ),
            ),
        ),
        expected=everywhere(Reason.RATE_LIMITED),
    ),
    ScriptedImage(
        repository="data/notebooks",
        tag="2024.3",
        story="Slow: 2 seconds a manifest in us-east, and in ap-south too long to wait for.",
        faults=(
            Fault(regions=frozenset({US_EAST}), delay_seconds=2.0),
            Fault(regions=frozenset({AP_SOUTH}), delay_seconds=12.0),
        ),
        check=Check(interval_seconds=60),  # a check of it may take longer than the others wait for their next
        expected={AP_SOUTH: (Reason.TIMEOUT_HEADERS, Reason.TIMEOUT_TOTAL), "": (Reason.OK,)},
    ),
    ScriptedImage(
        repository="shop/inventory",
        tag="latest",
        story="Replication lags: in ap-south the tag still names the release before.",
        lagging_regions=frozenset({AP_SOUTH}),
        expected=_HEALTHY,
    ),
    ScriptedImage(
        repository="media/transcoder",
        tag="6.1",
        story="The manifest answers, but the certificate of the host that keeps the layers has expired.",
        store=Store.OLD_BLOBS,
        expected=everywhere(Reason.TLS_EXPIRED),
    ),
    ScriptedImage(
        repository="media/thumbnails",
        tag="1.3",
        story="The registry redirects to a layer that is gone from storage: 404 there. Work on it is planned.",
        lost_layer=True,
        check=Check(maintained=True),
        expected=everywhere(Reason.LAYER_MISSING),
    ),
    ScriptedImage(
        repository="legacy/reports",
        tag="1",
        story="The registry takes no such name: whoever set up the check has to mend it.",
        faults=(Fault(refusal=Refusal(400, "NAME_INVALID", "this registry takes names of three parts or more")),),
        expected=everywhere(Reason.REF_REJECTED),
    ),
    ScriptedImage(
        repository="legacy/cron",
        tag="5",
        story="Healthy, and paused by its owner.",
        check=Check(paused=True),
        expected=_HEALTHY,
    ),
)


def bench_images(count: int) -> tuple[ScriptedImage, ...]:
    """Return `count` healthy images, `bench/image-0001:1` and on, whose blobs the registry serves itself."""
    return tuple(
        ScriptedImage(
            repository=f"bench/image-{number:04}",
            tag="1",
            story="Healthy, one of many.",
            layer_bytes=1024,
            store=Store.HERE,
            expected=_HEALTHY,
        )
        for number in range(1, count + 1)
    )
