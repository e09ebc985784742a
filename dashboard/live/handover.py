"""A connection that leaves its thread: what a view raises, and the web server understands (`kairos.streaming`)."""

from collections.abc import Callable
from socket import socket
from typing import Final

OFFER: Final = "kairos.takes_connections"
"""In the environment of a request: the web server lets go of the connection when a `Handover` is raised."""


class Handover(BaseException):
    """The last that a response's body yields: from here on `adopt` has the connection, and closes it.

    It is called once, in the web server's main thread, and must not wait. Where there is no connection to be had any
    more, `abandon` is called in its place.
    """

    def __init__(self, adopt: Callable[[socket], None], abandon: Callable[[], None]) -> None:
        super().__init__()
        self.adopt, self.abandon = adopt, abandon
