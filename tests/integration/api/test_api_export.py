"""The configuration as documents: without secrets, narrowed, and such as can be applied again."""

import json

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import (
    Endpoint,
    ResourceGroup,
)
from tests.integration.api.asking import wrong
from tests.integration.api.documents import APPLY, EXPORT, exported, group, text
from tests.integration.declared.test_applying import ALL

pytestmark = pytest.mark.django_db


def test_export_withholds_what_may_be_secret_and_applies_without_a_change(editor: APIClient) -> None:
    text(editor, ALL)

    found = exported(editor, "source=shop-git")

    assert "s3cret" not in found
    endpoint = next(item for item in yaml.safe_load_all(found) if item["kind"] == "Endpoint")
    assert endpoint["metadata"]["withheld"] == ["reference", "endpoint.headers"]
    told = text(editor, found, "source=shop-git").json()
    assert (told["changes"], told["unchanged"]) == ([], 6)
    moved = text(editor, found.replace("https://api.example/", "https://evil.example/"), "source=shop-git")
    assert moved.status_code == 422
    assert Endpoint.objects.get().headers == {"X-Probe": "s3cret"}


def test_export_is_narrowed_and_the_same_in_json(editor: APIClient) -> None:
    text(editor, ALL)
    ResourceGroup.objects.create(name="by hand")

    in_json = json.loads(exported(editor, accept="application/json"))["documents"]
    assert in_json == list(yaml.safe_load_all(exported(editor)))
    narrowed = yaml.safe_load_all(exported(editor, "kind=Group&kind=Policy&source=shop-git"))
    assert [(item["kind"], item["metadata"]["name"]) for item in narrowed] == [
        ("Policy", "strict"),
        ("Group", "shop"),
    ]
    assert exported(editor, "format=yaml&kind=Schedule").startswith("apiVersion: kairos/v1\nkind: Schedule\n")
    for query, field in (("kind=Credentials", "kind"), ("source=nobody", "source"), ("kinds=Image", "kinds")):
        answer = editor.get(f"{EXPORT}?{query}")
        assert (answer.status_code, wrong(answer)) == (400, [field])
    assert editor.get(EXPORT, HTTP_ACCEPT="text/csv").status_code == 406
    assert wrong(editor.get(f"{EXPORT}?format=csv")) == ["format"]


def test_export_takes_as_many_queries_where_there_is_more(editor: APIClient) -> None:
    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            exported(editor)
        return len(captured)

    text(editor, ALL)
    before = counted()
    more = [
        {**group(f"web-{number}"), "kind": "Image", "spec": {"reference": f"ghcr.io/shop/web:{number}"}}
        for number in range(8)
    ]
    assert editor.post(APPLY, {"documents": more}, format="json").status_code == 200
    assert counted() == before
