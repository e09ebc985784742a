"""A token opens what it names, at the service it names, while it lasts; everything else is refused."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from kairos.demo.accounts import Account
from kairos.demo.tokens import LIFETIME_SECONDS, InvalidToken, Signer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SERVICE = "registry.kairos.test"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("auth.kairos.test")


def issue(signer: Signer, *, audience: str = SERVICE) -> str:
    return signer.issue(subject="robot", audience=audience, pull=["shop/app"], now=NOW)


def test_a_token_grants_what_it_was_issued_for(signer: Signer) -> None:
    claims = signer.verify(issue(signer), audience=SERVICE, now=NOW)
    assert (claims.subject, claims.pull) == ("robot", frozenset({"shop/app"}))


@pytest.mark.parametrize("seconds", [-1, LIFETIME_SECONDS])
def test_a_token_holds_from_its_issue_until_it_expires(signer: Signer, seconds: int) -> None:
    token = issue(signer)
    signer.verify(token, audience=SERVICE, now=NOW + timedelta(seconds=LIFETIME_SECONDS - 1))
    with pytest.raises(InvalidToken, match="expired"):
        signer.verify(token, audience=SERVICE, now=NOW + timedelta(seconds=seconds))


def test_a_token_for_another_service_is_refused(signer: Signer) -> None:
    with pytest.raises(InvalidToken, match="another service"):
        signer.verify(issue(signer, audience="hub.kairos.test"), audience=SERVICE, now=NOW)


def test_a_token_of_another_key_is_refused(signer: Signer) -> None:
    with pytest.raises(InvalidToken):
        signer.verify(issue(Signer("auth.kairos.test")), audience=SERVICE, now=NOW)


def changed_claims(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["access"][0]["name"] = "payments/ledger"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{header}.{forged}.{signature}"


def without_signature(token: str) -> str:
    unsigned = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"none"}').decode().rstrip("=")
    return f"{unsigned}.{token.split('.')[1]}."


@pytest.mark.parametrize(
    "damage", [changed_claims, without_signature, lambda _: "", lambda _: "a.b.c", lambda _: "é.é.é"]
)
def test_a_forged_or_broken_token_is_refused(signer: Signer, damage: object) -> None:
    assert callable(damage)
    with pytest.raises(InvalidToken):
        signer.verify(damage(issue(signer)), audience=SERVICE, now=NOW)


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        (basic("robot:pass:word"), True),
        (basic("robot:password"), False),
        (basic("other:pass:word"), False),
        ({"authorization": basic("robot:pass:word")["authorization"].replace("Basic", "Bearer")}, False),
        ({"authorization": "Basic %%%"}, False),
        ({}, False),
    ],
)
def test_an_account_admits_its_own_password_only(headers: dict[str, str], admitted: bool) -> None:  # noqa: FBT001
    assert Account("robot", "pass:word").admits(headers) is admitted


def test_an_account_does_not_show_its_password() -> None:
    assert "pass:word" not in repr(Account("robot", "pass:word"))
