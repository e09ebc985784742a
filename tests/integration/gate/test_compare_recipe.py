"""docs/how-to/compare-regions.md: its script asks a server, by a Python that has nothing of ours."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from probes.policy.access import Scope
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding

pytestmark = pytest.mark.django_db

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs/how-to/compare-regions.md").read_text()
(SCRIPT,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(settings: Any) -> Iterator[WSGIServer]:
    """The real application, which answers when it is told to: in the test's thread, and so in its transaction."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    with make_server("127.0.0.1", 0, WSGIHandler(), handler_class=_Quiet) as server:
        server.timeout = 60
        for signal in (request_started, request_finished):  # as Django's own client: the test's connection stays
            signal.disconnect(close_old_connections)
        yield server
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def run(server: WSGIServer, token: str, name: str) -> tuple[int, str]:
    """Return how the script ends, and what it prints."""
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {"PATH": os.environ["PATH"], "KAIROS_URL": address, "KAIROS_TOKEN": token}
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, name]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        server.handle_request()
        text, _ = process.communicate(timeout=60)
    return process.returncode, text


def test_script_says_where_regions_disagree(plane: ControlPlane, server: WSGIServer) -> None:
    plane.hear_all(behind=timedelta(minutes=2))
    user = User.objects.create(username="script")
    grant(user)
    token, image = token_of(user, Scope.READ), plane.image(name="Shop")
    plane.check(image)
    status, text = run(server, token, image.slug)
    assert status == 0, text
    assert re.search(r"^eu-west +available +ok +100\.00%$", text, re.MULTILINE), text

    plane.check(image, finds={"eu-west": finding(Reason.LAYER_MISSING, Stage.LAYER)})
    status, text = run(server, token, str(image.pk))
    assert status == 1, text
    assert "status: available from ap-south, us-east; unavailable from eu-west" in text.splitlines()
