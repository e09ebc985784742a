"""Documents of the configuration, sent over the API and read from it."""

from typing import Any, Final

from rest_framework.test import APIClient

APPLY: Final = "/api/v1/configuration/apply"
EXPORT: Final = "/api/v1/configuration/export"
YAML: Final = "application/yaml"


def group(name: str = "shop", /, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "kairos/v1", "kind": "Group", "metadata": {"name": name}, "spec": spec}


def text(client: APIClient, document: str, query: str = "") -> Any:
    return client.post(f"{APPLY}?{query}", document, content_type=YAML)


def exported(client: APIClient, query: str = "", accept: str = YAML) -> str:
    answer = client.get(f"{EXPORT}?{query}", HTTP_ACCEPT=accept)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == accept
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # it is streamed
