"""A PostgreSQL of its own for a benchmark that needs one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

import django
from django.core.management import call_command

from tests.servers import SessionServers, running


@contextmanager
def own_database() -> Iterator[Popen[bytes]]:
    """Run a new, migrated PostgreSQL and set Django up for it; yield its process. Models can be imported within."""
    servers = SessionServers()
    servers.make_keys()
    servers.postgres.prepare()
    try:
        with running(servers.postgres.child(), is_ready=servers.postgres.is_ready) as postgres:
            os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
            django.setup()
            call_command("migrate", verbosity=0)
            yield postgres
    finally:
        servers.remove()
