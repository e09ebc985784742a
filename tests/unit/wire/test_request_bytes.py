"""What goes out: exactly the lines that were meant, or nothing at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.http1 import request_bytes


def test_a_request_goes_out_in_the_given_order() -> None:
    sent = request_bytes("GET", b"/v2/?a=%20b", [(b"Host", b"r.example"), (b"Accept", b"*/*")])

    assert sent == b"GET /v2/?a=%20b HTTP/1.1\r\nHost: r.example\r\nAccept: */*\r\n\r\n"


def test_a_body_follows_the_blank_line() -> None:
    assert request_bytes("POST", b"/token", [(b"Content-Length", b"3")], b"a=b").endswith(b"\r\n\r\na=b")


@pytest.mark.parametrize("target", [b"", b"v2", b"/a b", b"/a\r\nX: y", b"/a\nb", b"/\x00", b"/\xc3\xa9", b"/\x7f"])
def test_a_target_that_could_end_the_line_is_refused(target: bytes) -> None:
    """S17."""
    with pytest.raises(ValueError, match="target"):
        request_bytes("GET", target, [])


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "GÉT", "G-T"])
def test_a_method_that_is_no_word_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="method"):
        request_bytes(method, b"/", [])


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r", b"a\n", b"\x00", b"\xc3\xa9"])
def test_a_header_name_that_is_no_token_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="name"):
        request_bytes("GET", b"/", [(name, b"v")])


def test_a_refusal_names_the_header_and_not_its_value() -> None:
    with pytest.raises(ValueError, match="Authorization") as refusal:
        request_bytes("GET", b"/", [(b"Authorization", b"Bearer s3cret\r\nX: y")])

    assert "s3cret" not in str(refusal.value)


@given(value=st.binary(max_size=30))
def test_no_header_value_ever_adds_a_line(value: bytes) -> None:
    """S17."""
    try:
        sent = request_bytes("GET", b"/", [(b"X", value)])
    except ValueError:
        assert any(byte < 0x20 or byte > 0x7E for byte in value)
    else:
        assert sent.count(b"\r\n") == 3
        assert sent.count(b"\n") == 3
