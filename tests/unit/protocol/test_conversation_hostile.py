"""What a registry cannot bring about, however long, wrong or many the things are that it sends."""

import json
from typing import Any

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.limits import CheckLimits
from probes.protocol.manifest import OCI_INDEX, OCI_MANIFEST
from probes.protocol.redaction import WITHHELD, scrub_url
from probes.protocol.taxonomy import Depth, Reason, Warn
from probes.protocol.urls import UrlRefused, origin_of
from tests.fakes import contents
from tests.fakes.dialogue import ALICE, HOST, Amends, Breaks, Registry, Says, error

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1", layers=3)
    return made


@pytest.mark.parametrize(
    ("realm", "service"),
    [("https://auth.registry.example/" + "a" * 8100, "s" * 100), ("https://auth.registry.example/token", "s" * 9000)],
    ids=["realm", "service"],
)
def test_challenge_of_which_no_url_can_be_made_is_malformed(registry: Registry, realm: str, service: str) -> None:
    registry.wants_token(realm=realm, service=service)
    assert registry.check(REFERENCE).reason is Reason.AUTH_CHALLENGE_MALFORMED
    assert registry.log == ["HEAD 1"]


@pytest.mark.parametrize("host", ["999.1.1.1", "127.0.0.01", "1.2.3.256"])
def test_four_numbers_that_are_no_address_are_no_host(host: str) -> None:
    with pytest.raises(UrlRefused):
        origin_of(f"https://{host}/")


def test_detail_stays_short_however_much_an_index_lists(registry: Registry) -> None:
    entries: tuple[dict[str, Any], ...] = tuple(
        {
            "mediaType": OCI_MANIFEST,
            "digest": f"sha256:{number:064x}",
            "size": 1,
            "platform": {"os": f"os{number}", "architecture": "none"},
        }
        for number in range(2000)
    )
    registry.index("team/app:1", entries=entries)
    outcome = registry.check(REFERENCE)
    assert outcome.reason is Reason.PLATFORM_MISSING
    assert outcome.detail.startswith("linux/amd64; present: os0/none")
    assert len(outcome.detail) == 500


def test_no_more_is_asked_for_once_a_check_has_had_its_bytes(registry: Registry) -> None:
    """S14, S16."""
    limits = CheckLimits(body_bytes=120_000)
    padding = {"annotations": {"padding": "x" * 40_000}}
    children = []
    for number in range(8):
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "n": number, **padding})
        children.append(contents.Content(name=f"child{number}", body=body.encode(), media_type=OCI_INDEX))
    entries: tuple[dict[str, Any], ...] = tuple(
        {
            "mediaType": OCI_INDEX,
            "digest": made.digest,
            "size": len(made.body),
            "platform": {"os": "linux", "architecture": f"cpu{number}"},
        }
        for number, made in enumerate(children)
    )
    registry.index("team/app:1", entries=entries)
    for made in children:
        registry.always(f"GET {made.digest}", Says(200, made.body, {"Content-Type": OCI_INDEX}))
    outcome = registry.check(REFERENCE, platforms=("all",), limits=limits)
    assert Warn.PROBE_CAPPED in outcome.warnings
    most = limits.body_bytes // 40_000 + 1 + 2  # those that fill it, and those that were in flight already
    assert sum(line.startswith("GET sha256:") for line in registry.log) <= most


def test_broken_token_service_does_not_hide_a_layer_that_was_tampered_with(registry: Registry) -> None:
    """C.4: integrity before everything but security."""
    registry.wants_token()
    registry.once("GET layer1", Amends(headers={"Content-Range": "bytes 0-0/9999"}))
    registry.once("GET layer2", Says(401, error("UNAUTHORIZED"), {"WWW-Authenticate": tuple(registry.challenges)}))
    registry.once("GET token", Says(200, {"token": "first"}), Says(403))
    registry.valid_tokens.add("first")
    assert registry.check(REFERENCE).reason is Reason.SIZE_MISMATCH


def test_our_own_end_is_never_somebody_elses_failure(registry: Registry) -> None:
    """N19."""
    registry.once("GET config", Says(404))
    registry.once("GET layer1", Breaks(FaultKind.ABORTED))
    assert registry.check(REFERENCE).reason is Reason.PROBE_ABORTED


def test_change_from_passwords_to_tokens_is_noticed(registry: Registry) -> None:
    """C20."""
    registry.wants_password()
    registry.knows(ALICE)
    registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE)
    remembered = registry.memory
    registry.wants_token(anyone=False)
    registry.once("HEAD 1", Says(401, error("UNAUTHORIZED"), {"WWW-Authenticate": tuple(registry.challenges)}))
    outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE, memory=remembered)
    assert outcome.reason is Reason.OK
    assert registry.log == ["HEAD 1 as alice", "GET token as alice", "HEAD 1 with token-1"]


def test_remembered_realm_that_is_trusted_no_more_is_forgotten(registry: Registry) -> None:
    """C20: else no check would ask the registry, which may have moved its logins home, for an hour."""
    registry.wants_token(realm="https://login.elsewhere.test/token")
    registry.check(REFERENCE, depth=Depth.RESOLVE)
    remembered = registry.memory
    assert remembered is not None
    stale = type(remembered)(challenge=remembered.challenge, challenge_url=remembered.challenge_url)
    outcome = registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE, memory=stale)
    assert outcome.reason is Reason.AUTH_REALM_UNTRUSTED
    assert registry.memory == type(remembered)()


def test_secret_shows_in_no_encoding_of_a_url() -> None:
    """S19: the query values that are shown are encoded by other rules than a form's."""
    shown = "https://cdn.test/a?scope=a/b%2Bc%3D%3D-secret"
    assert scrub_url(shown, ("a/b+c==-secret",)) == WITHHELD
    assert scrub_url(shown, ("another",)) == shown
