"""The plain way of a check: HEAD of the tag, GET by its digest, and what each of them settles."""

import gzip

import pytest

from probes.protocol.digest import Digest
from probes.protocol.exchange import BodyRule
from probes.protocol.manifest import ACCEPT
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status, Warn
from tests.fakes.contents import Image
from tests.fakes.dialogue import HOST, Amends, Registry, Says, error, moved

REFERENCE = f"{HOST}/team/app:1"
NO_DIGEST = Amends({"Docker-Content-Digest": None})
OTHER = "sha256:" + "e" * 64


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def image(registry: Registry) -> Image:
    return registry.image("team/app:1", layers=2)


class TestOrder:
    def test_image_is_resolved_then_read_by_digest_then_proven_blob_by_blob(
        self, registry: Registry, image: Image
    ) -> None:
        """M2."""
        outcome = registry.check(REFERENCE)
        assert outcome.status is Status.AVAILABLE
        assert outcome.reason is Reason.OK
        assert outcome.digest == image.digest
        assert outcome.depth is Depth.BLOBS
        assert (outcome.stage, outcome.host, outcome.warnings) == (None, None, ())
        assert registry.log == ["HEAD 1", "GET manifest", "GET config", "GET layer1", "GET layer2"]

    @pytest.mark.parametrize(
        ("depth", "log"),
        [
            (Depth.RESOLVE, ["HEAD 1"]),
            (Depth.MANIFEST, ["HEAD 1", "GET manifest"]),
            (Depth.PLATFORM, ["HEAD 1", "GET manifest", "GET config"]),
        ],
    )
    def test_shallower_check_asks_for_less(
        self, registry: Registry, image: Image, depth: Depth, log: list[str]
    ) -> None:
        """M3: at the depth of a HEAD, its digest is the answer."""
        outcome = registry.check(REFERENCE, depth=depth)
        assert (outcome.reason, outcome.depth, outcome.digest) == (Reason.OK, depth, image.digest)
        assert registry.log == log

    def test_headers_are_the_few_that_are_needed(self, registry: Registry, image: Image) -> None:
        """M1, B1: every type in one Accept for documents, one byte of each blob, no validators."""
        registry.check(REFERENCE)
        assert [ask.headers for ask in registry.asks] == [
            (("Accept", ACCEPT),),
            (("Accept", ACCEPT),),
            (),
            (("Range", "bytes=0-0"),),
            (("Range", "bytes=0-0"),),
        ]
        assert [ask.body_rule for ask in registry.asks] == [BodyRule.DOCUMENT] * 3 + [BodyRule.PROBE] * 2

    def test_digest_is_asked_for_rather_than_the_tag_beside_it(self, registry: Registry, image: Image) -> None:
        """R13."""
        outcome = registry.check(f"{HOST}/team/app:gone@{image.digest}", depth=Depth.MANIFEST)
        assert outcome.reason is Reason.OK
        assert registry.log == ["HEAD manifest", "GET manifest"]

    def test_docker_hub_is_asked_at_its_api_host(self) -> None:
        """R1, R4."""
        hub = Registry("registry-1.docker.io")
        hub.image("library/alpine:latest")
        outcome = hub.check("registry-1.docker.io/alpine", depth=Depth.RESOLVE)
        assert outcome.canonical == "docker.io/library/alpine:latest"
        assert outcome.warnings == (Warn.HUB_HOST_ALIAS,)

    def test_mirror_is_asked_in_the_registrys_place(self) -> None:
        mirror = Registry("mirror.example:8443")
        mirror.image("library/alpine:3")
        outcome = mirror.check("alpine:3", site=Site(api_host="Mirror.example:8443"))
        assert (outcome.reason, outcome.canonical) == (Reason.OK, "docker.io/library/alpine:3")

    def test_plain_http_is_spoken_only_where_the_operator_says_so(self) -> None:
        """N1."""
        registry = Registry("localhost:5000", scheme="http")
        registry.image("app:1")
        assert registry.check("localhost:5000/app:1").reason is Reason.OK
        assert registry.asks[0].url == "http://localhost:5000/v2/app/manifests/1"


class TestHead:
    def test_head_settles_the_digest(self, registry: Registry, image: Image) -> None:
        """M3."""
        outcome = registry.check(REFERENCE, depth=Depth.RESOLVE)
        assert (outcome.reason, outcome.depth, outcome.digest) == (Reason.OK, Depth.RESOLVE, image.digest)
        assert registry.log == ["HEAD 1"]

    def test_head_without_digest_is_followed_by_get_of_the_tag(self, registry: Registry, image: Image) -> None:
        """M4."""
        registry.once("HEAD 1", NO_DIGEST)
        registry.once("GET 1", NO_DIGEST)
        outcome = registry.check(REFERENCE, depth=Depth.RESOLVE)
        assert (outcome.reason, outcome.digest) == (Reason.OK, image.digest)
        assert outcome.warnings == (Warn.NO_DIGEST_HEADER,)
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_head_without_length_is_followed_by_get_of_the_tag(self, registry: Registry, image: Image) -> None:
        """M4."""
        registry.once("HEAD 1", Amends({"Content-Length": None}))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert outcome.warnings == (Warn.NO_DIGEST_HEADER,)
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_unreadable_digest_is_a_warning(self, registry: Registry, image: Image) -> None:
        """M5."""
        registry.once("HEAD 1", Amends({"Docker-Content-Digest": "sha256:nonsense"}))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.BAD_DIGEST_HEADER,))
        assert registry.log == ["HEAD 1", "GET 1"]

    @pytest.mark.parametrize("status", [405, 501])
    def test_registry_without_head_is_asked_by_get(self, registry: Registry, image: Image, status: int) -> None:
        """M6."""
        registry.once("HEAD 1", Says(status))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.HEAD_UNSUPPORTED,))
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_missing_tag_is_confirmed_by_get(self, registry: Registry, image: Image) -> None:
        """M7, E4."""
        outcome = registry.check(f"{HOST}/team/app:2")
        assert (outcome.reason, outcome.stage, outcome.host) == (Reason.TAG_NOT_FOUND, Stage.MANIFEST, HOST)
        assert (outcome.depth, outcome.digest) == (None, None)
        assert outcome.detail == "manifest unknown"
        assert registry.log == ["HEAD 2", "GET 2"]

    def test_hubs_404_is_final(self) -> None:
        """M7."""
        hub = Registry("registry-1.docker.io")
        assert hub.check("alpine:gone").reason is Reason.TAG_NOT_FOUND
        assert hub.check(f"alpine@{OTHER}").reason is Reason.DIGEST_NOT_FOUND
        assert hub.log == [f"HEAD {OTHER}"]

    def test_404_of_a_mirror_of_hub_is_confirmed(self) -> None:
        """M7: the mirror speaks for itself only."""
        mirror = Registry("mirror.example")
        mirror.image("library/alpine:3")
        mirror.once("HEAD 3", Says(404))
        assert mirror.check("alpine:3", site=Site(api_host="mirror.example")).reason is Reason.OK

    @pytest.mark.parametrize("status", [400, 403, 404, 412])
    def test_refused_head_and_granted_get_disagree(self, registry: Registry, image: Image, status: int) -> None:
        """M8."""
        registry.once("HEAD 1", Says(status))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.HEAD_GET_DISAGREE,))

    def test_head_that_met_a_server_error_says_nothing_of_the_image(self, registry: Registry, image: Image) -> None:
        """M8."""
        registry.once("HEAD 1", Says(503))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, ())
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_get_decides_when_it_is_refused_what_head_was_granted(self, registry: Registry, image: Image) -> None:
        """M9, E9: a policy that HEAD does not meet."""
        registry.once(
            "GET manifest", Says(412, error("PROJECTPOLICYVIOLATION", "current image with 3 vulnerabilities"))
        )
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.POLICY_BLOCKED, (Warn.HEAD_GET_DISAGREE,))
        assert (outcome.depth, outcome.digest) == (Depth.RESOLVE, image.digest)

    def test_tag_whose_digest_is_not_served_is_inconsistent(self, registry: Registry, image: Image) -> None:
        """M10."""
        registry.once("GET manifest", Says(404, error("MANIFEST_UNKNOWN")))
        assert registry.check(REFERENCE).reason is Reason.TAG_DIGEST_INCONSISTENT

    def test_digest_that_is_not_served_is_not_found(self, registry: Registry, image: Image) -> None:
        """E4: no tag, no inconsistency."""
        assert registry.check(f"{HOST}/team/app@{OTHER}").reason is Reason.DIGEST_NOT_FOUND

    def test_head_of_a_digest_that_names_another_settles_nothing(self, registry: Registry, image: Image) -> None:
        """S12, M11: what counts is what we asked for."""
        other = registry.image("team/app:other", name="other")
        registry.once("HEAD manifest", Amends({"Docker-Content-Digest": other.digest}))
        outcome = registry.check(f"{HOST}/team/app@{image.digest}", depth=Depth.RESOLVE)
        assert (outcome.reason, outcome.digest) == (Reason.OK, image.digest)
        assert outcome.warnings == (Warn.DIGEST_HEADER_MISMATCH,)
        assert registry.log == ["HEAD manifest", "GET manifest"]


class TestDocument:
    def test_bytes_that_are_not_the_digest_are_fetched_once_more(self, registry: Registry, image: Image) -> None:
        """M11."""
        registry.once("GET manifest", Amends(body=b'{"cut":'))
        assert registry.check(REFERENCE, depth=Depth.MANIFEST).reason is Reason.OK
        first, second = registry.asked("GET manifest")
        assert (first.fresh_connection, second.fresh_connection) == (False, True)
        assert second.delay_seconds > 0

    def test_bytes_that_stay_other_than_the_digest_are_corruption(self, registry: Registry, image: Image) -> None:
        """M11."""
        registry.always("GET manifest", Amends(body=b"{}"))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.confidence) == (Reason.DIGEST_MISMATCH, Confidence.DEFINITE)
        assert outcome.detail == f"asked for {image.digest}, got {Digest.of(b'{}')}"
        assert outcome.attempts == 2

    def test_another_manifest_in_its_place_is_corruption_too(self, registry: Registry, image: Image) -> None:
        """M11: sound in itself, and not what was asked for."""
        other = registry.image("team/app:other", name="other")
        registry.always("GET manifest", Amends(body=other.manifest.body))
        assert registry.check(REFERENCE).reason is Reason.DIGEST_MISMATCH

    def test_tag_with_another_digest_in_its_header_is_read_again_by_its_own(
        self, registry: Registry, image: Image
    ) -> None:
        """M12: a warning, as long as it serves what it did serve."""
        registry.once("HEAD 1", NO_DIGEST)
        registry.once("GET 1", Amends({"Docker-Content-Digest": OTHER}))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.digest) == (Reason.OK, image.digest)
        assert outcome.warnings == (Warn.NO_DIGEST_HEADER, Warn.DIGEST_HEADER_MISMATCH)
        assert registry.log == ["HEAD 1", "GET 1", "GET manifest"]

    def test_tag_that_does_not_serve_what_it_did_serve_fails(self, registry: Registry, image: Image) -> None:
        """M12."""
        registry.once("HEAD 1", Says(405))
        registry.once("GET 1", Amends({"Docker-Content-Digest": OTHER}))
        registry.once("GET manifest", Says(404, error("MANIFEST_UNKNOWN")))
        assert registry.check(REFERENCE).reason is Reason.TAG_DIGEST_INCONSISTENT

    def test_header_in_another_algorithm_is_compared_in_it(self, registry: Registry, image: Image) -> None:
        """M13."""
        stated = str(Digest.of(image.manifest.body, "sha512"))
        registry.once("HEAD 1", Says(405))
        registry.once("GET 1", Amends({"Docker-Content-Digest": stated}))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.digest) == (Reason.OK, stated)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [(b"<!doctype html>", Reason.NOT_A_REGISTRY), (b"", Reason.MANIFEST_EMPTY)],
        ids=["M14", "M15"],
    )
    def test_no_document_at_all_is_no_corruption(
        self, registry: Registry, image: Image, body: bytes, reason: Reason
    ) -> None:
        registry.once("GET manifest", Amends(body=body))
        assert registry.check(REFERENCE).reason is reason

    @pytest.mark.parametrize(
        ("body", "reason"),
        [(b"{}", Reason.MANIFEST_MALFORMED), (b'{"schemaVersion": 1}', Reason.LEGACY_SCHEMA1)],
        ids=["M16", "M22"],
    )
    def test_document_that_is_no_manifest_ends_the_check(
        self, registry: Registry, body: bytes, reason: Reason
    ) -> None:
        document = registry.document("team/app:1", body)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (reason, Stage.MANIFEST)
        assert (outcome.digest, outcome.depth) == (document.digest, Depth.RESOLVE)

    def test_signed_schema_1_is_old_and_not_corrupt(self, registry: Registry, image: Image) -> None:
        """M22, M23: its digest is that of the payload, without the signatures that are served with it."""
        signed = b'{"schemaVersion": 1, "fsLayers": [], "signatures": [{}]}'
        registry.once("GET manifest", Amends({"Content-Type": "text/plain"}, body=signed))
        assert registry.check(REFERENCE).reason is Reason.LEGACY_SCHEMA1

    def test_compressed_manifest_is_read(self, registry: Registry, image: Image) -> None:
        """M20."""
        packed = Amends({"Content-Encoding": "gzip"}, body=gzip.compress(image.manifest.body))
        registry.once("GET manifest", packed)
        assert registry.check(REFERENCE, depth=Depth.MANIFEST).reason is Reason.OK

    def test_manifest_in_an_unknown_coding_is_not(self, registry: Registry, image: Image) -> None:
        """M20."""
        registry.once("GET manifest", Amends({"Content-Encoding": "br"}))
        assert registry.check(REFERENCE).reason is Reason.MANIFEST_ENCODING_UNSUPPORTED

    def test_artifact_and_image_without_layers_are_available_with_a_warning(self, registry: Registry) -> None:
        """M24, M25."""
        registry.image("team/app:1", layers=0, artifactType="application/vnd.example.chart")
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.OK
        assert outcome.warnings == (Warn.NOT_A_CONTAINER_IMAGE, Warn.NO_LAYERS)
        assert registry.log == ["HEAD 1", "GET manifest", "GET config"]
        assert registry.asks[2].headers == (("Range", "bytes=0-0"),)  # no platform to be read there

    def test_registrys_warnings_are_passed_on(self, registry: Registry, image: Image) -> None:
        """M26: each once, whichever replies they come with, and none is acted on."""
        registry.once("HEAD 1", Amends({"Warning": '299 - "moving soon", 299 - "pay up"'}))
        registry.once("GET manifest", Amends({"Warning": '299 - "moving soon", 299 - "on Sunday"'}))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.REGISTRY_WARNING,))
        assert outcome.notices == ("moving soon", "pay up", "on Sunday")

    def test_warnings_of_a_cache_or_a_stranger_are_not_the_registrys(self, registry: Registry, image: Image) -> None:
        """M26."""
        registry.once("HEAD 1", Amends({"Warning": '110 cache "stale"'}))
        registry.once("GET manifest", moved("https://elsewhere.test/m"))
        stranger = Says(404, headers={"Warning": '299 - "buy"'})
        registry.once("GET elsewhere.test/m", stranger)
        outcome = registry.check(REFERENCE)
        assert Warn.REGISTRY_WARNING not in outcome.warnings
        assert outcome.notices == ()

    def test_warnings_without_end_are_cut_short(self, registry: Registry, image: Image) -> None:
        """M26: 4096 bytes."""
        registry.once("HEAD 1", Amends({"Warning": ", ".join(f'299 - "{n}{"x" * 899}"' for n in range(9))}))
        assert [len(text) for text in registry.check(REFERENCE).notices] == [900] * 4
