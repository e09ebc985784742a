"""What discovery reads: manifests, Compose files and Dockerfiles of whoever wrote them."""

from collections.abc import Hashable
from typing import Final

import yaml

from probes.policy.discovery import compose, dockerfile, kubernetes
from probes.policy.discovery.document import Wishes, documents, merged, name_of, written
from probes.policy.discovery.finding import Notebook
from probes.policy.discovery.tags import TagFilter
from probes.policy.discovery.yaml_stream import YamlRefused
from probes.policy.discovery.yaml_stream import documents as read_stream
from probes.protocol.reference import parse_reference

_VALUES: Final = {"TAG": "1.2", "EMPTY": ""}


def check_manifests(data: bytes) -> Hashable:
    """A stream is read as objects of Kubernetes and as a Compose file; what is not read is told."""
    book = Notebook()
    refused = ""
    count = 0
    try:
        for document in read_stream(data.decode("utf-8", "replace")):
            count += 1
            kubernetes.read(document, "a.yaml", book)
            compose.read(document, "a.yaml", _VALUES, book)
    except YamlRefused as error:
        assert error.line >= 1
        refused = str(error)[:20]
    return min(count, 3), refused, _kept(book)


def check_dockerfile(data: bytes) -> Hashable:
    book = Notebook()
    dockerfile.read(data.decode("utf-8", "replace"), "Dockerfile", _VALUES, book)
    return _kept(book)


def check_tags(data: bytes) -> Hashable:
    """The first line is a tag, the others a list to choose from."""
    tags = data.decode("latin-1").splitlines()
    chosen = TagFilter(versions=">=1 <3", exclude=("(a|a)*b",), newest=3).chosen(tags)
    assert len(chosen) <= 3
    assert set(chosen) <= set(tags)
    return len(chosen), len(TagFilter().chosen(tags)) == len(set(tags))


def _kept(book: Notebook) -> Hashable:
    for item in book.found:
        assert parse_reference(item.reference).canonical == item.reference
        assert len(name_of(item.reference)) <= 100
        assert "\n" not in str(item.place)
    for remark in book.remarks:
        assert str(remark).isprintable()
    values = documents(merged(book.found), Wishes(source="x"), complete=book.is_complete)
    assert list(yaml.safe_load_all(written(values))) == values, "it does not come back as it was"
    return min(len(book.found), 4), min(len(book.remarks), 4), book.is_complete
