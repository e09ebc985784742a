"""Catalog and tags of a registry that is not ours, page by page."""

import asyncio
import json
from pathlib import Path

import pytest

from probes.discovery import registries, registry
from probes.discovery.login import Login
from probes.discovery.registries import Question
from probes.policy.discovery.finding import Notebook
from probes.policy.discovery.tags import TagFilter
from probes.protocol.plan import Site
from tests.fakes.docker_registry import MISSING, DockerRegistry, programs_are_there

pytestmark = pytest.mark.skipif(not programs_are_there(), reason=MISSING)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def test_everything_that_was_pushed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PAGE_ITEMS", 2)
    book = Notebook()
    with DockerRegistry(tmp_path) as running:
        for repository in ("a/one", "b/two", "c/three"):
            content = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
            config = {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": running.put_blob(repository, content),
                "size": len(content),
            }
            document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
            for tag in ("1.0.0", "1.1.0", "2.0.0"):
                running.put_manifest(repository, tag, MANIFEST, document)
        login = Login(site=Site(allow_hosts=(running.authority,), plain_http=True))
        question = Question(host=running.authority)
        asyncio.run(registries.read_registry(question, login, TagFilter(versions="^1"), book, seconds=30))
    assert book.is_complete
    assert [item.reference.partition("/")[2] for item in book.found] == [
        "a/one:1.1.0", "a/one:1.0.0", "b/two:1.1.0", "b/two:1.0.0", "c/three:1.1.0", "c/three:1.0.0",
    ]  # fmt: skip
