"""From an index to the images that are wanted of it, each platform with its own result."""

import base64
from typing import Any

import pytest

from probes.protocol.conversation import Send, advance, start
from probes.protocol.digest import Digest
from probes.protocol.exchange import Ask, FaultKind
from probes.protocol.limits import CheckLimits
from probes.protocol.manifest import OCI_INDEX, OCI_MANIFEST
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from tests.fakes import contents
from tests.fakes.contents import CONFIG, Content, child, json_content
from tests.fakes.dialogue import HOST, Amends, Breaks, Registry, Says

REFERENCE = f"{HOST}/team/app:1"
ATTESTATION: dict[str, Any] = {"platform": {"os": "unknown", "architecture": "unknown"}}


@pytest.fixture
def registry() -> Registry:
    return Registry()


def results(outcome: Conclusion) -> dict[str, Reason]:
    return {item.platform: item.reason for item in outcome.platforms}


def entry(digit: str, media_type: str = OCI_MANIFEST, **fields: Any) -> dict[str, Any]:
    """Return the descriptor of a child that the registry does not hold."""
    return {"mediaType": media_type, "digest": f"sha256:{digit * 64}", "size": 2, **fields}


class TestChoice:
    def test_wanted_platform_is_followed_to_its_blobs(self, registry: Registry) -> None:
        """P1, P14."""
        amd64, arm64 = child("linux/amd64"), child("linux/arm64")
        index = registry.index("team/app:1", amd64, arm64, entries=(entry("a", **ATTESTATION),))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.digest, outcome.depth) == (Reason.OK, index.digest, Depth.BLOBS)
        [result] = outcome.platforms
        assert (result.platform, result.digest, result.reason) == ("linux/amd64", amd64.digest, Reason.OK)
        assert registry.log == [
            "HEAD 1",
            "GET index",
            "GET linux/amd64",
            "GET linux/amd64 config",
            "GET linux/amd64 layer1",
        ]

    def test_platform_depth_ends_with_the_childs_manifest(self, registry: Registry) -> None:
        registry.index("team/app:1", child("linux/amd64"))
        outcome = registry.check(REFERENCE, depth=Depth.PLATFORM)
        assert outcome.depth is Depth.PLATFORM
        assert registry.log == ["HEAD 1", "GET index", "GET linux/amd64"]

    def test_manifest_depth_leaves_the_children_alone(self, registry: Registry) -> None:
        registry.index("team/app:1", child("linux/amd64"))
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.depth, outcome.platforms) == (Depth.MANIFEST, ())
        assert registry.log == ["HEAD 1", "GET index"]

    def test_name_is_reported_as_it_was_asked_for(self, registry: Registry) -> None:
        """P1: arm64 is arm64/v8, x86_64 is amd64."""
        registry.index("team/app:1", child("linux/amd64"), child("linux/arm64"))
        outcome = registry.check(REFERENCE, platforms=("linux/arm64/v8", "linux/x86_64"))
        assert results(outcome) == {"linux/arm64/v8": Reason.OK, "linux/x86_64": Reason.OK}

    def test_lesser_variant_serves_with_a_warning(self, registry: Registry) -> None:
        """P3."""
        registry.index("team/app:1", child("linux/arm/v6"), child("linux/arm/v5"))
        outcome = registry.check(REFERENCE, platforms=("linux/arm/v7",))
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PLATFORM_FALLBACK,))
        assert "GET linux/arm/v6" in registry.log

    def test_missing_platform_lists_those_present(self, registry: Registry) -> None:
        """P5."""
        registry.index("team/app:1", child("linux/amd64"), child("linux/s390x"))
        outcome = registry.check(REFERENCE, platforms=("linux/arm64",))
        assert (outcome.reason, outcome.stage, outcome.host) == (Reason.PLATFORM_MISSING, Stage.INDEX, HOST)
        assert outcome.detail == "linux/arm64; present: linux/amd64, linux/s390x"
        assert outcome.depth is Depth.MANIFEST

    @pytest.mark.parametrize("entries", [(), (entry("a", **ATTESTATION),)], ids=["empty", "attestations"])
    def test_index_without_a_runnable_image_is_empty(
        self, registry: Registry, entries: tuple[dict[str, Any], ...]
    ) -> None:
        """P6, P8."""
        registry.index("team/app:1", entries=entries)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.INDEX_EMPTY, Stage.INDEX)
        assert results(outcome) == {"linux/amd64": Reason.INDEX_EMPTY}

    def test_inline_data_saves_no_request(self, registry: Registry) -> None:
        """P13: a runtime fetches by digest, whatever the index has of the child already."""
        image = child("linux/amd64")
        copy = base64.b64encode(image.manifest.body).decode()
        registry.index("team/app:1", entries=({**image.entry, "data": copy},))
        assert registry.check(REFERENCE).reason is Reason.CHILD_MANIFEST_MISSING

    def test_child_of_a_foreign_type_is_unusable(self, registry: Registry) -> None:
        """P12."""
        foreign = entry("a", "application/vnd.example.bundle", platform={"os": "linux", "architecture": "amd64"})
        registry.index("team/app:1", entries=(foreign,))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.MANIFEST_TYPE_UNSUPPORTED, Stage.INDEX)
        assert registry.log == ["HEAD 1", "GET index"]

    def test_plan_without_platforms_means_the_default(self, registry: Registry) -> None:
        """P14."""
        registry.index("team/app:1", child("linux/amd64"), child("linux/arm64"))
        assert results(registry.check(REFERENCE, platforms=())) == {"linux/amd64": Reason.OK}


class TestUnstated:
    def test_child_without_a_platform_is_decided_by_its_config(self, registry: Registry) -> None:
        """P7."""
        registry.index("team/app:1", child(None))
        outcome = registry.check(REFERENCE, depth=Depth.PLATFORM)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PLATFORM_UNSTATED,))
        assert registry.log == ["HEAD 1", "GET index", "GET unstated", "GET unstated config"]

    def test_child_without_a_platform_that_is_another_one_is_none(self, registry: Registry) -> None:
        """P7: a runtime would refuse it as well."""
        config = json_content("config", CONFIG, {"os": "linux", "architecture": "arm64"})
        registry.index("team/app:1", child(None, config=config))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.PLATFORM_MISSING, Stage.INDEX)
        assert outcome.detail == "linux/amd64; present: linux/arm64"
        assert (outcome.depth, results(outcome)) == (Depth.MANIFEST, {"linux/amd64": Reason.PLATFORM_MISSING})

    def test_config_of_one_child_says_nothing_of_another(self, registry: Registry) -> None:
        """P7."""
        config = json_content("config", CONFIG, {"os": "linux", "architecture": "arm64"})
        registry.index("team/app:1", child("linux/amd64"), child(None, config=config))
        outcome = registry.check(REFERENCE, platforms=("linux/amd64", "linux/arm64"))
        assert results(outcome) == {"linux/amd64": Reason.OK, "linux/arm64": Reason.OK}

    def test_all_of_a_plain_image_is_that_image(self, registry: Registry) -> None:
        registry.image("team/app:1")
        outcome = registry.check(REFERENCE, platforms=("all",))
        assert (results(outcome), outcome.warnings) == ({"all": Reason.OK}, ())


class TestSeveral:
    def test_each_platform_has_its_own_result(self, registry: Registry) -> None:
        amd64, arm64 = child("linux/amd64"), child("linux/arm64")
        registry.index("team/app:1", amd64, arm64)
        registry.lose(arm64.manifest)
        outcome = registry.check(REFERENCE, platforms=("linux/amd64", "linux/arm64", "linux/riscv64"))
        assert results(outcome) == {
            "linux/amd64": Reason.OK,
            "linux/arm64": Reason.CHILD_MANIFEST_MISSING,
            "linux/riscv64": Reason.PLATFORM_MISSING,
        }
        assert [item.digest for item in outcome.platforms] == [amd64.digest, arm64.digest, None]
        assert "GET linux/amd64 layer1" in registry.log

    def test_one_child_for_two_platforms_is_asked_for_once(self, registry: Registry) -> None:
        registry.index("team/app:1", child("linux/arm/v6"))
        outcome = registry.check(REFERENCE, platforms=("linux/arm/v6", "linux/arm/v7"))
        assert results(outcome) == {"linux/arm/v6": Reason.OK, "linux/arm/v7": Reason.OK}
        assert registry.log.count("GET linux/arm/v6") == 1

    def test_all_means_every_runnable_child(self, registry: Registry) -> None:
        """P14."""
        registry.index(
            "team/app:1",
            child("linux/amd64"),
            child("linux/arm/v7"),
            child("windows(10.0.17763.1)/amd64"),
            entries=(entry("a", **ATTESTATION),),
        )
        outcome = registry.check(REFERENCE, platforms=("all",))
        assert results(outcome) == {
            "linux/amd64": Reason.OK,
            "linux/arm": Reason.OK,
            "windows(10.0.17763.1)/amd64": Reason.OK,
        }
        assert outcome.warnings == ()

    def test_all_of_an_index_that_states_no_platform_is_its_first_child(self, registry: Registry) -> None:
        registry.index("team/app:1", child(None))
        outcome = registry.check(REFERENCE, platforms=("all",))
        assert results(outcome) == {"all": Reason.OK}

    def test_shared_layer_is_asked_for_once_and_counts_for_both(self, registry: Registry) -> None:
        """B23."""
        shared = Content(name="shared", body=b"base layer", media_type=contents.LAYER)
        registry.index("team/app:1", child("linux/amd64", layers=[shared]), child("linux/arm64", layers=[shared]))
        registry.lose(shared)
        outcome = registry.check(REFERENCE, platforms=("all",))
        assert results(outcome) == {"linux/amd64": Reason.LAYER_MISSING, "linux/arm64": Reason.LAYER_MISSING}
        assert registry.log.count("GET shared") == 1

    def test_shared_layer_already_known_to_be_lost_counts_for_a_later_child(self, registry: Registry) -> None:
        """B23: the second child is slow, and is read after the layer was found missing."""
        shared = Content(name="shared", body=b"base layer", media_type=contents.LAYER)
        registry.index("team/app:1", child("linux/amd64", layers=[shared]), child("linux/arm64", layers=[shared]))
        registry.lose(shared)
        registry.once("GET linux/amd64", Breaks(FaultKind.CONNECTION_RESET))
        outcome = registry.check(REFERENCE, platforms=("all",), backwards=True)
        assert results(outcome) == {"linux/amd64": Reason.LAYER_MISSING, "linux/arm64": Reason.LAYER_MISSING}
        assert registry.log.count("GET shared") == 1


class TestChild:
    @pytest.fixture(autouse=True)
    def index(self, registry: Registry) -> contents.Index:
        return registry.index("team/app:1", child("linux/amd64"))

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Says(404), Reason.CHILD_MANIFEST_MISSING),
            (Says(403), Reason.AUTH_DENIED),
            (Says(503), Reason.REGISTRY_ERROR),
            (Amends(body=b"{}"), Reason.DIGEST_MISMATCH),
            (Amends(body=b""), Reason.MANIFEST_EMPTY),
            (Amends({"Content-Encoding": "br"}), Reason.MANIFEST_ENCODING_UNSUPPORTED),
            (Amends({"Content-Type": OCI_INDEX}), Reason.MANIFEST_TYPE_CONFLICT),
            (Breaks(FaultKind.CONNECTION_RESET), Reason.CONNECTION_RESET),
        ],
        ids=["P9", "denied", "E16", "P10", "M15", "M20", "M19", "N12"],
    )
    def test_child_that_cannot_be_read_fails_its_platform(
        self, registry: Registry, answer: Says | Amends | Breaks, reason: Reason
    ) -> None:
        registry.always("GET linux/amd64", answer)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.depth) == (reason, Stage.CHILD, Depth.MANIFEST)
        assert results(outcome) == {"linux/amd64": reason}

    def test_child_of_another_size_than_listed_fails(self, registry: Registry) -> None:
        """P10."""
        image = child("linux/amd64")
        registry.hold("team/app:2", image)
        registry.index("team/app:1", entries=({**image.entry, "size": 7},))
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.SIZE_MISMATCH
        assert outcome.detail == f"{len(image.manifest.body)} bytes, 7 declared"


class TestNesting:
    def test_index_in_an_index_is_descended_into(self, registry: Registry) -> None:
        """P11."""
        inner = contents.index(child("linux/amd64"), child("linux/arm64"), name="inner")
        registry.index("team/app:1", inner)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, results(outcome)) == (Reason.OK, {"linux/amd64": Reason.OK})
        assert registry.log[1:4] == ["GET index", "GET inner", "GET linux/amd64"]

    def test_inner_index_serves_those_who_chose_it(self, registry: Registry) -> None:
        """P11."""
        inner = contents.index(child("linux/arm64"), name="inner")
        stated = {**inner.entry, "platform": {"os": "linux", "architecture": "arm64"}}
        registry.hold("team/app:2", inner)
        amd64 = child("linux/amd64")
        registry.hold("team/app:3", amd64)
        registry.index("team/app:1", entries=(stated, amd64.entry))
        outcome = registry.check(REFERENCE, platforms=("linux/arm64", "linux/amd64"))
        assert results(outcome) == {"linux/arm64": Reason.OK, "linux/amd64": Reason.OK}

    def test_three_levels_are_the_most(self, registry: Registry) -> None:
        """P11."""
        nested: contents.Image | contents.Index = child("linux/amd64")
        for level in ("third", "second"):
            nested = contents.index(nested, name=level)
        registry.index("team/app:1", nested)
        assert registry.check(REFERENCE).reason is Reason.OK
        registry.index("team/app:1", contents.index(nested, name="between"))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage) == (Reason.INDEX_TOO_DEEP, Stage.INDEX)
        assert "GET third" not in registry.log

    def test_circle_is_not_walked(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        """P11: with digests that hold there is no circle, so here is a world in which they do not."""
        monkeypatch.setattr(Digest, "matches", lambda *_: True)
        size = len(contents.index(entries=(entry("b", OCI_INDEX),)).manifest.body)
        outer = contents.index(entries=(entry("a", OCI_INDEX, size=size),))
        inner = contents.index(entries=({**entry("b", OCI_INDEX), "digest": outer.digest},))
        registry.hold("team/app:1", outer)
        registry.once(f"GET sha256:{'a' * 64}", Says(200, inner.manifest.body))
        outcome = registry.check(REFERENCE)
        assert outcome.reason is Reason.INDEX_TOO_DEEP
        assert outcome.detail.startswith(outer.digest)
        assert len(registry.log) == 3


class TestBounds:
    def test_platform_beyond_the_bound_is_found_all_the_same(self, registry: Registry) -> None:
        """P16: what is capped is how much is asked for, not where it is looked for."""
        others = tuple(entry("a", platform={"os": "linux", "architecture": f"arch{number}"}) for number in range(80))
        wanted = child("linux/amd64")
        registry.hold("team/app:2", wanted)
        registry.index("team/app:1", entries=(*others, wanted.entry))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, ())

    def test_all_of_very_many_is_the_first_of_them(self, registry: Registry) -> None:
        """P16."""
        many = [child(f"linux/arch{number}", layers=0) for number in range(70)]
        registry.index("team/app:1", *many)
        outcome = registry.check(REFERENCE, platforms=("all",), depth=Depth.PLATFORM)
        assert (outcome.reason, len(outcome.platforms)) == (Reason.OK, 64)
        assert outcome.warnings == (Warn.PROBE_CAPPED, Warn.NO_LAYERS)
        assert len(registry.log) == 2 + 64

    def test_queue_holds_no_more_than_may_still_be_sent(self, registry: Registry) -> None:
        """P16: an index of 64 images with 500 layers each would keep 32,000 errands."""
        registry.index("team/app:1", *(child(f"linux/arch{number}", layers=8) for number in range(64)))
        move = start(Plan(reference=REFERENCE, platforms=("all",)))
        in_flight: list[Ask] = []
        while isinstance(move, Send):
            state = move.state
            assert state.next_id + len(state.queue) <= 200
            assert len(state.users) <= 200
            in_flight += move.asks
            move = advance(state, registry.answer(in_flight.pop(0)))
        assert move.conclusion.reason is Reason.OK
        assert move.conclusion.warnings == (Warn.PROBE_CAPPED,)
        assert move.conclusion.depth is Depth.PLATFORM
        assert len(move.conclusion.platforms) == 64
        assert len(registry.log) == 200

    def test_layer_that_found_no_room_is_not_missed_by_those_that_share_it(self, registry: Registry) -> None:
        """P16, B23."""
        shared = Content(name="shared", body=b"base layer", media_type=contents.LAYER)
        own = Content(name="own", body=b"own layer", media_type=contents.LAYER)
        registry.index(
            "team/app:1", child("linux/amd64", layers=[own, shared]), child("linux/arm64", layers=[shared])
        )
        outcome = registry.check(REFERENCE, platforms=("all",), limits=CheckLimits(requests=7))
        assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PROBE_CAPPED,))
        assert outcome.depth is Depth.PLATFORM

    def test_platform_whose_config_found_no_room_is_not_spoken_of(self, registry: Registry) -> None:
        """P7, P16: without its config nothing is known of what it runs on."""
        config = json_content("config", CONFIG, {"os": "linux", "architecture": "arm64"})
        registry.index("team/app:1", child("linux/amd64"), child(None, config=config))
        platforms = ("linux/amd64", "linux/arm64")
        limits = CheckLimits(requests=5)
        outcome = registry.check(REFERENCE, platforms=platforms, depth=Depth.PLATFORM, limits=limits)
        assert results(outcome) == {"linux/amd64": Reason.OK, "linux/arm64": Reason.OK}
        limits = CheckLimits(requests=4)
        outcome = registry.check(REFERENCE, platforms=platforms, depth=Depth.PLATFORM, limits=limits)
        assert (results(outcome), outcome.depth) == ({"linux/amd64": Reason.OK}, Depth.MANIFEST)
