"""What a provider's claims make of somebody."""

from typing import Any

import pytest

from probes.policy.access import Role
from probes.policy.vouching import ClaimRule, Granted, VouchingRefused, read_rules, vouch

ISSUER = "https://login.example.com"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", ()),
        (" , ", ()),
        ("groups=sre:viewer", (ClaimRule("groups", "sre", Granted(Role.VIEWER)),)),
        ("groups=sre:operator@pay.ments", (ClaimRule("groups", "sre", Granted(Role.OPERATOR, "pay.ments")),)),
        # Keycloak's paths, and values with signs of their own.
        ("groups=/a/b:editor", (ClaimRule("groups", "/a/b", Granted(Role.EDITOR)),)),
        ("groups=cn=x:y:admin", (ClaimRule("groups", "cn=x:y", Granted(Role.ADMIN)),)),
        (
            " a=b:viewer , c.d = e : admin ",
            (ClaimRule("a", "b", Granted(Role.VIEWER)), ClaimRule("c.d", "e", Granted(Role.ADMIN))),
        ),
    ],
)
def test_rules_are_read(text: str, rules: tuple[ClaimRule, ...]) -> None:
    assert read_rules(text) == rules


@pytest.mark.parametrize(
    "text",
    [
        *("groups", "groups=sre", "=sre:viewer", "groups=:viewer", "groups=sre:owner", "groups=sre:"),
        *("groups=sre:viewer@", "groups=sre:viewer@Not A Slug", f"groups=sre:viewer@{'x' * 150}"),
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_rules(text)


@pytest.mark.parametrize(
    ("rule", "claims", "holds"),
    [
        ("groups=sre:viewer", {"groups": ["dev", "sre"]}, True),
        ("groups=sre:viewer", {"groups": "sre"}, True),
        ("groups=sre:viewer", {"groups": "sre dev"}, False),
        ("groups=sre:viewer", {"groups": ["SRE"]}, False),
        ("groups=sre:viewer", {}, False),
        ("groups=sre:viewer", {"groups": {"sre": True}}, False),
        ("groups=sre:viewer", {"groups": [["sre"], None, 7]}, False),
        ("groups=7:viewer", {"groups": 7}, False),
        ("groups=*:viewer", {"groups": ["anything"]}, True),
        ("groups=*:viewer", {"groups": []}, False),
        ("realm_access.roles=sre:viewer", {"realm_access": {"roles": ["sre"]}}, True),
        ("realm_access.roles=sre:viewer", {"realm_access.roles": "sre"}, True),
        ("realm_access.roles=sre:viewer", {"realm_access": ["roles"]}, False),
        ("https://example.com/groups=sre:viewer", {"https://example.com/groups": ["sre"]}, True),
    ],
)
def test_rule_holds_by_exact_texts_alone(rule: str, claims: dict[str, Any], holds: bool) -> None:  # noqa: FBT001 - a table's
    assert bool(vouch(ISSUER, {"sub": "1", **claims}, read_rules(rule)).granted) is holds


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ada", "email": "x@example.com"}, "ada"),
        ({"email": "ada@example.com"}, "ada@example.com"),
        ({}, "0-9f"),
        ({"preferred_username": "Ada King, Countess"}, "Ada-King-Countess"),
        ({"preferred_username": "../<b>&\u202e"}, "..-b"),
        ({"preferred_username": "***", "email": ["x"]}, "0-9f"),
        ({"preferred_username": "x" * 400}, "x" * 150),
    ],
)
def test_name_is_one_that_a_user_may_have(claims: dict[str, Any], name: str) -> None:
    assert vouch(ISSUER, {"sub": "0-9f", **claims}, ()).name == name


def test_person_whose_claims_have_no_letter_is_called_person() -> None:
    assert vouch(ISSUER, {"sub": "***"}, ()).name == "person"


@pytest.mark.parametrize("subject", [None, "", 7, ["1"], "x" * 256, "a\nb", "a\0"])
def test_without_a_subject_nobody_is_known(subject: object) -> None:
    with pytest.raises(VouchingRefused):
        vouch(ISSUER, {"sub": subject, "email": "ada@example.com"}, ())


def test_team_says_what_it_grants() -> None:
    assert Granted(Role.OPERATOR, "payments").team == "provider:operator@payments"
    assert Granted(Role.VIEWER).team == "provider:viewer"
