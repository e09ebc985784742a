"""Which images a Compose file names."""

import pytest

from probes.policy.discovery import compose
from probes.policy.discovery.finding import Notebook
from probes.policy.discovery.yaml_stream import documents


def read(text: str, **values: str) -> Notebook:
    book = Notebook()
    for document in documents(text):
        compose.read(document, "compose.yaml", values, book)
    return book


FILE = """\
x-base: &base
  platform: linux/amd64
services:
  web:
    <<: *base
    image: ghcr.io/org/web:${TAG:-1.0}
  worker:
    build: .
  cache:
    image: redis
    profiles: [debug, all]
  copy:
    extends: {file: ../common.yaml, service: base}
  alias:
    extends: {service: web}
  odd: {command: x}
include:
  - infra/compose.yaml
  - path: [a.yaml, b.yaml]
"""


def test_services_are_read_with_their_platform_and_variables() -> None:
    book = read(FILE, TAG="2.0")
    assert [(item.reference, item.place.line, item.platform) for item in book.found] == [
        ("ghcr.io/org/web:2.0", 6, "linux/amd64"),
        ("docker.io/library/redis:latest", 10, ""),
    ]
    assert read(FILE).found[0].reference == "ghcr.io/org/web:1.0"


def test_what_is_passed_over_is_told() -> None:
    book = read(FILE)
    assert [(remark.place.what, remark.text) for remark in book.remarks] == [
        ("service worker", "it is built here, and has no image to pull"),
        ("service copy", "it extends base of ../common.yaml, where its image is"),
        ("service alias", "it extends web, where its image is"),
        ("service odd", "it names no image"),
    ]
    assert book.is_complete
    assert book.found[1].place.what == "service cache, only with the profile debug or all"


def test_other_files_are_named_for_whoever_reads_files() -> None:
    assert [(place.line, path) for place, path in read(FILE).wanted] == [
        (13, "../common.yaml"),
        (18, "infra/compose.yaml"),
        (19, "a.yaml"),
        (19, "b.yaml"),
    ]


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("{image: 'app:${TAG}'}", "TAG is not set"),
        ("{image: 'app:$'}", "names no variable"),
        ("{image: 'App'}", "is no reference"),
        ("{extends: {service: gone}}", "which is not in this file"),
        ("{extends: {file: '${DIR}/x.yaml', service: a}}", "DIR is not set"),
    ],
)
def test_what_may_hide_an_image_is_a_gap(service: str, said: str) -> None:
    book = read(f"services:\n  web: {service}\n")
    assert not book.is_complete
    assert said in str(book.remarks[-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: {web: {image: a}}", True),
        ("services: {web: {build: .}}", True),
        ("services: [docker]", False),  # GitLab CI
        ("services: {web: {command: a}}", False),
        ("kind: X\nservices: {web: {image: a}}", False),
        ("services:", False),
    ],
)
def test_what_is_taken_for_compose(text: str, expected: bool) -> None:  # noqa: FBT001
    (document,) = documents(text)
    assert compose.is_compose(document) is expected


def test_the_env_file_is_read_as_compose_reads_it() -> None:
    text = "# comment\nTAG=1.2\nexport NAME='app'\nQUOTED=\"a # b\"\nCUT=a # b\nnothing\nEQUALS=a=b\n"
    assert compose.read_env(text) == {"TAG": "1.2", "NAME": "app", "QUOTED": "a # b", "CUT": "a", "EQUALS": "a=b"}
