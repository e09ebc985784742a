"""Whether the broker gives regions accounts of their own: only who may dial it can tell, so no action does."""

from probes.actions.enrolment import Logins, OneLoginForAll


def at_the_broker() -> Logins:
    """Return where regions get their logins from."""
    return OneLoginForAll()
