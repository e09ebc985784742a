"""docs/how-to/api.md: its commands are sent, one after the other, and answered as it says."""

import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from probes.policy.access import Role
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane

pytestmark = pytest.mark.django_db

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs/how-to/api.md").read_text()
COMMANDS: Final = [
    found for found in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) if found.startswith("curl ")
]


def run(command: str, known: dict[str, str]) -> tuple[Any, int]:
    """Send what a command of curl would; return the answer, and the status that the page tells of."""
    text, _, status = command.rstrip().rpartition("#")
    for name, value in known.items():
        text = text.replace(f"${name}", value)
    (_, *words), headers, method, address, body = shlex.split(text), {}, "", "", ""
    while words:
        match words.pop(0):
            case "-H":
                name, value = words.pop(0).split(": ", 1)
                headers[name] = value
            case "-X":
                method = words.pop(0)
            case "--json":
                body = words.pop(0)
            case "-sS" | "-i":
                pass
            case word:
                address = word
    answer: Any = APIClient().generic(
        method or ("POST" if body else "GET"), address, body, content_type="application/json", headers=headers
    )
    return answer, int(status)


def test_each_command_is_answered_as_the_page_says(plane: ControlPlane) -> None:
    ada = User.objects.create(username="ada")
    grant(ada, Role.EDITOR)
    known = {"KAIROS": "", "TOKEN": token_of(ada)}
    for command in COMMANDS:
        answer, status = run(command, known)
        assert answer.status_code == status, (command, answer.content)
        if "Location" in answer and "ID" not in known and "/resources/" in answer["Location"]:
            known |= {"ID": answer["Location"].rpartition("/")[2], "ETAG": answer["ETag"].replace('"', '\\"')}
    assert len(COMMANDS) == 10


def test_filters_of_the_page_are_told_apart_from_what_is_not_known(plane: ControlPlane) -> None:
    ada = User.objects.create(username="ada")
    grant(ada)
    answer: Any = APIClient().get(
        "/api/v1/resources?lable=team", headers={"Authorization": f"Bearer {token_of(ada)}"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "lable")
