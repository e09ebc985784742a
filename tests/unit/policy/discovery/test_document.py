"""The stream that `apply` reads."""

import pytest
import yaml

from probes.policy.discovery import finding
from probes.policy.discovery.document import Wishes, documents, merged, name_of, written
from probes.policy.discovery.finding import Found, Notebook, Place

WEB = "ghcr.io/org/web:1"


def test_an_image_is_written_once_with_all_its_places() -> None:
    found = [
        Found(WEB, Place("a.yaml", 3, "Pod a"), "linux/arm64"),
        Found("docker.io/library/nginx:1", Place("b.yaml", 1)),
        Found(WEB, Place("c.yaml", 9), "linux/amd64"),
        Found(WEB, Place("c.yaml", 9), "linux/amd64"),
    ]
    wishes = Wishes(source="git", group="shop", regions=("eu",), labels={"team": "a"})
    source, nginx, web = yaml.safe_load_all(written(documents(merged(found), wishes, complete=True)))
    assert source == {
        "apiVersion": "kairos/v1",
        "kind": "Source",
        "metadata": {"name": "git"},
        "spec": {"complete": True, "documents": 2},
    }
    assert nginx["metadata"]["name"] == "docker.io_library_nginx_1"
    assert "platforms" not in nginx["spec"]
    assert web == {
        "apiVersion": "kairos/v1",
        "kind": "Image",
        "metadata": {
            "name": "ghcr.io_org_web_1",
            "labels": {"team": "a"},
            "found_in": ["a.yaml:3: Pod a", "c.yaml:9"],
        },
        "spec": {
            "reference": WEB,
            "group": "shop",
            "regions": ["eu"],
            "platforms": ["linux/amd64", "linux/arm64"],
        },
    }


def test_where_one_place_does_not_say_which_platform_none_is_written() -> None:
    (image,) = merged([Found(WEB, Place("a"), "linux/arm64"), Found(WEB, Place("b"))])
    assert image.platforms == ()


def test_without_a_source_nothing_is_said_of_what_is_missing() -> None:
    assert [item["kind"] for item in documents(merged([Found(WEB, Place("a"))]), Wishes(), complete=True)] == [
        "Image"
    ]


def test_what_is_not_all_says_so_also_where_nobody_is_named() -> None:
    text = written(documents(merged([Found(WEB, Place("a"))]), Wishes(), complete=False))
    source, image = yaml.safe_load_all(text)
    assert (source["kind"], source["metadata"], image["kind"]) == ("Source", None, "Image")
    assert source["spec"] == {"complete": False, "documents": 1}


def test_of_very_many_places_some_are_told() -> None:
    (image,) = documents(merged([Found(WEB, Place("a", line)) for line in range(1, 51)]), Wishes(), complete=True)
    assert image["metadata"]["found_in"][-2:] == ["a:20", "and 30 more"]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("ghcr.io/org/app:1.2", "ghcr.io_org_app_1.2"),
        ("localhost:5000/app:1", "localhost-5000-app-1"),
        ("ghcr.io/org/app:1_2", "ghcr.io-org-app-1-2"),
        ("ghcr.io/org/a_b:1", "ghcr.io-org-a-b-1"),
        ("ghcr.io/org/app:V1", "ghcr.io-org-app-v1"),
        ("ghcr.io/org/app:1-", "ghcr.io-org-app-1"),
        ("ghcr.io/org/app@sha256:" + "a" * 64, "ghcr.io-org-app-sha256-"),
    ],
)
def test_names_are_readable_and_end_with_digits_where_they_could_be_anothers(reference: str, name: str) -> None:
    given_name = name_of(reference)
    assert given_name.replace("_", "-").startswith(name.replace("_", "-"))
    assert len(given_name) <= 100
    is_exact = reference == "ghcr.io/org/app:1.2"
    assert (given_name == name) is is_exact


def test_long_references_have_names_too() -> None:
    names = {name_of(f"ghcr.io/{'/'.join(['abcdef'] * 25)}:{tag}") for tag in ("1", "2")}
    assert len(names) == 2
    assert all(len(name) <= 100 for name in names)


@pytest.mark.parametrize(
    "text", ["yes", "No", "null", "~", "1.20", "0x1", "2024-01-01", "a: b", "- a", "<<", "=", "é", "😀"]
)
def test_what_yaml_takes_for_something_else_is_quoted(text: str) -> None:
    values = documents(merged([Found(WEB, Place("a"))]), Wishes(labels={text: text}), complete=True)
    (back,) = yaml.safe_load_all(written(values))
    assert back["metadata"]["labels"] == {text: text}


def test_of_very_many_remarks_it_is_known_whether_there_was_a_gap() -> None:
    book = Notebook()
    for line in range(finding.MAX_REMARKS + 5):
        book.note(Place("f", line), "no image")
        book.want(Place("f", line), "x")
    assert (len(book.remarks), len(book.wanted)) == (finding.MAX_REMARKS, finding.MAX_REMARKS)
    assert not book.is_complete  # as the other files are not known
    book = Notebook()
    for line in range(finding.MAX_REMARKS):
        book.note(Place("f", line), "no image")
    assert book.is_complete
    book.gap(Place("f", 1), "no YAML")
    assert (len(book.remarks), book.is_complete) == (finding.MAX_REMARKS, False)
