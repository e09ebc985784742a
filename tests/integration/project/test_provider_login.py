"""Logging in at an OpenID provider: a real one on a socket, which may lie."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from axes.models import AccessAttempt
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django.fixtures import Settings

from kairos.oidc.configuration import BACKEND, Configuration
from probes.models import ProviderIdentity, ResourceGroup
from probes.policy.access import ADMINISTER, Access, Reach, Role
from probes.policy.lockout import FAILURES
from probes.policy.vouching import read_rules
from probes.selectors.access import access_of
from tests.fakes.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, serving, signer

pytestmark = pytest.mark.django_db

RULES = "groups=platform:admin, groups=sre:operator@payments, groups=sre:viewer"


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with serving(OpenIdProvider()) as provider:
        provider.people["ada"] = {
            "groups": ["sre"],
            "email": "ada@example.com",
            "given_name": "Ada",
            "family_name": "Lovelace",
        }
        provider.people["eve"] = {"groups": ["guests"], "email": "ada@example.com"}
        provider.logged_in = "ada"
        yield provider


@pytest.fixture(autouse=True)
def configured(settings: Settings, provider: OpenIdProvider) -> Configuration:
    configuration = Configuration(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        scopes="openid profile email",
        rules=read_rules(RULES),
        name="Example ID",
        networks=(ip_network("127.0.0.0/8"),),
    )
    settings.KAIROS_OIDC = configuration
    settings.KAIROS_PUBLIC_DASHBOARD = False
    settings.ROOT_URLCONF = "tests.fakes.openid_urls"
    settings.AUTHENTICATION_BACKENDS = [*django_settings.AUTHENTICATION_BACKENDS, BACKEND]
    ResourceGroup.objects.create(name="payments")
    return configuration


@dataclass
class Login:
    """What came of a browser's way to the provider and back."""

    browser: Client
    answer: Any

    @property
    def user(self) -> User | None:
        found: Any = self.answer.wsgi_request.user
        return found if found.is_authenticated else None

    @property
    def told(self) -> list[str]:
        return [str(message) for message in get_messages(self.answer.wsgi_request)]


def log_in(provider: OpenIdProvider, browser: Client | None = None, path: str = "") -> Login:
    browser = browser or Client()
    there = browser.get(f"/oidc/authenticate/{path}")
    assert there.status_code == 302
    back = provider.authorise(there.headers["Location"])
    assert back.startswith("http://testserver/oidc/callback/?")
    return Login(browser, browser.get(back.removeprefix("http://testserver")))


def teams(user: User | None) -> set[str]:
    assert user is not None
    return set(user.groups.values_list("name", flat=True))


class TestWhoMayCome:
    def test_person_with_a_role_is_made_a_user_and_is_in(self, provider: OpenIdProvider) -> None:
        came = log_in(provider, path="?next=/?page=2")
        assert (came.answer.status_code, came.answer.headers["Location"]) == (302, "/?page=2")
        assert came.browser.get("/").status_code == 200
        user = User.objects.get()
        assert (user.username, user.email, user.get_full_name()) == ("ada", "ada@example.com", "Ada Lovelace")
        assert not user.has_usable_password()
        assert not user.is_staff
        assert not user.is_superuser
        assert teams(user) == {"provider:operator@payments", "provider:viewer"}
        access, payments = access_of(user), ResourceGroup.objects.get()
        assert access.reach(Role.OPERATOR) == Reach(frozenset({payments.pk}))
        assert access.reach(Role.VIEWER) == Reach()
        assert not access.may(ADMINISTER)
        identity = ProviderIdentity.objects.get()
        assert (identity.user, identity.issuer, identity.subject) == (user, provider.issuer, "ada")
        assert provider.refused == []

    def test_same_person_is_the_same_user_whatever_he_is_called(self, provider: OpenIdProvider) -> None:
        first = log_in(provider)
        provider.people["ada"] |= {"preferred_username": "countess", "email": "lovelace@example.com"}
        second = log_in(provider)
        assert first.user == second.user
        user = User.objects.get()
        assert (user.username, user.email) == ("ada", "lovelace@example.com")

    def test_another_subject_with_the_same_address_is_another_person(self, provider: OpenIdProvider) -> None:
        User.objects.create_superuser("root", email="ada@example.com", password="a-long-password")
        first = log_in(provider)
        provider.people["mallory"] = {**provider.people["ada"], "preferred_username": "ada"}
        provider.logged_in = "mallory"
        second = log_in(provider)
        assert first.user is not None
        assert second.user is not None
        assert (first.user.username, second.user.username) == ("ada", "ada-2")
        assert User.objects.filter(email="ada@example.com").count() == 3
        assert not second.user.is_superuser

    @pytest.mark.parametrize("name", ["root", "ROOT", "Root"])
    def test_name_of_a_user_who_is_there_is_not_taken_over(self, provider: OpenIdProvider, name: str) -> None:
        root = User.objects.create_superuser("root", password="a-long-password")
        provider.people["ada"]["preferred_username"] = name
        came = log_in(provider)
        assert came.user is not None
        assert came.user != root
        assert came.user.username == f"{name}-2"

    def test_person_without_a_role_gets_nothing(
        self, provider: OpenIdProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        provider.logged_in = "eve"
        came = log_in(provider)
        assert came.answer.headers["Location"] == "/login/"
        assert came.user is None
        assert not User.objects.exists()
        assert not ProviderIdentity.objects.exists()
        assert "gives you no role" in came.told[0]
        assert "eve" in caplog.text
        assert "gives you no role" in came.browser.get("/login/").content.decode()

    def test_roles_are_those_that_the_provider_gives_now(self, provider: OpenIdProvider) -> None:
        by_hand = Group.objects.create(name="by hand")
        user = log_in(provider).user
        assert user is not None
        user.groups.add(by_hand)
        provider.people["ada"]["groups"] = ["platform"]
        assert teams(log_in(provider).user) == {"by hand", "provider:admin"}
        assert access_of(User.objects.get()).may(ADMINISTER)
        provider.people["ada"]["groups"] = []
        assert teams(log_in(provider).user) == {"by hand"}
        assert access_of(User.objects.get()) == Access()
        user.groups.clear()
        assert log_in(provider).user is None
        provider.people["ada"]["groups"] = ["platform"]
        assert teams(log_in(provider).user) == {"provider:admin"}

    def test_role_over_a_group_that_is_not_there_is_none(
        self, provider: OpenIdProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        ResourceGroup.objects.all().delete()
        assert teams(log_in(provider).user) == {"provider:viewer"}
        assert "not there: payments" in caplog.text

    def test_user_who_was_made_inactive_is_out_and_stays_out(self, provider: OpenIdProvider) -> None:
        browser = log_in(provider).browser
        User.objects.update(is_active=False)
        assert browser.get("/").status_code == 302
        assert log_in(provider).user is None

    def test_claims_of_the_token_count_without_userinfo(self, provider: OpenIdProvider) -> None:
        provider.offers_userinfo = False
        provider.in_token = ("groups",)
        came = log_in(provider)
        assert teams(came.user) == {"provider:operator@payments", "provider:viewer"}
        assert "GET /realm/userinfo" not in provider.requests

    def test_secret_goes_into_the_form_where_the_provider_wants_it_there(self, provider: OpenIdProvider) -> None:
        provider.takes_secret_in_body = True
        assert log_in(provider).user is not None


def unsigned(provider: OpenIdProvider) -> None:
    provider.lie_in_header = lambda said: {**said, "alg": "none"}
    provider.sign = lambda _: b""


def signed_with_our_secret(provider: OpenIdProvider) -> None:
    import hmac  # noqa: PLC0415 - the lie's own

    provider.lie_in_header = lambda said: {**said, "alg": "HS256"}
    provider.sign = lambda text: hmac.digest(CLIENT_SECRET.encode(), text, "sha256")


def in_token(**claims: Any) -> Any:
    def lie(provider: OpenIdProvider) -> None:
        provider.lie_in_token = lambda said: {
            name: value for name, value in {**said, **claims}.items() if value is not None
        }

    return lie


LIES: dict[str, Any] = {
    "wrong nonce": in_token(nonce="another"),
    "no nonce": in_token(nonce=None),
    "nonce that is no text": in_token(nonce=["x"]),
    "wrong audience": in_token(aud="somebody-else"),
    "several audiences and no party": in_token(aud=[CLIENT_ID, "somebody-else"]),
    "another party": in_token(aud=[CLIENT_ID, "somebody-else"], azp="somebody-else"),
    "no audience": in_token(aud=None),
    "wrong issuer": in_token(iss="https://evil.example"),
    "expired": in_token(exp=1_700_000_000, iat=1_699_999_000),
    "never expires": in_token(exp=None),
    "made in the future": in_token(iat=4_000_000_000, exp=4_000_001_000),
    "no subject": in_token(sub=None),
    "empty subject": in_token(sub=""),
    "subject that is too long": in_token(sub="x" * 256),
    "subject that is no text": in_token(sub=7),
    "not signed": unsigned,
    "signed with our secret": signed_with_our_secret,
    "another's signature": lambda provider: setattr(provider, "sign", signer("stranger")),
    "key that is not its own": lambda provider: setattr(
        provider, "lie_in_header", lambda said: {**said, "kid": "another"}
    ),
    "algorithm of another key": lambda provider: setattr(
        provider, "lie_in_header", lambda said: {**said, "alg": "ES256"}
    ),
    "userinfo of another": lambda provider: setattr(
        provider, "lie_in_userinfo", lambda said: {**said, "sub": "root"}
    ),
    "no token": lambda provider: setattr(provider, "status", 400),
}


class TestProvidersThatLie:
    @pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
    def test_nobody_is_logged_in_and_nothing_is_kept(self, provider: OpenIdProvider, lie: Any) -> None:
        lie(provider)
        came = log_in(provider)
        assert came.user is None
        assert (came.answer.status_code, came.answer.headers["Location"]) == (302, "/login/")
        assert not User.objects.exists()
        assert not ProviderIdentity.objects.exists()
        assert len(came.told) == 1

    @pytest.mark.parametrize(
        "said",
        [
            {"issuer": "https://evil.example"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"token_endpoint": "ftp://127.0.0.1/"},
            {"jwks_uri": 7},
        ],
        ids=lambda said: next(iter(said)),
    )
    def test_what_it_says_of_itself_has_to_fit(self, provider: OpenIdProvider, said: dict[str, Any]) -> None:
        provider.lie_in_metadata = lambda usual: {**usual, **said}
        browser = Client()
        answer = browser.get("/oidc/authenticate/")
        assert answer.headers["Location"] == "/login/"
        assert "does not answer as it should" in browser.get("/login/").content.decode()

    def test_it_leads_us_to_no_address_that_was_not_allowed(
        self, provider: OpenIdProvider, settings: Settings
    ) -> None:
        import dataclasses  # noqa: PLC0415 - for this one

        there = Client().get("/oidc/authenticate/")
        assert there.headers["Location"].startswith(provider.issuer)
        settings.KAIROS_OIDC = dataclasses.replace(settings.KAIROS_OIDC, networks=())
        before = list(provider.requests)
        assert Client().get("/oidc/authenticate/").headers["Location"] == "/login/"
        assert provider.requests == before

    @pytest.mark.parametrize("address", ["http://169.254.169.254/token", "http://[fd00:ec2::254]/token"])
    def test_it_leads_us_to_no_metadata_service(
        self, provider: OpenIdProvider, settings: Settings, address: str
    ) -> None:
        import dataclasses  # noqa: PLC0415 - for this one

        everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
        settings.KAIROS_OIDC = dataclasses.replace(settings.KAIROS_OIDC, networks=everything)
        provider.lie_in_metadata = lambda usual: {**usual, "token_endpoint": address}
        came = log_in(provider)
        assert came.user is None
        assert "does not answer" in came.told[0]

    def test_provider_that_is_away_lets_passwords_in(self, provider: OpenIdProvider) -> None:
        User.objects.create_user("reader", password="a-long-password")
        provider.is_away = True
        browser = Client()
        assert browser.get("/oidc/authenticate/").headers["Location"] == "/login/"
        browser.post("/login/", {"username": "reader", "password": "a-long-password"})
        assert browser.get("/").status_code == 200

    def test_who_is_in_stays_in_while_it_is_away(self, provider: OpenIdProvider) -> None:
        browser = log_in(provider).browser
        provider.is_away = True
        before = len(provider.requests)
        assert browser.get("/").status_code == 200
        assert len(provider.requests) == before

    def test_secrets_are_in_no_log_line(self, provider: OpenIdProvider, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        log_in(provider)
        provider.status = 500
        log_in(provider)
        assert CLIENT_SECRET not in caplog.text
        assert "eyJ" not in caplog.text


class TestTheWayBack:
    def test_state_of_no_login_of_this_browser_is_refused(self, provider: OpenIdProvider) -> None:
        """Else a stranger could have somebody log in as the stranger."""
        there = Client().get("/oidc/authenticate/")
        back = provider.authorise(there.headers["Location"]).removeprefix("http://testserver")
        other = Client()
        other.get("/oidc/authenticate/")
        assert Login(other, other.get(back)).user is None
        assert Login(other, Client().get(back)).user is None

    def test_an_answer_counts_once(self, provider: OpenIdProvider) -> None:
        browser = Client()
        back = provider.authorise(browser.get("/oidc/authenticate/").headers["Location"])
        path = back.removeprefix("http://testserver")
        assert Login(browser, browser.get(path)).user is not None
        browser.post("/logout/")
        assert Login(browser, browser.get(path)).user is None

    def test_refusal_of_the_provider_logs_nobody_out(self, provider: OpenIdProvider) -> None:
        browser = log_in(provider).browser
        answer = browser.get("/oidc/callback/?error=access_denied&state=made-up")
        assert answer.headers["Location"] == "/login/"
        assert browser.get("/").status_code == 200
        provider.logged_in = ""
        assert log_in(provider).user is None

    @pytest.mark.parametrize(
        "query", ["", "?code=x", "?state=x", "?code=x&state=y", "?" + urlencode({"state": "\0"})]
    )
    def test_rubbish_leads_to_the_login(self, query: str) -> None:
        answer = Client().get(f"/oidc/callback/{query}")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/login/")

    @pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_it_leads_nowhere_else(self, provider: OpenIdProvider, there: str) -> None:
        came = log_in(provider, path=f"?{urlencode({'next': there})}")
        assert came.answer.headers["Location"] == "/"

    def test_session_is_another_after_the_login_and_ends_the_same_day(self, provider: OpenIdProvider) -> None:
        browser = Client()
        browser.get("/oidc/authenticate/")
        before = browser.cookies["kairos_session"].value
        log_in(provider, browser)
        assert browser.cookies["kairos_session"].value != before
        assert browser.session.get_expiry_age() <= timedelta(hours=12).total_seconds()
        assert not {"oidc_access_token", "oidc_id_token"} & set(browser.session.keys())

    def test_failures_lock_nobody(self, provider: OpenIdProvider) -> None:
        """There is nothing to guess, and everybody behind one proxy has this button."""
        browser = Client()
        provider.logged_in = "eve"
        for _ in range(FAILURES + 1):
            log_in(provider, browser)
        assert not AccessAttempt.objects.exists()
        provider.logged_in = "ada"
        assert log_in(provider).user is not None


class TestPages:
    @pytest.mark.parametrize(
        ("page", "following"), [("/login/?next=/x", "/x"), ("/admin/login/?next=/admin/probes/", "/admin/probes/")]
    )
    def test_login_page_has_a_button(self, page: str, following: str) -> None:
        shown = Client().get(page).content.decode()
        assert f'href="/oidc/authenticate/?{urlencode({"next": following})}"' in shown
        assert "Example ID" in shown

    def test_without_a_provider_there_is_none(self, settings: Settings) -> None:
        settings.KAIROS_OIDC = None
        settings.AUTHENTICATION_BACKENDS = settings.AUTHENTICATION_BACKENDS[:-1]
        for page in ("/login/", "/admin/login/"):
            assert "oidc" not in Client().get(page).content.decode()

    @pytest.mark.parametrize("page", ["/logout/", "/admin/logout/"])
    def test_logout_shows_the_way_out_of_the_provider(self, provider: OpenIdProvider, page: str) -> None:
        browser = log_in(provider).browser
        User.objects.update(is_staff=True)
        shown = browser.post(page)
        address = shown.context["provider"]
        assert address.startswith(f"{provider.issuer}/logout?")
        assert parse_qs(urlsplit(address).query) == {
            "client_id": [CLIENT_ID],
            "post_logout_redirect_uri": ["http://testserver/login/"],
        }
        assert browser.get("/").status_code == 302

    def test_who_came_by_password_is_led_to_the_front_page(self) -> None:
        browser = Client()
        browser.force_login(User.objects.create_user("reader"), "django.contrib.auth.backends.ModelBackend")
        assert browser.post("/logout/").headers["Location"] == "/"

    def test_identity_is_shown_and_may_be_taken_back(self, provider: OpenIdProvider) -> None:
        log_in(provider)
        admin = Client()
        admin.force_login(User.objects.create_superuser("root"), "django.contrib.auth.backends.ModelBackend")
        identity = ProviderIdentity.objects.get()
        shown = admin.get("/admin/probes/provideridentity/").content.decode()
        assert provider.issuer in shown
        assert admin.get(f"/admin/probes/provideridentity/{identity.pk}/change/").status_code == 200
        assert admin.get("/admin/probes/provideridentity/add/").status_code == 403
        admin.post(f"/admin/probes/provideridentity/{identity.pk}/delete/", {"post": "yes"})
        assert not ProviderIdentity.objects.exists()
