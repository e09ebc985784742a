"""How an endpoint is asked: redirects, second tries, and to whom what is ours is shown."""

import base64

import pytest

from probes.protocol.conversation import UnexpectedEventError
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.endpoint.conversation import Send, advance, start
from probes.protocol.exchange import Fault, FaultKind
from probes.protocol.plan import Secret, Site
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.service import HEALTH, NOON, Answers, Breaks, Service, moved

ALICE = Secret(username="alice", password="wonderland")
BEARING = Secret(bearer="a-looking-glass")
PRESENTING = Secret(client_identity="-----BEGIN PRIVATE KEY-----")
AS_ALICE = "Basic " + base64.b64encode(b"alice:wonderland").decode()
ELSEWHERE = "https://www.example/"


@pytest.fixture
def service() -> Service:
    return Service()


class TestRedirects:
    def test_they_are_followed(self, service: Service) -> None:
        """H8."""
        service.at(HEALTH, moved("/ready"))
        service.at("https://api.example/ready", moved(ELSEWHERE))
        service.at(ELSEWHERE, Answers(body="welcome"))
        assert service.check(contains="welcome").reason is Reason.OK
        assert [ask.stage for ask in service.asks] == [Stage.REQUEST, Stage.REDIRECT, Stage.REDIRECT]

    def test_one_that_is_not_followed_is_the_answer(self, service: Service) -> None:
        """H9."""
        service.at(HEALTH, moved(ELSEWHERE, 301))
        assert service.check(follow_redirects=False, statuses="301").reason is Reason.OK
        found = service.check(follow_redirects=False)
        assert (found.reason, found.detail) == (Reason.ENDPOINT_STATUS, "HTTP 301, not 200-299")

    def test_one_that_leads_nowhere_is_an_answer(self, service: Service) -> None:
        """H8."""
        service.at(HEALTH, Answers(302))
        assert service.check().reason is Reason.ENDPOINT_STATUS

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            ("http://www.example/", Reason.REDIRECT_INSECURE),
            ("https://www.example:22/", Reason.REDIRECT_FORBIDDEN),
            ("https://user@www.example/", Reason.REDIRECT_FORBIDDEN),
            ("gopher://www.example/", Reason.REDIRECT_FORBIDDEN),
            (HEALTH, Reason.REDIRECT_LOOP),
        ],
    )
    def test_place_that_may_not_be_gone_to(self, service: Service, location: str, reason: Reason) -> None:
        """H8, S10, S22."""
        service.at(HEALTH, moved(location))
        found = service.check()
        assert (found.reason, found.host, len(service.asks)) == (reason, "api.example", 1)

    def test_five_are_enough(self, service: Service) -> None:
        """H8."""
        for number in range(9):
            service.at(f"https://api.example/{number}", moved(f"/{number + 1}"))
        found = service.check("https://api.example/0")
        assert (found.reason, len(service.asks)) == (Reason.REDIRECT_LOOP, 6)

    @pytest.mark.parametrize(
        ("method", "status", "then"),
        [
            ("POST", 301, "GET"),
            ("POST", 303, "GET"),
            ("PUT", 302, "GET"),
            ("HEAD", 303, "HEAD"),
            ("POST", 307, "POST"),
            ("PATCH", 308, "PATCH"),
        ],
    )
    def test_method_afterwards(self, service: Service, method: str, status: int, then: str) -> None:
        """H10."""
        service.at(HEALTH, moved("/ready", status))
        service.at("https://api.example/ready", Answers())
        body = "" if method == "HEAD" else "{}"
        assert service.check(method=method, body=body).reason is Reason.OK
        assert service.asks[1].method == then
        assert service.asks[1].body == (b"{}" if then == method != "HEAD" else b"")

    @pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
    def test_nothing_but_a_get_or_a_head_leaves_home(self, service: Service, method: str) -> None:
        """H10."""
        service.at(HEALTH, moved(ELSEWHERE, 307))
        found = service.check(method=method)
        assert (found.reason, len(service.asks)) == (Reason.REDIRECT_FORBIDDEN, 1)
        assert found.detail == f"redirect of a {method} to https://www.example"

    def test_post_that_became_a_get_may_leave(self, service: Service) -> None:
        """H10, H11."""
        service.at(HEALTH, moved(ELSEWHERE, 303))
        service.at(ELSEWHERE, Answers())
        assert service.check(method="POST", body="order=1").reason is Reason.OK
        assert service.asks[1].body == b""


class TestWhatIsOurs:
    @pytest.mark.parametrize(
        ("secret", "header", "shown"),
        [
            (ALICE, "Authorization", AS_ALICE),
            (ALICE, "authorization", AS_ALICE),
            (ALICE, "X-Api-Key", "wonderland"),
            (BEARING, "Authorization", "Bearer a-looking-glass"),
            (BEARING, "X-Api-Key", "a-looking-glass"),
        ],
    )
    def test_login_is_shown_in_its_header(self, service: Service, secret: Secret, header: str, shown: str) -> None:
        """H22."""
        service.at(HEALTH, Answers())
        found = service.check(secret=secret, login_header=header)
        assert service.asks[0].headers == ((header, shown),)
        assert found.auth_path == "fresh"

    def test_everything_stays_at_home(self, service: Service) -> None:
        """H11, S7, S8, S9: also where a redirect leads back."""
        secret = Secret(username="alice", password="wonderland", client_identity="-----BEGIN PRIVATE KEY-----")
        service.at(HEALTH, moved("/ready"))
        service.at("https://api.example/ready", moved(ELSEWHERE))
        service.at(ELSEWHERE, moved("https://api.example/back"))
        service.at("https://api.example/back", Answers())
        assert service.check(secret=secret, headers=(("Cookie", "a=b"),)).reason is Reason.OK
        ours = (("Cookie", "a=b"), ("Authorization", AS_ALICE))
        assert [ask.headers for ask in service.asks] == [ours, ours, (), ()]
        assert [ask.shows_identity for ask in service.asks] == [True, True, False, False]
        assert [ask.is_guest for ask in service.asks] == [False, False, True, True]

    @pytest.mark.parametrize("place", ["https://api.example:8443/", "https://api.example.evil.example/"])
    def test_home_is_an_origin(self, service: Service, place: str) -> None:
        """H11, S7."""
        service.at(HEALTH, moved(place))
        service.at(place, Answers(401))
        found = service.check(secret=BEARING)
        assert service.asks[1].headers == ()
        assert (found.reason, found.stage) == (Reason.REDIRECT_AUTH_REQUIRED, Stage.REDIRECT)

    def test_certificate_is_no_login(self, service: Service) -> None:
        service.at(HEALTH, Answers())
        found = service.check(secret=PRESENTING)
        assert (service.asks[0].shows_identity, service.asks[0].headers, found.auth_path) == (True, (), "none")

    @pytest.mark.parametrize(
        ("secret", "header", "detail"),
        [
            (Secret(identity_token="t"), "Authorization", "the credential is for a registry"),
            (Secret(provider="ecr", provider_key="{}"), "Authorization", "the credential is for a registry"),
            (Secret(username="a", password="two\r\nlines"), "X-Key", "the credential holds what the header X-Key"),
            (Secret(bearer="a\r\nHost: b"), "Authorization", "the credential holds what the header Authorization"),
        ],
    )
    def test_login_that_cannot_be_shown_is_not(
        self, service: Service, secret: Secret, header: str, detail: str
    ) -> None:
        """H22, S17."""
        found = service.check(secret=secret, login_header=header)
        assert (found.reason, found.stage, service.log) == (Reason.ENDPOINT_INVALID, Stage.PARSE, [])
        assert detail in found.detail

    def test_login_goes_over_plain_http_only_where_that_is_allowed(self, service: Service) -> None:
        """H22: who may say what is checked may not say how a login travels."""
        plain = "http://api.example/health"
        service.at(plain, Answers())
        found = service.check(plain, secret=ALICE)
        assert (found.reason, service.log) == (Reason.ENDPOINT_INVALID, [])
        assert "readable on the way" in found.detail
        assert service.check(plain, secret=ALICE, site=Site(plain_http=True)).reason is Reason.OK
        assert service.check(plain).reason is Reason.OK

    def test_nothing_secret_is_shown_whoever_echoes_it(self, service: Service) -> None:
        """H21, S19."""
        url = "https://api.example/health?token=hush-hush"
        service.at(url, Answers(body='{"you": "wonderland", "it": "YWxpY2U6d29uZGVybGFuZA=="}'))
        for path in ("$.you", "$.it"):
            found = service.check(url, secret=ALICE, json_path=path, json_equals="1")
            assert found.reason is Reason.ENDPOINT_JSON
            assert not any(word in repr(found) for word in ("hush", "wonderland", "d29uZGVybGFuZA"))
            assert found.canonical == "https://api.example/health?token=…"

    @pytest.mark.parametrize("before", [80, 90, 93])
    def test_beginning_of_a_secret_is_not_shown_where_a_long_value_is_cut(
        self, service: Service, before: int
    ) -> None:
        """H21, S19."""
        secret = Secret(bearer="wonderland-through-the-looking-glass")
        service.at(HEALTH, Answers(body=f'{{"you": "{"x" * before}{secret.bearer}"}}'))
        found = service.check(secret=secret, json_path="$.you", json_equals='"alice"')
        assert found.detail == f'"{"x" * before}…" is at $.you, not "alice"'

    def test_nothing_secret_is_in_a_repr(self) -> None:
        """H21, S19."""
        plan = EndpointPlan(url=f"{HEALTH}?key=hush", method="PUT", headers=(("Cookie", "hush"),), body="hush")
        move = start(plan, Secret(username="alice", password="hush"))
        assert isinstance(move, Send)
        assert "hush" not in repr(plan) + repr(move.state) + repr(move.state.secret)
        assert "hush" not in repr(move.ask).replace(f"{HEALTH}?key=hush", "")


class TestSecondTries:
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_error_is_asked_about_once_more(self, service: Service, status: int) -> None:
        """H4, H6."""
        service.at(HEALTH, Answers(status), Answers())
        found = service.check()
        assert (found.reason, found.attempts) == (Reason.OK, 2)
        assert service.asks[1].fresh_connection
        assert 0.3 <= service.asks[1].delay_seconds <= 1

    def test_error_that_lasts_is_told(self, service: Service) -> None:
        """H4, H6."""
        service.at(HEALTH, Answers(503))
        found = service.check()
        assert (found.reason, found.attempts, len(service.log)) == (Reason.ENDPOINT_ERROR, 2, 2)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
    def test_fault_is_followed_by_another_try(self, service: Service, method: str) -> None:
        """H6."""
        service.at(HEALTH, Breaks(FaultKind.CONNECTION_RESET), Answers())
        assert service.check(method=method).reason is Reason.OK

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    def test_what_may_have_been_done_is_not_asked_twice(self, service: Service, method: str) -> None:
        """H6."""
        service.at(HEALTH, Breaks(FaultKind.CONNECTION_RESET), Answers())
        assert service.check(method=method).reason is Reason.CONNECTION_RESET
        service.at(HEALTH, Answers(503), Answers())
        assert service.check(method=method).reason is Reason.ENDPOINT_ERROR
        service.at(HEALTH, Breaks(FaultKind.CONNECT_REFUSED), Answers())
        assert service.check(method=method).reason is Reason.OK

    @pytest.mark.parametrize(("method", "is_fresh"), [("GET", False), ("HEAD", False), ("PUT", True), ("POST", True)])
    def test_only_what_is_safe_may_meet_a_connection_that_died(
        self, service: Service, method: str, *, is_fresh: bool
    ) -> None:
        """H6: the transport sends a GET again by itself, and nothing else."""
        service.at(HEALTH, Answers())
        service.check(method=method)
        assert service.asks[0].fresh_connection is is_fresh

    @pytest.mark.parametrize(
        ("status", "seconds", "tries"), [(429, "3", 2), (429, "", 1), (429, "30", 1), (503, "3", 2), (503, "30", 1)]
    )
    def test_pause_that_is_asked_for(self, service: Service, status: int, seconds: str, tries: int) -> None:
        """H7."""
        headers = {"Retry-After": seconds} if seconds else {}
        service.at(HEALTH, Answers(status, headers=headers), Answers())
        service.check()
        assert len(service.asks) == tries
        assert service.asks[-1].delay_seconds == (3 if tries == 2 else 0)

    def test_pause_longer_than_the_check_is_left_to_a_later_one(self, service: Service) -> None:
        """H7."""
        service.at(HEALTH, Answers(503, headers={"Retry-After": "3"}), Answers())
        assert service.check(timeout_seconds=2.0).reason is Reason.ENDPOINT_ERROR

    def test_first_failure_is_told_where_the_second_try_fails_otherwise(self, service: Service) -> None:
        """H6."""
        service.at(HEALTH, Breaks(FaultKind.CONNECT_REFUSED), Breaks(FaultKind.TIMEOUT_HEADERS))
        found = service.check()
        assert (found.reason, found.stage, found.attempts) == (Reason.CONNECT_REFUSED, Stage.CONNECT, 2)


class TestFaults:
    @pytest.mark.parametrize("kind", FaultKind)
    def test_each_has_its_reason(self, service: Service, kind: FaultKind) -> None:
        """H19."""
        service.at(HEALTH, Breaks(kind, "the detail"))
        found = service.check()
        named = {
            FaultKind.ADDRESS_FORBIDDEN: Reason.TARGET_FORBIDDEN,
            FaultKind.BODY_TOO_LARGE: Reason.ENDPOINT_TOO_LARGE,
            FaultKind.RATE_LIMITED: Reason.ENDPOINT_THROTTLED,
            FaultKind.RATE_LIMITED_AUTH: Reason.ENDPOINT_THROTTLED,
            FaultKind.RATE_LIMITED_UPSTREAM: Reason.ENDPOINT_THROTTLED,
            FaultKind.ABORTED: Reason.PROBE_ABORTED,
            FaultKind.INTERNAL: Reason.INTERNAL_ERROR,
        }
        assert (found.reason, found.detail) == (named.get(kind) or Reason(kind.value), "the detail")

    @pytest.mark.parametrize(
        ("kind", "stage"),
        [
            (FaultKind.DNS_NXDOMAIN, Stage.DNS),
            (FaultKind.ADDRESS_FORBIDDEN, Stage.DNS),
            (FaultKind.CONNECT_TIMEOUT, Stage.CONNECT),
            (FaultKind.TLS_PROTOCOL, Stage.TLS),
            (FaultKind.TIMEOUT_HEADERS, Stage.REQUEST),
        ],
    )
    def test_first_contact_has_stages_of_its_own(self, service: Service, kind: FaultKind, stage: Stage) -> None:
        """H19, H18."""
        service.at(HEALTH, Breaks(kind))
        assert service.check().stage is stage
        service.at("https://api.example/", moved("/health"))
        assert service.check("https://api.example/").stage is Stage.REDIRECT

    def test_address_behind_a_redirect_is_the_redirects_fault(self, service: Service) -> None:
        """H19, S2."""
        service.at(HEALTH, moved(ELSEWHERE))
        service.at(ELSEWHERE, Breaks(FaultKind.ADDRESS_FORBIDDEN))
        found = service.check()
        assert (found.reason, found.stage, found.host) == (Reason.REDIRECT_FORBIDDEN, Stage.REDIRECT, "www.example")

    def test_end_of_the_checks_time_is_not_tried_again(self, service: Service) -> None:
        service.at(HEALTH, Breaks(FaultKind.TIMEOUT_TOTAL))
        assert (service.check().reason, len(service.log)) == (Reason.TIMEOUT_TOTAL, 1)

    def test_our_own_end_is_told_also_after_another_failure(self, service: Service) -> None:
        service.at(HEALTH, Breaks(FaultKind.CONNECT_REFUSED), Breaks(FaultKind.ABORTED))
        assert service.check().reason is Reason.PROBE_ABORTED

    def test_whoever_throttled_us_says_when_he_may_be_asked(self, service: Service) -> None:
        """H5."""
        service.at(HEALTH, Breaks(FaultKind.RATE_LIMITED, retry_at=NOON))
        found = service.check()
        assert (found.reason, found.retry_at) == (Reason.ENDPOINT_THROTTLED, NOON)


def test_event_of_another_ask_is_refused() -> None:
    move = start(EndpointPlan(url=HEALTH))
    assert isinstance(move, Send)
    with pytest.raises(UnexpectedEventError):
        advance(move.state, Fault(ask_id=7, kind=FaultKind.ABORTED))
