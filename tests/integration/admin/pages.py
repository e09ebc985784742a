"""Reading pages as a person does: their text, without the markup."""

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from django.contrib.messages import get_messages
from django.test import Client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

ADMIN = "/admin/probes"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(response: "Response") -> str:
    """Return what a page says, in one line."""
    reader = _Text()
    reader.feed(response.content.decode())
    return " ".join(" ".join(reader.parts).split())


def shown(client: Client, address: str) -> str:
    """Fetch a page that must be there, and return what it says."""
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code, response.get("Location"))
    return text_of(response)


def errors_of(response: "Response") -> dict[str, list[str]]:
    """Return what a form that came back says is wrong, by field."""
    assert response.status_code == 200, "the form was accepted"
    errors: Any = response.context["adminform"].form.errors
    return dict(errors)


def messages_of(response: "Response") -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
