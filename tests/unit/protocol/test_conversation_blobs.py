"""Blobs: proven by one byte each, where the registry keeps them or where it sends us."""

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.taxonomy import Depth, Reason, Stage, Status, Warn
from tests.fakes.contents import LAYER, Content, Image
from tests.fakes.dialogue import HOST, Amends, Answer, Breaks, Registry, Says, error

REFERENCE = f"{HOST}/team/app:1"
STORAGE = "https://storage.test"


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def image(registry: Registry) -> Image:
    return registry.image("team/app:1", layers=1)


@pytest.mark.usefixtures("image")
class TestProbe:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            pytest.param(Amends({"Content-Range": "bytes 0-0/*"}), Reason.OK, id="B2-star"),
            pytest.param(Amends({"Content-Range": "bytes 0-0/7"}), Reason.SIZE_MISMATCH, id="B2-size"),
            pytest.param(Amends({"Content-Range": "bytes 0-4/7"}), Reason.PROTOCOL_ERROR, id="B2-other-range"),
            pytest.param(Amends({"Content-Range": None}), Reason.PROTOCOL_ERROR, id="B2-none"),
            pytest.param(Says(200, headers={"Content-Length": "7"}), Reason.SIZE_MISMATCH, id="B4"),
            pytest.param(
                Says(200, headers={"Content-Length": "7", "Content-Encoding": "gzip"}), Reason.OK, id="B4-encoded"
            ),
            pytest.param(Says(416), Reason.SIZE_MISMATCH, id="B6"),
            pytest.param(Says(404, error("BLOB_UNKNOWN")), Reason.LAYER_MISSING, id="B7"),
            pytest.param(Says(403, error("DENIED")), Reason.BLOB_DENIED, id="B9"),
            pytest.param(Says(403, error("DENIED", "blocked by Xray policy")), Reason.POLICY_BLOCKED, id="B9-policy"),
            pytest.param(Says(412), Reason.BLOB_DENIED, id="B9-412"),
            pytest.param(Says(451), Reason.LEGAL_BLOCK, id="B9-451"),
            pytest.param(Says(500), Reason.REGISTRY_ERROR, id="E16"),
            pytest.param(Says(429), Reason.RATE_LIMITED, id="E13"),
        ],
    )
    def test_answer_to_one_byte_tells_whether_the_blob_is_there(
        self, registry: Registry, answer: Answer, reason: Reason
    ) -> None:
        registry.always("GET layer1", answer)
        outcome = registry.check(REFERENCE)
        assert outcome.reason is reason
        assert outcome.depth is (Depth.BLOBS if reason is Reason.OK else Depth.PLATFORM)
        if reason is not Reason.OK:
            assert (outcome.stage, outcome.host) == (Stage.LAYER, HOST)

    def test_ignored_range_is_a_warning(self, registry: Registry, image: Image) -> None:
        """B3."""
        size = str(len(image.layers[0].body))
        registry.once("GET layer1", Says(200, headers={"Content-Length": size}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.RANGE_IGNORED,))

    def test_registry_without_ranges_is_asked_by_head(self, registry: Registry) -> None:
        """B10."""
        registry.once("GET layer1", Says(405))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.RANGE_IGNORED,))
        assert registry.log[-2:] == ["GET layer1", "HEAD layer1"]
        assert registry.asks[-1].headers == ()

    def test_head_starts_at_the_registry_again(self, registry: Registry) -> None:
        """B10, B13: a URL signed for GET is none for HEAD."""
        registry.storage = STORAGE
        registry.once("GET storage.test/layer1", Says(405))
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log[-2:] == ["HEAD layer1", "HEAD storage.test/layer1"]

    def test_head_refused_too_is_final(self, registry: Registry) -> None:
        registry.once("GET layer1", Says(405))
        registry.once("HEAD layer1", Says(405))
        assert registry.check(REFERENCE).reason is Reason.UNEXPECTED_STATUS

    def test_head_refused_by_the_storage_is_never_final(self, registry: Registry) -> None:
        """B13: a signature binds the verb, so what counts is a pull's."""
        registry.storage = STORAGE
        registry.once("GET layer1", Says(405))
        registry.once("HEAD storage.test/layer1", Says(403))
        assert registry.check(REFERENCE).reason is Reason.OK
        assert [line for line in registry.log if "layer1" in line] == [
            "GET layer1",
            "HEAD layer1",
            "HEAD storage.test/layer1",
            "GET layer1",
            "GET storage.test/layer1",
        ]

    def test_get_and_head_refused_in_turn_come_to_an_end(self, registry: Registry) -> None:
        """B10, B13."""
        registry.storage = STORAGE
        registry.always("GET storage.test/layer1", Says(405))
        registry.always("HEAD storage.test/layer1", Says(403))
        assert registry.check(REFERENCE).reason is Reason.UNEXPECTED_STATUS
        assert len([line for line in registry.log if "layer1" in line]) == 6

    def test_missing_layer_names_its_digest(self, registry: Registry, image: Image) -> None:
        """B7."""
        registry.lose(image.layers[0])
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.status) == (Reason.LAYER_MISSING, Status.UNAVAILABLE)
        assert outcome.detail == f"{image.layers[0].digest}: blob unknown to registry"

    def test_blob_that_wants_a_login_gets_one_fresh_token(self, registry: Registry) -> None:
        """B8."""
        registry.wants_token()
        denied = Says(401, headers={"WWW-Authenticate": registry.challenges[0]})
        registry.once("GET layer1", denied)
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log[-3:] == ["GET layer1 with token-1", "GET token", "GET layer1 with token-2"]

    def test_blob_that_is_refused_twice_is_denied(self, registry: Registry) -> None:
        """B8."""
        registry.wants_token()
        denied = Says(401, headers={"WWW-Authenticate": registry.challenges[0]})
        registry.always("GET layer1", denied)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.BLOB_DENIED, Stage.LAYER)
        assert registry.log.count("GET token") == 2

    def test_blobs_refused_together_wait_for_one_login(self, registry: Registry) -> None:
        """T32."""
        registry.image("team/app:1", layers=4)
        registry.wants_token()
        challenge = {"WWW-Authenticate": registry.challenges[0]}
        for line in ("GET config", "GET layer1", "GET layer2"):
            registry.once(line, Says(401, headers=challenge))
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log.count("GET token") == 2


class TestSkipped:
    def test_empty_blob_is_not_ranged(self, registry: Registry) -> None:
        """B5."""
        registry.image("team/app:1", layers=[Content(name="empty", body=b"", media_type=LAYER)])
        assert registry.check(REFERENCE).reason is Reason.OK
        assert "GET empty" not in registry.log

    @pytest.mark.parametrize(
        ("media_type", "notes"),
        [
            (LAYER, {"urls": ["https://169.254.169.254/layer"]}),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", {}),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", {}),
        ],
        ids=["urls", "foreign", "nondistributable"],
    )
    def test_foreign_layer_is_never_fetched(
        self, registry: Registry, media_type: str, notes: dict[str, list[str]]
    ) -> None:
        """B22, S6."""
        layer = Content(name="foreign", body=b"elsewhere", media_type=media_type, notes=notes)
        registry.image("team/app:1", layers=[layer])
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.FOREIGN_LAYER,))
        assert registry.log == ["HEAD 1", "GET manifest", "GET config"]

    def test_very_many_layers_are_capped(self, registry: Registry) -> None:
        """P16: and 200 requests are the most."""
        registry.image("team/app:1", layers=501)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PROBE_CAPPED,))
        assert len(registry.log) == 200

    def test_repeated_layer_is_asked_for_once(self, registry: Registry) -> None:
        """B23."""
        layer = Content(name="layer", body=b"again", media_type=LAYER)
        registry.image("team/app:1", layers=[layer, layer])
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log.count("GET layer") == 1


class TestStorage:
    """Blobs that the registry redirects to a host which signs its URLs and knows no login."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, registry: Registry, image: Image) -> None:
        registry.storage = STORAGE
        registry.wants_token()

    def test_redirect_is_followed_with_the_range_and_nothing_else(self, registry: Registry) -> None:
        """B11, S7: no Authorization leaves the registry's origin."""
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log[-4:] == [
            "GET config with token-1",
            "GET layer1 with token-1",
            "GET storage.test/config",
            "GET storage.test/layer1",
        ]
        assert registry.asks[-2].headers == ()
        assert registry.asks[-1].headers == (("Range", "bytes=0-0"),)

    def test_loss_behind_the_registry_is_the_storages(self, registry: Registry, image: Image) -> None:
        """B15: the registry says yes, storage says no."""
        registry.once("GET storage.test/layer1", Says(404, "<Error><Code>NoSuchKey</Code></Error>"))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (Reason.LAYER_MISSING, Stage.LAYER, "storage.test")
        assert outcome.detail == f"{image.layers[0].digest}: storage"

    def test_stale_signature_is_renewed_at_the_registry(self, registry: Registry) -> None:
        """B14: with the login, since it starts at home again."""
        registry.once("GET storage.test/layer1", Says(403, "<Error><Code>AccessDenied</Code>Request has expired"))
        assert registry.check(REFERENCE).reason is Reason.OK
        asked = [line for line in registry.log if "layer1" in line]
        assert asked == ["GET layer1 with token-1", "GET storage.test/layer1"] * 2

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("<Code>SignatureDoesNotMatch</Code>", Reason.BLOB_BACKEND_DENIED),
            ("<Code>AccessDenied</Code>", Reason.BLOB_DENIED),
        ],
    )
    def test_second_refusal_of_the_storage_is_final(self, registry: Registry, body: str, reason: Reason) -> None:
        """B14."""
        registry.always("GET storage.test/layer1", Says(403, body))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.host) == (reason, "storage.test")
        assert registry.log.count("GET storage.test/layer1") == 2

    def test_login_asked_for_by_the_storage_is_not_given(self, registry: Registry) -> None:
        """C21, S9."""
        registry.once("GET storage.test/layer1", Says(401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.host) == (Reason.REDIRECT_AUTH_REQUIRED, "storage.test")
        assert registry.log[-1] == "GET storage.test/layer1"

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            (FaultKind.TLS_EXPIRED, Reason.TLS_EXPIRED),
            (FaultKind.DNS_NXDOMAIN, Reason.DNS_NXDOMAIN),
            (FaultKind.ADDRESS_FORBIDDEN, Reason.REDIRECT_FORBIDDEN),
        ],
        ids=["B21-tls", "B21-dns", "B17"],
    )
    def test_fault_on_the_way_to_the_storage_keeps_stage_and_host(
        self, registry: Registry, kind: FaultKind, reason: Reason
    ) -> None:
        registry.always("GET storage.test/layer1", Breaks(kind))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.LAYER, "storage.test")

    def test_refusal_of_the_storage_does_not_cost_the_login(self, registry: Registry) -> None:
        """A 403 of the registry's own would (T31)."""
        registry.check(REFERENCE, depth=Depth.RESOLVE)
        registry.always("GET storage.test/layer1", Says(403))
        assert registry.check(REFERENCE, memory=registry.memory).reason is Reason.BLOB_DENIED
        assert "GET token" not in registry.log
        assert registry.memory is None

    def test_storage_that_met_a_login_of_ours_is_our_fault(self, registry: Registry) -> None:
        """B12, E21: no customer's verdict."""
        said = "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>"
        registry.once("GET storage.test/layer1", Says(400, said))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.status) == (Reason.INTERNAL_ERROR, Status.INDETERMINATE)
        assert outcome.host == "storage.test"

    def test_other_400_of_the_storage_is_its_own(self, registry: Registry) -> None:
        registry.once("GET storage.test/layer1", Says(400, "<Error><Code>MalformedURL</Code></Error>"))
        assert registry.check(REFERENCE).reason is Reason.UNEXPECTED_STATUS

    def test_quota_of_the_storage_is_not_the_registrys(self, registry: Registry) -> None:
        registry.once("GET storage.test/layer1", Amends({"RateLimit-Remaining": "0"}))
        assert registry.check(REFERENCE).rate_limit is None

    def test_broken_storage_is_asked_once_more_where_it_is(self, registry: Registry) -> None:
        """E16."""
        registry.once("GET storage.test/layer1", Says(503))
        assert registry.check(REFERENCE).reason is Reason.OK
        assert registry.log[-2:] == ["GET storage.test/layer1"] * 2
        assert registry.log.count("GET layer1 with token-1") == 1
