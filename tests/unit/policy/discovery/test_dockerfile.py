"""Which images a Dockerfile builds on and copies from."""

import pytest

from probes.policy.discovery import dockerfile
from probes.policy.discovery.finding import Notebook


def read(text: str, **values: str) -> Notebook:
    book = Notebook()
    dockerfile.read(text, "Dockerfile", values, book)
    return book


def found(text: str, **values: str) -> list[tuple[str, int | None]]:
    return [(item.reference, item.place.line) for item in read(text, **values).found]


FILE = """\
# syntax=docker/dockerfile:1
ARG GO=1.22 VARIANT="-alpine"
ARG BASE
FROM --platform=$BUILDPLATFORM golang:${GO}${VARIANT} AS Build
COPY --link --from=ghcr.io/org/tools:3 /bin/tool /bin/
RUN --mount=type=bind,from=busybox:1.36,target=/b \\
    # a comment inside
    --mount=type=cache,target=/c make
COPY <<EOF /etc/motd
FROM evil:1
EOF
RUN <<-"END" <<OTHER
\tFROM evil:2
\tEND
FROM evil:3
OTHER
from build as test
FROM scratch
COPY --from=build /x /x
COPY --from=0 /y /y
FROM --platform=linux/arm64 ${BASE:-debian:12}
"""


def test_everything_that_is_pulled_is_found_on_its_line() -> None:
    assert found(FILE) == [
        ("docker.io/library/golang:1.22-alpine", 4),
        ("ghcr.io/org/tools:3", 5),
        ("docker.io/library/busybox:1.36", 6),
        ("docker.io/library/debian:12", 21),
    ]
    assert [item.platform for item in read(FILE).found] == ["", "", "", "linux/arm64"]


def test_build_arguments_that_are_given_win() -> None:
    assert found(FILE, GO="1.23", BASE="alpine:3", UNKNOWN="x")[0] == ("docker.io/library/golang:1.23-alpine", 4)
    assert found(FILE, BASE="alpine:3")[-1] == ("docker.io/library/alpine:3", 21)


def test_stages_and_scratch_are_told_and_no_gaps() -> None:
    book = read(FILE)
    assert book.is_complete
    assert [f"{remark.place.line} {remark.text}" for remark in book.remarks] == [
        "1 BuildKit pulls docker/dockerfile:1 to read this file: it is not taken",
        "17 build is a stage of this file",
        "18 scratch is no image to pull",
        "19 build is a stage of this file",
        "20 0 is a stage of this file",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM alpine", ["docker.io/library/alpine:latest"]),
        ("FROM \\\n  alpine:3 \\\n\n  AS x", ["docker.io/library/alpine:3"]),
        ("# escape=`\nFROM `\nalpine:3", ["docker.io/library/alpine:3"]),
        ('FROM "alpine:3"', ["docker.io/library/alpine:3"]),
        ("ARG P=\nFROM ${P}alpine:3", ["docker.io/library/alpine:3"]),
        ("ARG A=3\nARG B=al${A}\nFROM x:$B", ["docker.io/library/x:al3"]),
        ("FROM a:1 AS b\nFROM b\nFROM c:1", ["docker.io/library/a:1", "docker.io/library/c:1"]),
        ("FROM b\nFROM a:1 AS b", ["docker.io/library/b:latest", "docker.io/library/a:1"]),  # a stage only from there
        ("FROM a:1\nONBUILD COPY --from=b:2 / /", ["docker.io/library/a:1", "docker.io/library/b:2"]),
        ("FROM a:1\r\nRUN x\r\n", ["docker.io/library/a:1"]),
        ("", []),
        ("\\\n\\\n", []),
    ],
)
def test_forms(text: str, expected: list[str]) -> None:
    book = read(text)
    assert [item.reference for item in book.found] == expected
    assert book.is_complete


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ARG TAG\nFROM alpine:$TAG", "Dockerfile:2: FROM: not read: 'alpine:$TAG': TAG is not set"),
        ("FROM alpine:3\nARG X=1\nFROM b:$X", "X is not set"),  # an argument of a stage is none of the file
        ("FROM Alpine:3", "must be lowercase"),
        ("FROM a:1\nCOPY --from=$X / /", "no variable is filled in here"),
        ("FROM ${A##*x}", "is not read here"),
    ],
)
def test_what_may_hide_an_image_is_a_gap(text: str, said: str) -> None:
    book = read(text)
    assert not book.is_complete
    assert any(said in str(remark) for remark in book.remarks)


@pytest.mark.parametrize(
    "line", ["RUN cat <<<hello", "RUN echo $((1<<N))", "RUN echo 'x <<EOF y'", "RUN <<-EOF cat", "COPY <<EOF /x"]
)
def test_what_is_no_here_document_or_has_no_end_hides_nothing_that_follows(line: str) -> None:
    assert [image for image, _ in found(f"FROM a:1\n{line}\nFROM b:1\n\tEOF x\n")] == [
        "docker.io/library/a:1",
        "docker.io/library/b:1",
    ]


def test_instructions_that_are_not_read_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dockerfile, "MAX_INSTRUCTIONS", 2)
    assert read("FROM a:1\nRUN x\n").is_complete
    book = read("FROM a:1\nRUN x\nFROM b:1\n")
    assert (len(book.found), book.is_complete) == (1, False)
