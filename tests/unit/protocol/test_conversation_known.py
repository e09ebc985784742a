"""What a check leaves unread because its bytes are known, and what it asks all the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.protocol.conversation import Document, Known
from probes.protocol.exchange import FaultKind
from probes.protocol.outcome import Conclusion
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from tests.fakes.contents import CONFIG, child, json_content
from tests.fakes.dialogue import HOST, Amends, Answer, Breaks, Registry, Says, error

REFERENCE = f"{HOST}/team/app:1"
Again = Callable[..., Conclusion]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def again(registry: Registry) -> Again:
    """Check with what the checks before it have read."""

    def check(known: Known | None = None, **more: object) -> Conclusion:
        known = known or Known(documents=dict(registry.documents))
        return registry.check(REFERENCE, known=known, **{"reread": False, **more})  # type: ignore[arg-type]

    return check


def test_known_documents_are_asked_for_and_not_read(registry: Registry, again: Again) -> None:
    """E.1: HEAD of the tag, HEAD of the child by digest, and the blobs."""
    registry.index("team/app:1", child("linux/amd64", layers=2))
    registry.check(REFERENCE)
    outcome = again()
    assert (outcome.reason, outcome.depth) == (Reason.OK, Depth.BLOBS)
    assert registry.log == [
        "HEAD 1",
        "HEAD linux/amd64",
        "GET linux/amd64 config",
        "GET linux/amd64 layer1",
        "GET linux/amd64 layer2",
    ]


def test_check_with_known_documents_finds_what_the_first_one_found(registry: Registry, again: Again) -> None:
    registry.index("team/app:1", child("linux/amd64"), child("linux/arm64"), child(None))
    first = registry.check(REFERENCE, platforms=("linux/arm64", "linux/riscv64"))
    assert first == again(platforms=("linux/arm64", "linux/riscv64"))


def test_plan_that_rereads_reads_what_is_known(registry: Registry, again: Again) -> None:
    """E.1, finding 1: a HEAD is no proof that the bytes can be had, so now and then they are fetched."""
    registry.index("team/app:1", child("linux/amd64"))
    registry.check(REFERENCE)
    again(reread=True)
    assert registry.log[:3] == ["HEAD 1", "GET index", "GET linux/amd64"]


def test_changed_tag_is_read(registry: Registry, again: Again) -> None:
    registry.image("team/app:1")
    registry.check(REFERENCE)
    registry.image("team/app:1", layers=2)
    assert again().reason is Reason.OK
    assert registry.log[:2] == ["HEAD 1", "GET manifest"]


def test_config_that_is_known_is_probed_by_one_byte(registry: Registry, again: Again) -> None:
    """P15: its platform is compared all the same."""
    registry.image("team/app:1", platform="linux/arm64")
    registry.check(REFERENCE)
    outcome = again()
    assert Warn.PLATFORM_MISMATCH in outcome.warnings
    assert registry.log == ["HEAD 1", "GET config", "GET layer1"]
    assert ("Range", "bytes=0-0") in registry.asked("GET config")[0].headers


def test_config_that_is_known_and_gone_is_missing(registry: Registry, again: Again) -> None:
    """B7."""
    image = registry.image("team/app:1")
    registry.check(REFERENCE)
    registry.lose(image.config)
    outcome = again()
    assert (outcome.reason, outcome.stage) == (Reason.CONFIG_MISSING, Stage.CONFIG)


def test_known_config_at_another_size_than_declared_is_read(registry: Registry, again: Again) -> None:
    config = json_content("config", CONFIG, {"os": "linux", "architecture": "amd64"})
    registry.image("team/app:1", config=config)
    registry.check(REFERENCE)
    registry.image("team/app:1", config=replace(config, notes={"size": 7}))
    assert again().reason is Reason.SIZE_MISMATCH


def test_known_child_that_is_gone_is_missing(registry: Registry, again: Again) -> None:
    """P9: the GET has the last word."""
    index = registry.index("team/app:1", child("linux/amd64"))
    registry.check(REFERENCE)
    registry.lose(index.contents[1])
    outcome = again()
    assert outcome.reason is Reason.CHILD_MANIFEST_MISSING
    assert registry.log == ["HEAD 1", "HEAD linux/amd64", "GET linux/amd64"]


UNCLEAR: dict[str, Answer] = {
    "405": Says(405),
    "403": Says(403),
    "503": Says(503),
    "no digest": Amends({"Docker-Content-Digest": None}),
    "another digest": Amends({"Docker-Content-Digest": f"sha256:{'0' * 64}"}),
    "no length": Amends({"Content-Length": None}),
    "another length": Amends({"Content-Length": "7"}),
    "another type": Amends({"Content-Type": "text/html"}),
    "compressed": Amends({"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("unclear", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_head_of_a_child_that_leaves_a_doubt_is_followed_by_a_get(
    registry: Registry, again: Again, unclear: Answer
) -> None:
    """M8."""
    registry.index("team/app:1", child("linux/amd64"))
    registry.check(REFERENCE)
    registry.once("HEAD linux/amd64", unclear)
    assert again().reason is Reason.OK
    assert registry.log[:3] == ["HEAD 1", "HEAD linux/amd64", "GET linux/amd64"]


@pytest.mark.parametrize("unclear", [Amends({"Content-Length": "7"}), Amends({"Content-Type": "text/html"})])
def test_head_of_the_tag_that_leaves_a_doubt_is_followed_by_a_get(
    registry: Registry, again: Again, unclear: Answer
) -> None:
    registry.image("team/app:1")
    registry.check(REFERENCE)
    registry.once("HEAD 1", unclear)
    assert again().reason is Reason.OK
    assert registry.log[:2] == ["HEAD 1", "GET manifest"]


def test_lost_head_of_a_child_is_tried_again_as_a_get(registry: Registry, again: Again) -> None:
    """N12."""
    registry.index("team/app:1", child("linux/amd64"))
    registry.check(REFERENCE)
    registry.once("HEAD linux/amd64", Breaks(FaultKind.CONNECTION_RESET))
    outcome = again()
    assert (outcome.reason, outcome.attempts) == (Reason.OK, 2)
    assert registry.log[:3] == ["HEAD 1", "HEAD linux/amd64", "GET linux/amd64"]
    assert registry.asked("GET linux/amd64")[0].fresh_connection


def test_throttled_head_of_a_child_is_not_followed_by_a_get(registry: Registry, again: Again) -> None:
    """E13: who asks us to wait is not asked again at once."""
    registry.index("team/app:1", child("linux/amd64"))
    registry.check(REFERENCE)
    registry.once("HEAD linux/amd64", Says(429, headers={"Retry-After": "30"}))
    outcome = again()
    assert (outcome.reason, outcome.stage) == (Reason.RATE_LIMITED, Stage.CHILD)
    assert registry.log == ["HEAD 1", "HEAD linux/amd64"]


def test_redirected_head_of_a_child_is_asked_at_the_registry_again(registry: Registry, again: Again) -> None:
    """B13: a signature binds the verb."""
    registry.index("team/app:1", child("linux/amd64"))
    registry.check(REFERENCE)
    registry.once("HEAD linux/amd64", Says(307, headers={"Location": "https://storage.example/x?sig=1"}))
    registry.once("HEAD storage.example/x", Says(403))
    assert again().reason is Reason.OK
    assert registry.log[:4] == ["HEAD 1", "HEAD linux/amd64", "HEAD storage.example/x", "GET linux/amd64"]


def test_registry_that_showed_no_digest_is_not_trusted_with_heads(registry: Registry, again: Again) -> None:
    """M4: without a tag's clear HEAD, nothing is taken as known that only a HEAD would prove."""
    registry.index("team/app:1", child("linux/amd64"))
    registry.always("HEAD 1", Says(403, error("DENIED")))
    registry.check(REFERENCE)
    again()
    assert registry.log[:3] == ["HEAD 1", "GET 1", "GET linux/amd64"]


def test_documents_are_handed_on_with_the_bytes_of_their_digests(registry: Registry) -> None:
    amd64 = child("linux/amd64")
    index = registry.index("team/app:1", amd64)
    registry.check(REFERENCE)
    assert registry.documents == {
        content.digest: Document(content.digest, content.body, content.media_type)
        for content in (index.manifest, amd64.manifest)
    }


def test_bytes_that_are_not_what_was_asked_for_are_not_handed_on(registry: Registry) -> None:
    """M11."""
    registry.image("team/app:1")
    registry.always("GET manifest", Amends(body=b'{"schemaVersion":2}'))
    assert registry.check(REFERENCE).reason is Reason.DIGEST_MISMATCH
    assert not registry.documents


def test_registry_that_refuses_head_is_remembered(registry: Registry) -> None:
    """M6."""
    registry.image("team/app:1")
    registry.always("HEAD 1", Says(405))
    outcome = registry.check(REFERENCE, depth=Depth.RESOLVE)
    assert Warn.HEAD_UNSUPPORTED in outcome.warnings
    assert registry.done is not None
    assert registry.done.lacks_head


def test_check_of_a_registry_without_head_begins_with_the_get(registry: Registry, again: Again) -> None:
    """M6: and still says so."""
    image = registry.image("team/app:1")
    outcome = again(Known(lacks_head=True), depth=Depth.RESOLVE)
    assert (outcome.reason, outcome.depth, outcome.digest) == (Reason.OK, Depth.RESOLVE, image.digest)
    assert outcome.warnings == (Warn.HEAD_UNSUPPORTED,)
    assert registry.log == ["GET 1"]
    assert registry.done is not None
    assert not registry.done.lacks_head  # it was not asked, so nothing was learned


@pytest.mark.parametrize("after", [Says(405), Says(200, "<html>")])
def test_page_that_refuses_head_is_no_registry_without_head(registry: Registry, after: Answer) -> None:
    """M6: a proxy's refusal says nothing about the registry behind it."""
    registry.image("team/app:1")
    registry.always("HEAD 1", Says(405))
    registry.always("GET 1", after)
    registry.check(REFERENCE)
    assert registry.done is not None
    assert not registry.done.lacks_head


def test_throttled_host_that_we_wait_for_is_reported_with_its_time(registry: Registry) -> None:
    """E13: the wire asks nothing, and the check ends as it would have by asking."""
    registry.image("team/app:1")
    registry.once("HEAD 1", Breaks(FaultKind.RATE_LIMITED_UPSTREAM, "we wait"))
    outcome = registry.check(REFERENCE)
    assert (outcome.reason, outcome.stage, outcome.detail) == (
        Reason.RATE_LIMITED_UPSTREAM,
        Stage.MANIFEST,
        "we wait",
    )


def test_throttled_token_service_leaves_the_challenge_as_good_as_it_was(registry: Registry) -> None:
    """T27, C20: where to log in is not in doubt, so nobody need be asked for it again."""
    registry.image("team/app:1")
    registry.wants_token()
    registry.once("GET token", Says(429))
    assert registry.check(REFERENCE).reason is Reason.RATE_LIMITED_AUTH
    assert registry.memory is not None
    assert registry.memory.header == ""
    registry.check(REFERENCE, depth=Depth.RESOLVE, memory=registry.memory)
    assert registry.log == ["GET token", "HEAD 1 with token-1"]
