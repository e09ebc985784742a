"""How a registry is reached for its lists, and who we are there."""

from dataclasses import dataclass

from probes.protocol.plan import ANONYMOUS, Secret, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The settings of a registry and a secret for it: from the command line, or from what Kairos has stored."""

    site: Site
    secret: Secret = ANONYMOUS
