"""The net below the allow-lists: what we sent, taken out of what is about to be shown."""

import base64

import pytest

from probes.protocol.redaction import WITHHELD, echoes, scrub, scrub_host


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("nothing to hide", ["s3cret-token"], "nothing to hide"),
        ("token s3cret-token refused", ["s3cret-token"], "token … refused"),
        ("s3cret-token and s3cret-token", ["s3cret-token"], "… and …"),
        ("one and other-secret", ["first-secret", "other-secret"], "one and …"),
        ("refused: s3cret-t…", ["s3cret-token"], "refused: …"),
        ("refused: s3cret", ["s3cret-token"], "refused: …"),
        ("s3cret s3cret-t", ["s3cret-token"], "s3cret …"),
        ("refused: s3cre", ["s3cret-token"], "refused: s3cre"),
        ("the password is ab", ["ab"], WITHHELD),
        ("nothing", ["", "no"], WITHHELD),
        ("nothing", ["", "xy"], "nothing"),
        ("", ["s3cret-token"], ""),
    ],
    ids=["none", "whole", "twice", "several", "cut-marked", "cut", "cut-after-beginning", "too-short-to-tell",
         "short", "empty-and-short", "empty", "no-text"],
)  # fmt: skip
def test_secret_is_taken_out(text: str, secrets: list[str], shown: str) -> None:
    """T35, S19."""
    assert scrub(text, secrets) == shown


def test_secret_may_come_back_in_other_forms() -> None:
    assert echoes("pass  word/1") == ("pass  word/1", "pass word/1", "pass++word%2F1")
    assert echoes("plain") == ("plain",)
    assert echoes("") == ()


@pytest.mark.parametrize(
    "echo",
    [
        base64.b64encode(b"wonderland-9").decode(),
        base64.b64encode(b"alice:wonderland-9;").decode(),
        base64.b64encode(b"al:wonderland-9").decode().rstrip("="),
        base64.urlsafe_b64encode("é~wonderland-9".encode()).decode(),
        base64.b64encode(b"wonderland-9" * 9).decode()[:14] + "…",
        "".join(f"%{byte:02x}" for byte in b"wonderland-9"),
        "wonderland%2d9",
        r"w\x6fnderland-9",
        r"w\u006fnderland-9",
    ],
)
def test_secret_that_shows_once_decoded_takes_the_text_with_it(echo: str) -> None:
    """S19."""
    assert scrub(f"you said {echo}", ["wonderland-9"]) == WITHHELD


@pytest.mark.parametrize("text", ["sha256:" + "a1" * 32, "manifest unknown", "C:\\x", "a%20b", "abcdefghij", "A" * 9])
def test_text_that_decodes_to_something_else_stays(text: str) -> None:
    assert scrub(text, ["wonderland-9", "x"[:0], "zq"]) == text


def test_host_that_holds_a_secret_is_not_shown() -> None:
    """S19: whoever redirects us chooses the name."""
    assert scrub_host("wonderland-9.evil.test", ["Wonderland-9"]) == WITHHELD
    assert scrub_host("auth.registry.example:5000", ["auth", "wonderland-9"]) == "auth.registry.example:5000"


def test_control_characters_hide_no_echo() -> None:
    assert "wonderland" in echoes("wonder\x00land")
