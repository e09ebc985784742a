"""The web server as it is deployed, on the test's own database, and streams of its events."""

import http.client
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from django.db import connection

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.servers import is_served, running

PROJECT: Final = Path(__file__).parents[2]
_INHERITED: Final = ("DATABASE_URL", "BROKER_URL", "KAIROS_STATE_DIR", "DJANGO_SETTINGS_MODULE")


@dataclass
class Stream:
    """A stream of events as a client reads it: (name, data, position) of each."""

    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection
    retry_ms: int = 0
    lines: list[str] = field(default_factory=list)

    def event(self) -> tuple[str, str, str]:
        """Return the next event. Raises EOFError at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline()
            if not line:
                raise EOFError
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "retry":
                self.retry_ms = int(value)
            elif name:
                fields[name] = value
            elif fields:
                return fields["event"], fields["data"], fields["id"]

    def until(self, name: str) -> tuple[str, str, str]:
        while True:
            event = self.event()
            if event[0] == name:
                return event

    def hears(self, topic: str) -> set[str]:
        """Return the topics that are told with this one, once it is."""
        while topic not in (told := set(self.until("change")[1].split())):
            pass
        return told

    def close(self) -> None:
        self.connection.close()
        self.response.close()


@dataclass
class Web:
    """A running web server: its process and its port."""

    pid: int
    port: int
    streams: list[Stream] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def stream(self, topics: str, *, since: str = "", **headers: str) -> Stream:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        connection.request("GET", f"/live/events?topics={quote(topics)}&since={since}", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            connection.close()
            raise AssertionError(response.status, response.read())
        assert (response.getheader("Content-Type") or "").startswith("text/event-stream")
        assert response.getheader("X-Accel-Buffering") == "no"
        stream = Stream(response, connection)
        self.streams.append(stream)
        return stream


class Servers:
    """Web servers of a test: started as they are asked for, and stopped by `stop`."""

    def __init__(self) -> None:
        self._webs: list[Web] = []
        self._running = ExitStack()

    def __call__(self, *, port: int = 0, **settings: str) -> Web:
        """Start one; settings are given by their names."""
        bound = port or free_port()
        program = ("-m", "gunicorn", "kairos.wsgi", "--bind", f"127.0.0.1:{bound}", "--no-control-socket")
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
        child = Child(
            name="web",
            argv=(
                *(sys.executable, *program, "--threads", "4", "--graceful-timeout", "3", "--log-level", "warning"),
                *("--config", "python:kairos.gunicorn"),
            ),
            environment={
                **common_environment(),
                **{name: os.environ[name] for name in _INHERITED},
                "DATABASE_URL": database.geturl(),
                **settings,
            },
            directory=PROJECT,
        )
        process = self._running.enter_context(running(child, is_ready=partial(is_served, bound)))
        self._webs.append(Web(process.pid, bound))
        return self._webs[-1]

    def stop(self) -> None:
        for web in self._webs:
            for stream in web.streams:
                stream.close()
        self._running.close()
