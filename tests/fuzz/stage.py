"""The real server: gunicorn as `manage.py up` runs it, on a PostgreSQL and a Redis of its own, with rows."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import migrated
from tests import servers as session
from tests.fuzz.holders import Holder

PROJECT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stage:
    """A server that answers at `url`."""

    url: str
    holders: tuple[Holder, ...]
    log: Path  # what the server says; tracebacks are nowhere else


@contextmanager
def running() -> Iterator[Stage]:
    """Set up Django in this process, and run the server until the block ends."""
    servers = session.SessionServers()
    try:
        servers.make_keys()
        for name in [name for name in os.environ if name.startswith("KAIROS_")]:
            del os.environ[name]  # the person's own settings are not the server's
        os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
        os.environ.update({f"KAIROS_RATE_{kind}": "0" for kind in ("READ", "WRITE", "PROBE", "ANON")})
        os.environ["KAIROS_LOG_LEVEL"] = "ERROR"
        os.environ["KAIROS_EDGE_BROKER_URL"] = "rediss://broker.example.com:6380/0"  # or no region can be enrolled
        migrated.lay_out(servers.postgres.data)
        servers.redis.prepare()
        with (
            session.running(servers.postgres.child(), is_ready=servers.postgres.is_ready),
            session.running(servers.redis.child(), is_ready=servers.redis.is_ready),
        ):
            yield from _served(servers)
    finally:
        servers.remove()


def _served(servers: session.SessionServers) -> Iterator[Stage]:
    import django  # noqa: PLC0415 - the environment names the settings now

    django.setup()
    from django.db import connections  # noqa: PLC0415 - likewise

    from kairos.embedded import free_port  # noqa: PLC0415 - likewise
    from kairos.environment import Bind  # noqa: PLC0415 - likewise
    from kairos.up.programs import Place, control_plane  # noqa: PLC0415 - likewise
    from tests.fuzz import rows  # noqa: PLC0415 - likewise

    holders = rows.lay_out()
    connections.close_all()
    bind = Bind("127.0.0.1", free_port())
    place = Place(
        project=PROJECT,
        state=servers.directory / "state",
        bind=bind,
        regions=(),
        database_url=servers.postgres.url,
        broker_url=servers.redis.url,
    )
    (web,) = [child for child in control_plane(place) if child.name == "web"]
    log = servers.directory / "web.log"
    with (
        log.open("wb") as output,
        session.running(web, is_ready=lambda: _answers(f"http://{bind}/healthz"), output=output),
    ):
        yield Stage(f"http://{bind}", holders, log)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False
