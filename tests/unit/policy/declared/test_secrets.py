"""A document says where a secret comes from, and never what it is."""

from typing import Any

import pytest

from probes.policy.declared import planning, telling, writing
from probes.policy.declared.fields import ENV, FILE, STORED, WRITTEN
from probes.policy.declared.kinds import KINDS, Kind
from probes.policy.declared.planning import Stored, Wishes
from probes.policy.declared.reading import Declared, Reading
from probes.policy.declared.secrets import (
    OF_CHANNEL,
    OF_CREDENTIAL,
    Origin,
    Refusing,
    Unresolved,
    resolved,
)

HEAD = "apiVersion: kairos/v1\nkind: Credential\nmetadata: {name: ghcr}\nspec:\n  registry: ghcr.io\n"


def read(spec: str) -> Reading:
    reading = Reading()
    reading.add_text(HEAD + "".join(f"  {line}\n" for line in spec.splitlines()), "kairos.yaml")
    return reading


def thing(spec: str) -> Declared:
    reading = read(spec)
    assert reading.faults == []
    return reading.things[0]


def shout(origin: Origin) -> str:
    """Give each its own name in capitals, but for what is not there."""
    if origin.where == "none":
        raise Unresolved("There is no variable none.")
    return f"{origin.kind} {origin.where}".upper()


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("secretFrom: {env: A}", (("", ENV, "A"),)),
        ("secretFrom: {password: {file: /a}}", (("password", FILE, "/a"),)),
        ("secretFrom: {own_role: true, aws_region: eu-west-1}",
         (("aws_region", WRITTEN, "eu-west-1"), ("own_role", WRITTEN, "true"))),
        ("secretFrom: {role_arn: {env: ARN}}", (("role_arn", ENV, "ARN"),)),
        ("secretFrom: {}", ()),
    ],
)  # fmt: skip
def test_origins_are_read(spec: str, value: object) -> None:
    assert thing(spec).values["secretFrom"] == value


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("secretFrom: s3cret", "kairos.yaml:6: Credential/ghcr: secretFrom: Write where a secret comes from: {env: "),
        ("secretFrom:", "kairos.yaml:6: Credential/ghcr: secretFrom: Write where a secret comes from: {env: "),
        (
            "kind: bearer\nsecretFrom:\n  bearer: s3cret",
            "kairos.yaml:7: Credential/ghcr: secretFrom: bearer: A secret",
        ),
        ("secretFrom: {other: {env: A}}", "A secret has no such part. There are: password, "),
        ("secretFrom: {password: {}}", "password: Write one of {env: NAME} and {file: PATH}."),
        ("secretFrom: {password: {vault: a}}", "password: Write one of {env: NAME} and {file: PATH}."),
        ("secretFrom: {env: a b}", "Write the name of a variable"),
        ("secretFrom: {file: ''}", "Write the path of a file."),
        ("secretFrom: {own_role: yes}", "own_role: Write true or false."),
    ],
)
def test_what_is_no_origin_is_refused_without_being_repeated(spec: str, told: str) -> None:
    (fault,) = read(spec).faults

    assert told in str(fault)
    assert "s3cret" not in str(fault)


@pytest.mark.parametrize(
    ("value", "kind", "found", "wrong"),
    [
        ((("", ENV, "a"),), "password", {"password": "ENV A"}, []),
        ((("service_account_key", FILE, "a"),), "google", {"google_key": "FILE A"}, []),
        ((("own_role", WRITTEN, "true"),), "ecr", {"ecr_own_role": True}, []),
        ((("aws_region", WRITTEN, "eu-west-1"),), "ecr", {"ecr_region": "eu-west-1"}, []),
        ((("own_role", ENV, "a"),), "ecr", {}, [("own_role", "Write true or false.")]),
        ((("", ENV, "none"),), "bearer", {}, [("", "There is no variable none.")]),
        ((("", ENV, "a"),), "acr", {},
         [("", "Of this kind a secret has these parts: tenant, client_id, client_secret, authority.")]),
        ((("bearer", ENV, "a"),), "password", {}, [("bearer", "Of this kind a secret has these parts: password.")]),
    ],
)  # fmt: skip
def test_each_part_is_resolved_for_its_kind(value: Any, kind: str, found: object, wrong: object) -> None:
    assert resolved(value, OF_CREDENTIAL[kind], shout) == (found, wrong)


def test_url_of_a_channel_needs_no_name() -> None:
    assert resolved((("", ENV, "a"),), OF_CHANNEL, shout) == ({"url": "ENV A"}, [])


def test_whoever_may_read_nothing_is_told_why() -> None:
    assert resolved((("", ENV, "a"),), OF_CHANNEL, Refusing("Not here.")) == ({}, [("", "Not here.")])


def stored(**values: Any) -> Stored:
    defaults = {**KINDS[Kind.CREDENTIAL].defaults, "registry": "ghcr.io", "secretFrom": STORED, "expires_at": None}
    return Stored(kind=Kind.CREDENTIAL, name="ghcr", key=1, values={**defaults, **values})


@pytest.mark.parametrize(
    ("spec", "others", "lines"),
    [
        ("", [], []),
        ("secretFrom: {env: A}", [], []),
        ("secretFrom: {env: A}", [(Kind.CREDENTIAL, "ghcr")],
         ["~ Credential/ghcr", "    secretFrom: secret changes"]),
        ("label: a\nsecretFrom: {env: A}", [],
         ["~ Credential/ghcr", '    label: "" → "a"', "    secretFrom: secret unchanged"]),
        ("label: a", [], ["~ Credential/ghcr", '    label: "" → "a"']),
        ("expires_at: 2027-01-01T01:00:00+01:00", [],
         ["~ Credential/ghcr", '    expires_at: null → "2027-01-01T00:00:00Z"']),
    ],
)  # fmt: skip
def test_that_a_secret_changes_is_told_and_nothing_of_it(spec: str, others: Any, lines: list[str]) -> None:
    plan = planning.plan([thing(spec)], [stored()], Wishes(), other_secrets=others)

    assert [line.text for line in telling.lines(plan)] == lines


def test_new_secret_is_told_as_stored() -> None:
    plan = planning.plan([thing("secretFrom: {env: A}")], [], Wishes())

    assert "    secretFrom: secret is stored" in [line.text for line in telling.lines(plan)]


def test_what_a_secret_belongs_to_stays() -> None:
    (fault,) = planning.plan([thing("")], [stored(registry="other.example")], Wishes()).faults

    assert str(fault) == (
        "kairos.yaml:5: Credential/ghcr: registry: A credential stays at its registry: make a new one for another."
    )


def test_export_writes_no_secret_and_says_how_it_is_given() -> None:
    text = "".join(writing.text(writing.documents([stored(kind="bearer")])))

    assert "secretFrom: {bearer: {env: NAME}}\n" in text
    (again,) = read_text(text).things
    assert again.values["secretFrom"] == ()


def test_source_has_no_secret_to_tell_of() -> None:
    source = {"apiVersion": "kairos/v1", "kind": "Source", "metadata": {"name": "shop"}, "spec": {"complete": True}}

    assert not "".join(writing.text([source])).startswith("#")


def read_text(text: str) -> Reading:
    reading = Reading()
    reading.add_text(text, "kairos.yaml")
    assert reading.faults == []
    return reading
