"""Sealed secrets: one region opens them, for one place, and nothing shows them."""

import base64
import itertools
from dataclasses import fields, replace

import pytest
from nacl.public import PrivateKey, SealedBox

from probes.protocol.plan import Secret
from probes.trust.sealing import BoundSecret, SealError, fingerprint, open_sealed, seal

KEY = PrivateKey(b"r" * 32)
SECRET = Secret(username="robot", password="swordfish")
BOUND = BoundSecret(SECRET, "registry.test:5000", "team/app")


def test_secret_opens_with_its_regions_key() -> None:
    opened = open_sealed(seal(BOUND, KEY.public_key), KEY)
    assert (opened.secret.username, opened.secret.password) == ("robot", "swordfish")
    assert (opened.host, opened.repository_prefix) == ("registry.test:5000", "team/app")
    assert opened.secret.fingerprint == fingerprint(SECRET)


def test_secret_does_not_open_elsewhere() -> None:
    with pytest.raises(SealError):
        open_sealed(seal(BOUND, KEY.public_key), PrivateKey(b"x" * 32))


def _sealed(text: bytes) -> str:
    return base64.b64encode(SealedBox(KEY.public_key).encrypt(text)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@@@",
        "é",
        base64.b64encode(b"short").decode(),
        _sealed(b"not json"),
        _sealed(b"\xff"),
        _sealed(b"[]"),
        _sealed(b'{"host":"h","repository_prefix":""}'),
        _sealed(b'{"secret":{"password":"p"},"host":"h"}'),
        _sealed(b'{"secret":{"password":"p"},"host":"","repository_prefix":""}'),
        _sealed(b'{"secret":{"password":"p"},"host":"h","repository_prefix":7}'),
        _sealed(b'{"secret":{"password":7},"host":"h","repository_prefix":""}'),
        _sealed(b'{"secret":["password"],"host":"h","repository_prefix":""}'),
        _sealed(b'{"secret":{"password":"p","of-tomorrow":"x"},"host":"h","repository_prefix":""}'),
        _sealed(b'{"secret":{"password":"p","fingerprint":"x"},"host":"h","repository_prefix":""}'),
    ],
    ids=itertools.count(),  # a seal differs each time, and a test must have the same name in every process
)
def test_seal_with_a_fault_is_refused_without_telling_what_it_held(text: str) -> None:
    with pytest.raises(SealError) as refused:
        open_sealed(text, KEY)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("prefix", "host", "repository", "allowed"),
    [
        ("", "registry.test", "any/thing", True),
        ("team", "registry.test", "team/app", True),
        ("team/", "registry.test", "team/app", True),
        ("team/app", "registry.test", "team/app", True),
        ("team", "REGISTRY.test", "team/app", True),
        ("team", "registry.test", "teammate/app", False),
        ("team/app", "registry.test", "team", False),
        ("", "registry.test:5000", "team/app", False),
        ("", "registry.test.evil.test", "team/app", False),
        ("", "evil.test", "team/app", False),
        ("", "", "team/app", False),
    ],
)
def test_secret_is_allowed_where_it_is_bound_to(prefix: str, host: str, repository: str, allowed: bool) -> None:  # noqa: FBT001
    assert BoundSecret(SECRET, "registry.test", prefix).allows(host, repository) is allowed


@pytest.mark.parametrize("name", [item.name for item in fields(Secret) if item.name != "fingerprint"])
def test_every_field_of_a_secret_is_sealed_and_tells_it_apart(name: str) -> None:
    secret = replace(SECRET, **{name: "of-its-own"})
    opened = open_sealed(seal(BoundSecret(secret, "registry.test"), KEY.public_key), KEY)
    assert replace(opened.secret, fingerprint="") == secret
    assert opened.secret.fingerprint != fingerprint(SECRET)


def test_fields_of_a_secret_do_not_run_together_in_its_fingerprint() -> None:
    secrets = [
        Secret(username="a", password="b"),
        Secret(username="ab"),
        Secret(password="ab"),
        Secret(username="a", identity_token="b"),
        Secret(username="apassword", password="b"),
    ]
    assert len({fingerprint(secret) for secret in secrets}) == len(secrets)
    assert fingerprint(secrets[0]) == fingerprint(replace(secrets[0], fingerprint="another"))


def test_secret_is_not_shown() -> None:
    opened = open_sealed(seal(BOUND, KEY.public_key), KEY)
    assert "swordfish" not in repr(opened)
