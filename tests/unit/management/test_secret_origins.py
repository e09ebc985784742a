"""Secrets come from the environment and from files; what gives none says why, and nothing of what is there."""

import os
from pathlib import Path

import pytest

from probes.management.secret_origins import MAX_BYTES, from_here
from probes.policy.declared.fields import ENV, FILE
from probes.policy.declared.secrets import Origin, Unresolved


def test_variable_gives_its_text_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", " s3cret\n")

    assert from_here(Origin(ENV, "A_SECRET")) == " s3cret\n"


@pytest.mark.parametrize(
    ("content", "text"), [(b"s3cret", "s3cret"), (b"s3cret\r\n", "s3cret"), (b"a\nb\n\n", "a\nb\n"), (b" \n", " ")]
)
def test_file_gives_its_text_without_a_last_end_of_line(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    assert from_here(Origin(FILE, str(path))) == text


@pytest.mark.parametrize(
    ("content", "said"), [(b"\n", "is empty"), (b"s3\xff", "is not UTF-8"), (b"s" * (MAX_BYTES + 1), "has more than")]
)
def test_file_that_is_no_secret_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(Unresolved, match=said) as refused:
        from_here(Origin(FILE, str(path)))
    assert "s3" not in str(refused.value).removeprefix(str(path))


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_SECRET", raising=False)
    monkeypatch.setenv("EMPTY", "")
    os.mkfifo(tmp_path / "pipe")

    for origin, said in [
        (Origin(ENV, "A_SECRET"), "There is no variable A_SECRET in the environment."),
        (Origin(ENV, "EMPTY"), "The variable EMPTY is empty."),
        (Origin(FILE, str(tmp_path / "none")), "There is no file "),
        (Origin(FILE, str(tmp_path)), "There is no file "),
        (Origin(FILE, str(tmp_path / "pipe")), "There is no file "),
    ]:
        with pytest.raises(Unresolved, match=said):
            from_here(origin)


def test_file_that_a_setting_names_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "url"
    path.write_text("a secret")

    for name in ("KAIROS_ANYTHING_FILE", "BROKER_URL_FILE"):  # which a region's worker on this machine has
        with monkeypatch.context() as patch:
            patch.setenv(name, str(path))
            with pytest.raises(Unresolved, match="is a file of Kairos itself"):
                from_here(Origin(FILE, str(path)))
    assert from_here(Origin(FILE, str(path))) == "a secret"
