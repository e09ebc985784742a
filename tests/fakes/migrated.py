"""The state directory of a `manage.py up` that need not migrate: for runs that do not test their first start."""

from pathlib import Path

from kairos.embedded.postgres import PostgresServer
from kairos.keys import write_private
from tests import migrated
from tests.servers import PASSWORD


def lay_out(state: Path) -> None:
    """Put the cluster into a state directory that is not there yet, and nothing else: no key, no user, no region."""
    state.mkdir(mode=0o711)
    write_private(state / "postgres-password", PASSWORD)
    migrated.lay_out(PostgresServer.at(state, port=0, password=PASSWORD).data)
