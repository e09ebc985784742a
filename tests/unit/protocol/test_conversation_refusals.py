"""A manifest that is not given, and plans that cannot be carried out."""

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Confidence, Reason, Stage, Status
from tests.fakes.contents import Image
from tests.fakes.dialogue import HOST, Breaks, Registry, Says, error, moved

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture(autouse=True)
def image(registry: Registry) -> Image:
    return registry.image("team/app:1", layers=2)


class TestRefusal:
    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            pytest.param(Says(404, error("NAME_UNKNOWN")), Reason.REPOSITORY_NOT_FOUND, id="E3"),
            pytest.param(Says(404, error("UNKNOWN", "not found")), Reason.NOT_FOUND, id="E5"),
            pytest.param(Says(403, error("DENIED", "denied")), Reason.AUTH_DENIED, id="E7"),
            pytest.param(Says(451), Reason.LEGAL_BLOCK, id="E10"),
            pytest.param(Says(400, error("TAG_INVALID")), Reason.REF_REJECTED, id="E11"),
            pytest.param(Says(402), Reason.QUOTA_OR_BILLING, id="E12"),
            pytest.param(Says(505), Reason.UNEXPECTED_STATUS, id="E17"),
            pytest.param(Says(304), Reason.PROTOCOL_ERROR, id="M29"),
            pytest.param(Says(206), Reason.PROTOCOL_ERROR, id="M30"),
            pytest.param(Says(202), Reason.UNEXPECTED_STATUS, id="M31"),
        ],
    )
    def test_get_of_the_tag_gives_the_reason(self, registry: Registry, reply: Says, reason: Reason) -> None:
        """M8: the HEAD that said the same had no body to say why."""
        registry.once("HEAD 1", Says(reply.status))
        registry.once("GET 1", reply)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.host) == (reason, Stage.MANIFEST, HOST)
        assert registry.log == ["HEAD 1", "GET 1"]

    def test_refusal_is_read_to_its_end_and_shown_in_short(self, registry: Registry) -> None:
        """E8: what decides may come after many words."""
        message = f"Permission denied on resource {'x' * 300} (or it may not exist)"
        registry.once("GET manifest", Says(403, error("DENIED", message)))
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.confidence) == (Reason.AUTH_DENIED_OR_MISSING, Confidence.AMBIGUOUS)
        assert len(outcome.detail) == 200


class TestWebPage:
    """E5: a 404 that comes as a web page is a proxy's, or that of a registry behind a web server."""

    @pytest.fixture(autouse=True)
    def page(self, registry: Registry) -> None:
        registry.always("HEAD 1", Says(404))
        registry.always("GET 1", Says(404, "<html>"))

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Says(200, b"{}"), Reason.NOT_FOUND),
            (Says(200, b""), Reason.NOT_FOUND),
            (Says(401, headers={"WWW-Authenticate": "Basic"}), Reason.NOT_FOUND),
            (Says(403, "<html>", {"Docker-Distribution-Api-Version": "registry/2.0"}), Reason.NOT_FOUND),
            (Says(200, "<html>"), Reason.NOT_A_REGISTRY),
            (Says(404, "<html>"), Reason.NOT_A_REGISTRY),
            (Says(401), Reason.NOT_A_REGISTRY),
        ],
        ids=["json", "empty", "challenge", "header", "page", "404", "bare-401"],
    )
    def test_ping_tells_which(self, registry: Registry, answer: Says, reason: Reason) -> None:
        registry.once("GET ping", answer)
        outcome = registry.check(REFERENCE)
        assert (outcome.reason, outcome.stage, outcome.detail) == (reason, Stage.MANIFEST, "an HTML page")
        assert registry.log == ["HEAD 1", "GET 1", "GET ping"]

    def test_ping_without_an_answer_confirms_nothing(self, registry: Registry) -> None:
        registry.always("GET ping", Breaks(FaultKind.CONNECTION_RESET))
        assert registry.check(REFERENCE).reason is Reason.NOT_A_REGISTRY

    def test_page_from_elsewhere_is_not_the_registrys(self, registry: Registry) -> None:
        registry.always("GET 1", moved("https://portal.test/login"))
        registry.once("GET portal.test/login", Says(404, "<html>"))
        assert registry.check(REFERENCE).reason is Reason.NOT_A_REGISTRY
        assert "GET ping" not in registry.log


class TestPlan:
    @pytest.mark.parametrize(
        ("reference", "reason", "detail"),
        [
            (f"{HOST}/Team/app", Reason.REF_UPPERCASE, "repository must be lowercase: team/app (at character 18)"),
            (
                "https://x/app",
                Reason.REF_INVALID,
                "a reference has no scheme; leave out the part up to :// (at character 6)",
            ),
        ],
    )
    def test_reference_that_does_not_parse_draws_no_packet(
        self, registry: Registry, reference: str, reason: Reason, detail: str
    ) -> None:
        outcome = registry.check(reference)
        assert (outcome.status, outcome.reason, outcome.stage) == (Status.CONFIG_ERROR, reason, Stage.PARSE)
        assert (outcome.detail, outcome.canonical, outcome.host) == (detail, reference, None)
        assert registry.log == []

    @pytest.mark.parametrize(
        ("platforms", "site"),
        [(("linux",), Site()), (("linux/amd64",), Site(api_host="user@mirror.example"))],
        ids=["platform", "api-host"],
    )
    def test_plan_that_cannot_be_carried_out_draws_no_packet(
        self, registry: Registry, platforms: tuple[str, ...], site: Site
    ) -> None:
        outcome = registry.check(REFERENCE, platforms=platforms, site=site)
        assert (outcome.reason, outcome.stage) == (Reason.REF_INVALID, Stage.PARSE)
        assert registry.log == []
