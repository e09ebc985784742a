"""Throttled: never an outage, of some kind, and tried again only where that fits."""

from datetime import timedelta

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.taxonomy import Depth, Reason, Status, Warn
from tests.fakes.contents import Image
from tests.fakes.dialogue import HOST, NOON, Amends, Breaks, Registry, Says, error

REFERENCE = f"{HOST}/team/app:1"
OTHER = "sha256:" + "e" * 64


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def image(registry: Registry) -> Image:
    return registry.image("team/app:1", layers=2)


class TestThrottling:
    @pytest.mark.parametrize("line", ["HEAD 1", "GET manifest"])
    def test_429_is_never_an_outage_nor_a_disagreement(self, registry: Registry, image: Image, line: str) -> None:
        """E13."""
        registry.once(line, Says(429, error("TOOMANYREQUESTS"), {"Retry-After": "30"}))
        outcome = registry.check(REFERENCE)
        assert (outcome.status, outcome.reason) == (Status.INDETERMINATE, Reason.RATE_LIMITED)
        assert outcome.retry_at == NOON + timedelta(seconds=30)
        assert outcome.warnings == ()

    def test_short_wait_is_waited_once(self, registry: Registry, image: Image) -> None:
        """E13."""
        throttled = Says(429, error("TOOMANYREQUESTS"), {"Retry-After": "2"})
        registry.once("HEAD 1", throttled)
        assert registry.check(REFERENCE, depth=Depth.RESOLVE).reason is Reason.OK
        assert registry.asks[1].delay_seconds == 2
        registry.always("HEAD 1", throttled)
        assert registry.check(REFERENCE).reason is Reason.RATE_LIMITED
        assert registry.log == ["HEAD 1", "HEAD 1"]

    @pytest.mark.parametrize(
        ("retry_after", "timeout_seconds"), [("6", 25.0), ("2", 2.0), ("", 25.0), ("soon", 25.0)]
    )
    def test_wait_that_does_not_fit_or_is_not_said_is_left_to_a_later_check(
        self, registry: Registry, image: Image, retry_after: str, timeout_seconds: float
    ) -> None:
        """E13: containerd asks again at once, which is not to be copied."""
        registry.once("GET manifest", Says(429, headers={"Retry-After": retry_after}))
        outcome = registry.check(REFERENCE, timeout_seconds=timeout_seconds)
        assert outcome.reason is Reason.RATE_LIMITED
        assert registry.log == ["HEAD 1", "GET manifest"]

    def test_waits_together_stay_within_the_check(self, registry: Registry) -> None:
        """E13: three layers, two seconds each, in a check of five."""
        registry.image("team/app:1", layers=3)
        for number in range(1, 4):
            registry.once(f"GET layer{number}", Says(429, headers={"Retry-After": "2"}))
        outcome = registry.check(REFERENCE, timeout_seconds=5.0)
        assert outcome.reason is Reason.RATE_LIMITED
        assert [line for line in registry.log if "layer" in line].count("GET layer3") == 1
        assert len(registry.log) == 3 + 3 + 2

    def test_deadline_during_the_wait_is_still_throttling(self, registry: Registry, image: Image) -> None:
        """E13, E19: 429 is never down."""
        registry.once("GET manifest", Says(429, headers={"Retry-After": "2"}), Breaks(FaultKind.TIMEOUT_TOTAL))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.retry_at) == (Reason.RATE_LIMITED, NOON + timedelta(seconds=2))

    def test_kind_of_throttling_is_told(self, registry: Registry, image: Image) -> None:
        """E13."""
        text = "You have reached your pull rate limit: https://www.docker.com/increase-rate-limit"
        registry.once("GET manifest", Says(429, error("TOOMANYREQUESTS", text)))
        assert registry.check(REFERENCE).detail == f"pull_quota: {text}"

    def test_mirrors_429_for_its_upstream_has_its_own_reason(self, registry: Registry, image: Image) -> None:
        """E14."""
        registry.once("GET manifest", Says(429, error("TOOMANYREQUESTS", "too many requests to upstream registry")))
        assert registry.check(REFERENCE).reason is Reason.RATE_LIMITED_UPSTREAM

    def test_spent_quota_is_a_warning_on_what_is_there(self, registry: Registry, image: Image) -> None:
        """E15."""
        quota = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}
        registry.once("HEAD 1", Amends({**quota, "Docker-RateLimit-Source": "192.0.2.7"}))
        outcome = registry.check(REFERENCE, depth=Depth.RESOLVE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PULL_QUOTA_EXHAUSTED,))
        assert outcome.rate_limit is not None
        assert outcome.rate_limit.limit == 100
        assert outcome.rate_limit.remaining == 0
        assert outcome.rate_limit.window_seconds == 21600
        assert outcome.rate_limit.source == "192.0.2.7"

    @pytest.mark.parametrize(
        ("limit", "remaining", "warnings"),
        [("100", "9", (Warn.PULL_QUOTA_LOW,)), ("100", "10", ()), ("many", "1", ()), ("100", "few", ())],
    )
    def test_quota_that_runs_low_is_a_warning(
        self, registry: Registry, image: Image, limit: str, remaining: str, warnings: tuple[Warn, ...]
    ) -> None:
        """Warnings: under a tenth."""
        registry.once("HEAD 1", Amends({"RateLimit-Limit": limit, "RateLimit-Remaining": remaining}))
        assert registry.check(REFERENCE, depth=Depth.RESOLVE).warnings == warnings

    def test_spent_quota_is_no_warning_on_what_is_not_there(self, registry: Registry) -> None:
        registry.once("HEAD 1", Amends({"RateLimit-Remaining": "0"}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.REPOSITORY_NOT_FOUND, ())
        assert outcome.rate_limit is not None
