"""Sealed secrets: one region opens them, for one place, and nothing shows them."""

import base64

import pytest
from nacl.public import PrivateKey, SealedBox

from probes.protocol.plan import Secret
from probes.trust.sealing import BoundSecret, SealError, fingerprint, open_sealed, seal

KEY = PrivateKey(b"r" * 32)
SECRET = Secret(username="robot", password="swordfish", identity_token="")
BOUND = BoundSecret(SECRET, "registry.test:5000", "team/app")


def test_secret_opens_with_its_regions_key() -> None:
    opened = open_sealed(seal(BOUND, KEY.public_key), KEY)
    assert (opened.secret.username, opened.secret.password) == ("robot", "swordfish")
    assert (opened.host, opened.repository_prefix) == ("registry.test:5000", "team/app")
    assert opened.secret.fingerprint == fingerprint("robot", "swordfish", "")


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
        _sealed(b'{"username":"u","password":"p","identity_token":"","host":"h"}'),
        _sealed(b'{"username":"u","password":7,"identity_token":"","host":"h","repository_prefix":""}'),
        _sealed(b'{"username":"u","password":"p","identity_token":"","host":"","repository_prefix":""}'),
    ],
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


def test_fingerprint_tells_secrets_apart_and_fields_do_not_run_together() -> None:
    prints = {
        fingerprint("a", "b", ""),
        fingerprint("ab", "", ""),
        fingerprint("", "ab", ""),
        fingerprint("a", "", "b"),
    }
    assert len(prints) == 4
    assert fingerprint("a", "b", "") == fingerprint("a", "b", "")


def test_secret_is_not_shown() -> None:
    opened = open_sealed(seal(BOUND, KEY.public_key), KEY)
    assert "swordfish" not in repr(opened)
