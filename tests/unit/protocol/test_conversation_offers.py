"""A login that is offered beside an answer, or asked for in words instead of by a 401."""

import pytest

from probes.protocol.plan import ANONYMOUS, Secret, Site
from probes.protocol.taxonomy import Depth, Reason, Warn
from tests.fakes.dialogue import ALICE, HOST, REALM, REFRESHING, Amends, Registry, Says, error

REFERENCE = f"{HOST}/team/app:1"
BASIC = Amends({"WWW-Authenticate": 'Basic realm="zot"'})
BEARER = Amends({"WWW-Authenticate": f'Bearer realm="{REALM}"'})


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.image("team/app:1")
    made.knows(ALICE)
    made.realm = REALM
    return made


class TestBesideAnAnswer:
    """C17: zot answers anyone, and says how to log in."""

    def test_password_goes_with_the_next_request(self, registry: Registry) -> None:
        registry.once("HEAD 1", BASIC)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert (outcome.reason, outcome.auth_path) == (Reason.OK, "fresh")
        assert registry.log == ["HEAD 1", "GET manifest as alice", "GET config as alice", "GET layer1 as alice"]

    def test_token_is_had_before_the_next_request(self, registry: Registry) -> None:
        registry.once("HEAD 1", BEARER)
        assert registry.check(REFERENCE, secret=ALICE).reason is Reason.OK
        assert registry.log[:3] == ["HEAD 1", "GET token as alice", "GET manifest with token-1"]

    def test_it_may_come_with_the_manifest(self, registry: Registry) -> None:
        registry.once("GET manifest", BEARER)
        assert registry.check(REFERENCE, secret=ALICE).reason is Reason.OK
        assert registry.log[1:4] == ["GET manifest", "GET token as alice", "GET config with token-1"]

    def test_without_credentials_it_is_nothing(self, registry: Registry) -> None:
        registry.always("HEAD 1", BASIC)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.auth_path) == (Reason.OK, "none")

    def test_without_a_next_request_it_is_nothing(self, registry: Registry) -> None:
        registry.once("HEAD 1", BEARER)
        assert registry.check(REFERENCE, depth=Depth.RESOLVE, secret=ALICE).reason is Reason.OK
        assert registry.log == ["HEAD 1"]

    @pytest.mark.parametrize(
        ("challenge", "secret"),
        [
            ('Bearer realm="https://elsewhere.test/token"', ALICE),
            ('Bearer realm="http://registry.example/token"', ALICE),
            ("Digest", ALICE),
            ("Basic", REFRESHING),
        ],
        ids=["T5", "T1", "C9", "C19"],
    )
    def test_offer_that_cannot_be_taken_up_is_none(self, registry: Registry, challenge: str, secret: Secret) -> None:
        registry.always("HEAD 1", Amends({"WWW-Authenticate": challenge}))
        registry.always("GET manifest", Amends({"WWW-Authenticate": challenge}))
        outcome = registry.check(REFERENCE, secret=secret)
        assert (outcome.reason, outcome.auth_path) == (Reason.OK, "none")
        assert registry.log == ["HEAD 1", "GET manifest", "GET config", "GET layer1"]

    def test_document_that_ends_the_check_draws_no_login(self, registry: Registry) -> None:
        registry.document("team/app:1", b"{}")
        registry.once("GET manifest", BEARER)
        assert registry.check(REFERENCE, secret=ALICE).reason is Reason.MANIFEST_MALFORMED
        assert registry.log == ["HEAD 1", "GET manifest"]

    def test_credentials_that_are_refused_there_are_refused(self, registry: Registry) -> None:
        """T24, T34: whoever configured them learns of it."""
        registry.users.clear()
        registry.once("HEAD 1", BEARER)
        outcome = registry.check(REFERENCE, secret=ALICE)
        assert outcome.reason is Reason.AUTH_BAD_CREDENTIALS
        assert "anonymous_ok" in outcome.detail


class TestInWords:
    """C23: a 403 is a challenge only if it says so twice, by a header and by its code."""

    def test_403_with_a_challenge_that_says_unauthorized_is_a_401(self, registry: Registry) -> None:
        challenged = Says(403, error("UNAUTHORIZED"), {"WWW-Authenticate": f'Bearer realm="{REALM}"'})
        registry.once("HEAD 1", challenged)
        registry.once("GET 1", challenged)
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, ())
        assert registry.log == ["HEAD 1", "GET 1", "GET token", "GET 1 with token-1"]

    @pytest.mark.parametrize(
        "reply",
        [
            Says(403, error("DENIED"), {"WWW-Authenticate": f'Bearer realm="{REALM}"'}),
            Says(403, error("UNAUTHORIZED")),
        ],
        ids=["header", "code"],
    )
    def test_one_of_the_two_is_not_enough(self, registry: Registry, reply: Says) -> None:
        registry.once("HEAD 1", reply)
        registry.once("GET 1", reply)
        assert registry.check(REFERENCE, secret=ALICE).reason is Reason.AUTH_DENIED
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_403_of_a_blob_is_none(self, registry: Registry) -> None:
        """B9."""
        challenged = Says(403, error("UNAUTHORIZED"), {"WWW-Authenticate": f'Bearer realm="{REALM}"'})
        registry.once("GET layer1", challenged)
        assert registry.check(REFERENCE).reason is Reason.BLOB_DENIED

    def test_403_under_a_login_is_none(self, registry: Registry) -> None:
        registry.wants_token()
        challenged = Says(403, error("UNAUTHORIZED"), {"WWW-Authenticate": f'Bearer realm="{REALM}"'})
        registry.once("GET manifest", challenged)
        assert registry.check(REFERENCE).reason is Reason.AUTH_DENIED
        assert registry.log.count("GET token") == 1

    @pytest.mark.parametrize(
        ("secret", "reason", "log"),
        [
            (ALICE, Reason.OK, ["HEAD 1", "GET 1", "GET 1 as alice"]),
            (ANONYMOUS, Reason.AUTH_REQUIRED, ["HEAD 1", "GET 1"]),
        ],
        ids=["password", "anonymous"],
    )
    def test_400_that_says_unauthorized_is_for_those_with_credentials(
        self, registry: Registry, secret: Secret, reason: Reason, log: list[str]
    ) -> None:
        """E2: Nexus. Credentials that were never shown are not bad ones."""
        challenged = Says(400, error("UNAUTHORIZED"), {"WWW-Authenticate": "BASIC realm=Nexus"})
        registry.once("HEAD 1", challenged)
        registry.once("GET 1", challenged)
        outcome = registry.check(REFERENCE, depth=Depth.MANIFEST, secret=secret)
        assert (outcome.reason, registry.log) == (reason, log)

    def test_400_that_says_so_under_a_login_blames_it(self, registry: Registry) -> None:
        """E2."""
        registry.wants_password()
        registry.once("GET manifest", Says(400, error("UNAUTHORIZED")))
        assert registry.check(REFERENCE, secret=ALICE).reason is Reason.AUTH_BAD_CREDENTIALS


class TestMirror:
    """M27: a mirror says for which registry it speaks."""

    @pytest.fixture
    def mirror(self) -> Registry:
        made = Registry("mirror.example")
        made.image("library/alpine:3")
        return made

    @pytest.mark.parametrize(
        ("namespace", "warnings"),
        [
            ("docker.io", ()),
            ("Registry-1.Docker.io", ()),
            ("quay.io", (Warn.NAMESPACE_MISMATCH,)),
            ("mirror.example", (Warn.NAMESPACE_MISMATCH,)),
            (" ", ()),
        ],
    )
    def test_other_namespace_is_a_warning(self, mirror: Registry, namespace: str, warnings: tuple[Warn, ...]) -> None:
        mirror.once("HEAD 3", Amends({"OCI-Namespace": namespace}))
        site = Site(api_host="mirror.example")
        outcome = mirror.check("alpine:3", depth=Depth.RESOLVE, site=site)
        assert (outcome.reason, outcome.warnings) == (Reason.OK, warnings)

    def test_namespace_of_a_registry_that_is_no_mirror_is_nothing(self, registry: Registry) -> None:
        registry.once("HEAD 1", Amends({"OCI-Namespace": "quay.io"}))
        assert registry.check(REFERENCE, depth=Depth.RESOLVE).warnings == ()

    def test_namespace_beside_a_refusal_is_nothing(self, mirror: Registry) -> None:
        mirror.always("HEAD 4", Amends({"OCI-Namespace": "quay.io"}))
        outcome = mirror.check("alpine:4", site=Site(api_host="mirror.example"))
        assert (outcome.reason, outcome.warnings) == (Reason.TAG_NOT_FOUND, ())
