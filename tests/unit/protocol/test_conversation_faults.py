"""Exchanges that gave no reply: what they mean, whether they are tried again, and where they happened."""

from datetime import timedelta

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from tests.fakes.contents import Image, child
from tests.fakes.dialogue import HOST, NOON, Amends, Answer, Breaks, Registry, Says, error, moved

REFERENCE = f"{HOST}/team/app:1"
RESET = Breaks(FaultKind.CONNECTION_RESET)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture(autouse=True)
def image(registry: Registry) -> Image:
    return registry.image("team/app:1", layers=2)


class TestFirstContact:
    @pytest.mark.parametrize(
        ("kind", "reason", "stage"),
        [
            pytest.param(FaultKind.DNS_NXDOMAIN, Reason.DNS_NXDOMAIN, Stage.DNS, id="N2"),
            pytest.param(FaultKind.DNS_TEMPORARY, Reason.DNS_TEMPORARY, Stage.DNS, id="N3"),
            pytest.param(FaultKind.CONNECT_REFUSED, Reason.CONNECT_REFUSED, Stage.CONNECT, id="N6"),
            pytest.param(FaultKind.CONNECT_UNREACHABLE, Reason.CONNECT_UNREACHABLE, Stage.CONNECT, id="N6-route"),
            pytest.param(FaultKind.CONNECT_TIMEOUT, Reason.CONNECT_TIMEOUT, Stage.CONNECT, id="N7"),
            pytest.param(FaultKind.TLS_UNTRUSTED, Reason.TLS_UNTRUSTED, Stage.TLS, id="N8"),
            pytest.param(FaultKind.TLS_EXPIRED, Reason.TLS_EXPIRED, Stage.TLS, id="N9"),
            pytest.param(FaultKind.TLS_HOSTNAME, Reason.TLS_HOSTNAME, Stage.TLS, id="N10"),
            pytest.param(FaultKind.TLS_PROTOCOL, Reason.TLS_PROTOCOL, Stage.TLS, id="N11"),
            pytest.param(FaultKind.TIMEOUT_HEADERS, Reason.TIMEOUT_HEADERS, Stage.MANIFEST, id="N14-headers"),
        ],
    )
    def test_fault_is_tried_once_more_and_has_its_own_stage(
        self, registry: Registry, kind: FaultKind, reason: Reason, stage: Stage
    ) -> None:
        registry.always("HEAD 1", Breaks(kind, "what the wire saw"))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, stage, HOST)
        assert (outcome.detail, outcome.attempts, outcome.depth) == ("what the wire saw", 2, None)
        assert registry.log == ["HEAD 1", "HEAD 1"]
        assert registry.asks[1].fresh_connection

    @pytest.mark.parametrize(
        ("kind", "reason", "stage"),
        [
            pytest.param(FaultKind.ADDRESS_FORBIDDEN, Reason.TARGET_FORBIDDEN, Stage.DNS, id="N4"),
            pytest.param(FaultKind.PROTOCOL_ERROR, Reason.PROTOCOL_ERROR, Stage.MANIFEST, id="N13"),
            pytest.param(FaultKind.ABORTED, Reason.PROBE_ABORTED, Stage.MANIFEST, id="N19"),
            pytest.param(FaultKind.INTERNAL, Reason.INTERNAL_ERROR, Stage.MANIFEST, id="E21"),
            pytest.param(FaultKind.TIMEOUT_TOTAL, Reason.TIMEOUT_TOTAL, Stage.MANIFEST, id="E20"),
        ],
    )
    def test_fault_that_no_second_try_can_heal_is_final(
        self, registry: Registry, kind: FaultKind, reason: Reason, stage: Stage
    ) -> None:
        registry.once("HEAD 1", Breaks(kind))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (reason, stage)
        assert registry.log == ["HEAD 1"]

    def test_every_fault_means_some_reason(self, registry: Registry) -> None:
        for kind in FaultKind:
            registry.always("HEAD 1", Breaks(kind))
            registry.always("GET 1", Breaks(kind))
            assert registry.check(REFERENCE).status is not Status.AVAILABLE

    def test_fault_after_a_redirect_is_the_hops(self, registry: Registry) -> None:
        """B21."""
        registry.once("HEAD 1", moved("https://elsewhere.test/m"))
        registry.always("HEAD elsewhere.test/m", Breaks(FaultKind.DNS_NXDOMAIN))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (
            Reason.DNS_NXDOMAIN,
            Stage.MANIFEST,
            "elsewhere.test",
        )


class TestRetry:
    def test_second_try_that_succeeds_leaves_no_trace_but_the_count(self, registry: Registry) -> None:
        """N12."""
        registry.once("HEAD 1", RESET)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.attempts, outcome.warnings) == (Reason.OK, 2, ())

    def test_second_try_waits_a_little_and_always_the_same(self, registry: Registry) -> None:
        """E16: 0.3 to 1 second."""
        pauses = set()
        for _ in range(2):
            registry.once("HEAD 1", RESET)
            registry.check(REFERENCE, depth=Depth.RESOLVE)
            pauses.add(registry.asks[1].delay_seconds)
        [pause] = pauses
        assert 0.3 <= pause <= 1

    def test_head_dropped_on_the_floor_is_asked_by_get(self, registry: Registry) -> None:
        """N12: some front ends answer GET only."""
        registry.always("HEAD 1", RESET)
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, ())
        assert registry.log == ["HEAD 1", "HEAD 1", "GET 1"]

    def test_that_get_starts_at_the_registry_again(self, registry: Registry) -> None:
        """B13: a URL signed for HEAD is none for GET."""
        registry.once("HEAD 1", moved("https://elsewhere.test/m"))
        registry.always("HEAD elsewhere.test/m", RESET)
        assert registry.check(REFERENCE, depth=Depth.MANIFEST).reason is Reason.OK
        assert registry.log[-1] == "GET 1"

    def test_failure_of_that_get_is_told_as_the_heads(self, registry: Registry) -> None:
        """E19: the first failure, not that of the last fallback."""
        registry.always("HEAD 1", RESET)
        registry.once("GET 1", Breaks(FaultKind.TIMEOUT_BODY))
        assert registry.check(REFERENCE).reason is Reason.CONNECTION_RESET
        assert registry.log == ["HEAD 1", "HEAD 1", "GET 1"]

    def test_failure_that_was_got_over_is_not_told_again(self, registry: Registry) -> None:
        registry.once("HEAD 1", RESET)
        registry.always("GET manifest", Breaks(FaultKind.BODY_TRUNCATED))
        assert registry.check(REFERENCE).reason is Reason.BODY_TRUNCATED

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            pytest.param(FaultKind.TIMEOUT_BODY, Reason.TIMEOUT_BODY, id="N14"),
            pytest.param(FaultKind.BODY_TRUNCATED, Reason.BODY_TRUNCATED, id="N15"),
        ],
    )
    def test_body_that_does_not_come_is_tried_once_more(
        self, registry: Registry, kind: FaultKind, reason: Reason
    ) -> None:
        registry.always("GET manifest", Breaks(kind))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (reason, Stage.MANIFEST)
        assert registry.log == ["HEAD 1", "GET manifest", "GET manifest"]

    def test_manifest_beyond_the_limit_is_final(self, registry: Registry) -> None:
        """M21."""
        registry.once("GET manifest", Breaks(FaultKind.BODY_TOO_LARGE))
        assert registry.check(REFERENCE).reason is Reason.MANIFEST_TOO_LARGE
        assert registry.log == ["HEAD 1", "GET manifest"]

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (408, Reason.REGISTRY_ERROR),
            (425, Reason.REGISTRY_ERROR),
            (499, Reason.REGISTRY_ERROR),
            (500, Reason.REGISTRY_ERROR),
            (502, Reason.GATEWAY_ERROR),
            (503, Reason.REGISTRY_ERROR),
            (504, Reason.GATEWAY_ERROR),
            (522, Reason.GATEWAY_ERROR),
        ],
    )
    def test_passing_server_error_is_tried_once_more(self, registry: Registry, status: int, reason: Reason) -> None:
        """E16."""
        registry.once("GET manifest", Says(status))
        assert registry.check(REFERENCE, depth=Depth.MANIFEST).reason is Reason.OK
        registry.always("GET manifest", Says(status))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.detail) == (reason, f"HTTP {status}")
        assert registry.log == ["HEAD 1", "GET manifest", "GET manifest"]

    @pytest.mark.parametrize("status", [501, 505])
    def test_lasting_server_error_is_not(self, registry: Registry, status: int) -> None:
        """E17."""
        registry.once("GET manifest", Says(status))
        assert registry.check(REFERENCE).reason is Reason.UNEXPECTED_STATUS

    def test_short_wait_that_a_503_asks_for_is_waited(self, registry: Registry) -> None:
        """E16."""
        registry.once("GET manifest", Says(503, headers={"Retry-After": "3"}))
        assert registry.check(REFERENCE, depth=Depth.MANIFEST).reason is Reason.OK
        assert registry.asks[2].delay_seconds == 3

    def test_long_wait_that_a_503_asks_for_is_left_to_a_later_check(self, registry: Registry) -> None:
        """E16: a registry that asks for a minute is not asked again within the second."""
        registry.once("GET manifest", Says(503, headers={"Retry-After": "60"}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.retry_at) == (Reason.REGISTRY_ERROR, NOON + timedelta(seconds=60))
        assert registry.log == ["HEAD 1", "GET manifest"]

    def test_mirrors_500_that_wraps_a_refusal_is_its_upstreams(self, registry: Registry) -> None:
        """E2."""
        wrapped = {"errors": [{"code": "UNKNOWN", "detail": {"errors": [{"code": "DENIED"}]}}]}
        registry.always("GET manifest", Says(500, wrapped))
        assert registry.check(REFERENCE).reason is Reason.MIRROR_UPSTREAM_AUTH

    def test_mirror_whose_upstream_is_down_says_so(self, registry: Registry) -> None:
        """E2: as distribution's proxy does when nobody answers it."""
        dialled = {"Op": "Get", "URL": "https://registry-1.docker.io/v2/", "Err": {"Op": "dial", "Net": "tcp"}}
        registry.always("GET manifest", Says(500, {"errors": [{"code": "UNKNOWN", "detail": dialled}]}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.status) == (Reason.MIRROR_UPSTREAM_ERROR, Status.DEGRADED)
        assert registry.log == ["HEAD 1", "GET manifest", "GET manifest"]

    @pytest.mark.parametrize(
        ("fault", "status", "reason"),
        [
            (Breaks(FaultKind.DNS_NXDOMAIN), Status.DEGRADED, Reason.DNS_NXDOMAIN),
            (Says(404, error("NAME_UNKNOWN")), Status.UNAVAILABLE, Reason.REPOSITORY_NOT_FOUND),
            (Says(429), Status.INDETERMINATE, Reason.RATE_LIMITED),
        ],
    )
    def test_verdict_is_of_its_own_dialogue_whatever_others_meet(
        self, registry: Registry, fault: Answer, status: Status, reason: Reason
    ) -> None:
        """N20, E18: one region, or repository, in a row with hundreds that meet the same; sums are for others."""
        registry.always("HEAD 1", fault)
        registry.always("GET 1", fault)
        for number in range(20):
            registry.image(f"team/other{number}:1", layers=0)
            outcome = registry.check(f"{HOST}/team/other{number}:1")
            assert (outcome.status, outcome.reason) == (status, reason)
        assert registry.memory is None  # nothing goes over to the next
        healthy = Registry()
        healthy.image("team/app:1")
        assert healthy.check(REFERENCE).reason is Reason.OK


class TestSeveral:
    """C.4: one failure out of several."""

    def test_definite_loss_of_a_layer_outweighs_a_fault_before_it(self, registry: Registry, image: Image) -> None:
        registry.always("GET layer1", RESET)
        registry.lose(image.layers[1])
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.status) == (Reason.LAYER_MISSING, Status.UNAVAILABLE)

    def test_faults_alone_are_the_first_of_them(self, registry: Registry) -> None:
        registry.always("GET layer1", RESET)
        registry.always("GET layer2", Breaks(FaultKind.TIMEOUT_BODY))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.status) == (Reason.CONNECTION_RESET, Status.DEGRADED)

    def test_order_of_a_pull_decides_and_not_that_of_the_replies(self, registry: Registry, image: Image) -> None:
        registry.lose(*image.layers)
        for backwards in (False, True):
            outcome = registry.check(REFERENCE, backwards=backwards)
            assert outcome.detail.startswith(image.layers[0].digest)

    def test_config_comes_before_layers(self, registry: Registry, image: Image) -> None:
        registry.lose(image.config, *image.layers)
        for backwards in (False, True):
            assert registry.check(REFERENCE, backwards=backwards).reason is Reason.CONFIG_MISSING

    def test_definite_answer_comes_before_an_ambiguous_one(self, registry: Registry) -> None:
        registry.index("team/app:1", child("linux/amd64"), child("linux/arm64"))
        registry.once("GET linux/amd64", Says(403, error("DENIED", "denied (or it may not exist)")))
        registry.once("GET linux/arm64", Says(403, error("DENIED", "denied")))
        assert registry.check(REFERENCE, platforms=("all",)).reason is Reason.AUTH_DENIED

    @pytest.mark.parametrize("answer", [Says(429), Says(503), Says(200, "<html>")])
    def test_loss_of_a_layer_outweighs_a_login_that_cannot_be_renewed_just_now(
        self, registry: Registry, image: Image, answer: Says
    ) -> None:
        """B8, T27, T28: a pull fails on the layer, whenever the token service has us again."""
        registry.wants_token()
        registry.lose(image.layers[0])
        registry.once("GET layer2", Says(401, headers={"WWW-Authenticate": registry.challenges[0]}))
        registry.once("GET token", Amends())
        registry.always("GET token", answer)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.status) == (Reason.LAYER_MISSING, Status.UNAVAILABLE)

    def test_corruption_comes_before_loss(self, registry: Registry, image: Image) -> None:
        registry.lose(image.layers[0])
        registry.once("GET layer2", Amends({"Content-Range": "bytes 0-0/1"}))
        assert registry.check(REFERENCE).reason is Reason.SIZE_MISMATCH

    def test_forbidden_place_comes_before_corruption(self, registry: Registry) -> None:
        registry.once("GET layer1", Amends({"Content-Range": "bytes 0-0/1"}))
        registry.once("GET layer2", moved("http://169.254.169.254/"))
        assert registry.check(REFERENCE).reason is Reason.REDIRECT_INSECURE

    def test_garbage_from_one_blob_does_not_hide_the_loss_of_another(self, registry: Registry, image: Image) -> None:
        registry.once("GET config", Breaks(FaultKind.PROTOCOL_ERROR))
        registry.lose(image.layers[0])
        assert registry.check(REFERENCE).reason is Reason.LAYER_MISSING

    def test_deadline_does_not_hide_what_was_found_before_it(self, registry: Registry, image: Image) -> None:
        """E20."""
        registry.lose(image.layers[0])
        registry.once("GET layer2", Breaks(FaultKind.TIMEOUT_TOTAL))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.platforms) == (Reason.LAYER_MISSING, ())

    def test_deadline_alone_names_its_stage(self, registry: Registry) -> None:
        """E20."""
        registry.once("GET layer1", Breaks(FaultKind.TIMEOUT_TOTAL))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.TIMEOUT_TOTAL, Stage.LAYER)
        assert outcome.depth is Depth.MANIFEST

    @pytest.mark.parametrize("kind", [FaultKind.ABORTED, FaultKind.INTERNAL])
    def test_what_ends_on_our_side_is_no_verdict_at_all(
        self, registry: Registry, image: Image, kind: FaultKind
    ) -> None:
        """N19, E21."""
        registry.lose(image.layers[0])
        registry.once("GET layer2", Breaks(kind))
        assert registry.check(REFERENCE).status is Status.INDETERMINATE

    def test_platform_with_two_failures_tells_the_one_that_counts(self, registry: Registry) -> None:
        image = child("linux/amd64", layers=2)
        registry.index("team/app:1", image, child("linux/arm64"))
        registry.always("GET linux/amd64 layer1", RESET)
        registry.lose(image.layers[1])
        outcome = registry.check(REFERENCE, platforms=("all",))
        assert [item.reason for item in outcome.platforms] == [Reason.LAYER_MISSING, Reason.OK]
