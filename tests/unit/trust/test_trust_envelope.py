"""The envelope: whatever is wrong with one has its cause, and only what was signed is opened."""

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from probes.trust.envelope import CONTROL, Kind, Opened, is_name, open_envelope, sign
from probes.trust.refusal import RefusalCause, Refused

KEY = SigningKey(b"k" * 32)
OTHER = SigningKey(b"o" * 32)
BODY = {"images": ["registry.test/a"], "price": 1.5, "name": "Ünïcode 😀"}
MAX_BYTES = 1000


def signed(body: Any = BODY, key: SigningKey = KEY) -> dict[str, Any]:
    return sign(Kind.BATCH, CONTROL, "eu-west", body, key)


def spoilt(**changes: Any) -> dict[str, Any]:
    """A good envelope with fields put in after it was signed."""
    return {**signed(), **changes}


def signed_by_hand(text: str) -> dict[str, Any]:
    """An envelope made from the format's description alone, whose body may be any text."""
    parts = [b"kairos broker envelope", b"1", b"batch", b"control", b"eu-west", text.encode()]
    signature = KEY.sign(b"".join(struct.pack(">Q", len(part)) + part for part in parts)).signature
    return spoilt(body=text, signature=base64.b64encode(signature).decode())


def opened(document: object, **changes: Any) -> Opened:
    expected: dict[str, Any] = {
        "kind": Kind.BATCH,
        "recipient": "eu-west",
        "verify_keys_of": {CONTROL: [KEY.verify_key]}.get,
        "max_bytes": MAX_BYTES,
        **changes,
    }
    return open_envelope(document, **expected)


def cause_of(document: object, **changes: Any) -> RefusalCause:
    with pytest.raises(Refused) as refused:
        opened(document, **changes)
    return refused.value.cause


def test_envelope_opens_to_what_was_signed() -> None:
    assert opened(signed()) == Opened(CONTROL, BODY, KEY.verify_key)


def test_envelope_survives_the_broker_and_fields_of_later_versions() -> None:
    document = json.loads(json.dumps(spoilt(priority="high", extra={"a": [1]})))
    assert opened(document).body == BODY


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        (None, "malformed"),
        (7, "malformed"),
        ([], "malformed"),
        ("text", "malformed"),
        ({}, "malformed"),
        (spoilt(v="1"), "malformed"),
        (spoilt(v=True), "malformed"),
        (spoilt(v=None), "malformed"),
        (spoilt(v=2), "version"),
        (spoilt(v=10**400), "version"),
        (spoilt(kind=None), "malformed"),
        (spoilt(kind="report"), "wrong_kind"),
        (spoilt(kind="\ud800"), "wrong_kind"),
        (spoilt(kind="nonsense\0" * 1000), "wrong_kind"),
        (spoilt(sender=["control"]), "malformed"),
        (spoilt(sender="a\0b"), "malformed"),
        (spoilt(sender=""), "malformed"),
        (spoilt(sender="x" * 64), "malformed"),
        (spoilt(sender="us-east"), "unknown_sender"),
        (spoilt(recipient="us-east"), "wrong_recipient"),
        (spoilt(recipient={}), "malformed"),
        (spoilt(body=BODY), "malformed"),
        (spoilt(body="x" * (MAX_BYTES + 1)), "oversized"),
        (spoilt(body="é" * (MAX_BYTES // 2 + 1)), "oversized"),
        (spoilt(body="\ud800"), "malformed"),
        (spoilt(body="{}"), "bad_signature"),
        (spoilt(signature=None), "unsigned"),
        (spoilt(signature=""), "unsigned"),
        (spoilt(signature="@@@"), "malformed"),
        (spoilt(signature="é" * 88), "malformed"),
        (spoilt(signature="AAAA"), "malformed"),
        (spoilt(signature=64), "malformed"),
        (signed(key=OTHER), "bad_signature"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_envelope_with_a_fault_is_refused_for_it(document: object, cause: str) -> None:
    assert cause_of(document) == cause


@pytest.mark.parametrize("text", ["{", '{"a":1,"a":2}', "NaN", "[" * 500, r'"\u0000"'])
def test_body_that_is_signed_but_not_clean_json_is_refused(text: str) -> None:
    assert cause_of(signed_by_hand(text)) == RefusalCause.MALFORMED


def test_signature_covers_what_the_format_says() -> None:
    assert signed_by_hand(signed()["body"]) == signed()


def test_body_is_not_parsed_without_a_good_signature() -> None:
    """A body that would be refused as JSON is refused for its signature: nobody looked inside."""
    assert cause_of(spoilt(body="{")) == RefusalCause.BAD_SIGNATURE


def test_signature_does_not_serve_another_kind_sender_or_recipient() -> None:
    keys = {"control": [KEY.verify_key], "eu-west": [KEY.verify_key]}
    changes: dict[str, str]
    for changes in ({"kind": "report"}, {"sender": "eu-west"}, {"recipient": "control"}):
        document = spoilt(**changes)
        with pytest.raises(Refused) as refused:
            open_envelope(
                document,
                kind=Kind(document["kind"]),
                recipient=document["recipient"],
                verify_keys_of=keys.get,
                max_bytes=MAX_BYTES,
            )
        assert refused.value.cause == RefusalCause.BAD_SIGNATURE


def test_sender_may_have_several_keys_and_the_one_that_signed_is_told() -> None:
    other = SigningKey.generate().verify_key
    keys = [other, KEY.verify_key]
    assert opened(signed(), verify_keys_of=lambda _: keys).verify_key == KEY.verify_key
    assert cause_of(signed(), verify_keys_of=lambda _: [other]) == RefusalCause.BAD_SIGNATURE
    assert cause_of(signed(), verify_keys_of=lambda _: []) == RefusalCause.UNKNOWN_SENDER


def test_body_of_the_greatest_size_is_taken() -> None:
    body = "x" * (MAX_BYTES - 2)
    assert opened(signed(body)).body == body
    assert cause_of(signed(body + "x")) == RefusalCause.OVERSIZED


def test_refusal_repeats_nothing_long_from_the_message() -> None:
    with pytest.raises(Refused) as refused:
        opened(spoilt(kind="secret " * 1000))
    assert len(str(refused.value)) < 100


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(["v", "kind", "sender", "recipient", "body", "signature"]), _json), st.booleans()
)
def test_nothing_but_a_refusal_comes_of_nonsense(changes: dict[str, Any], is_whole: bool) -> None:  # noqa: FBT001
    document = {**signed(), **changes} if is_whole else changes
    if document != signed():
        with pytest.raises(Refused):
            opened(document)


@pytest.mark.parametrize("body", [{"a": float("nan")}, "\0", b"bytes", {1, 2}])
def test_body_that_no_receiver_would_take_is_not_signed(body: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        sign(Kind.BATCH, CONTROL, "eu-west", body, KEY)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("eu-west", True),
        ("control", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("", False),
        ("-a", False),
        ("a/b", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_name_is_what_a_slug_can_be(text: str, fits: bool) -> None:  # noqa: FBT001
    assert is_name(text) is fits
