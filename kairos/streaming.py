"""gunicorn's worker with threads, which also lets a response keep its connection without keeping a thread (ADR 47).

What a request is and may be, how long it may take, how the worker stops: all of that stays gunicorn's. Only a
connection whose response ends in a `Handover` goes elsewhere, and is no longer counted.
"""

import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

from gunicorn.workers.gthread import ThreadWorker

from dashboard.live import hub
from dashboard.live.handover import OFFER, Handover

if TYPE_CHECKING:
    from concurrent.futures import Future

_FRAMED: Final = ("HTTP/1.0", "HTTP/1.1")


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`gthread`, but for connections that are handed over.

    Where gunicorn itself ends TLS or speaks HTTP/2 none is: the page is told 503, and polls.
    """

    wsgi: Any

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application = self.wsgi

        def offering(environ: dict[str, Any], start_response: Any) -> Any:
            is_plain = not isinstance(environ.get("gunicorn.socket"), ssl.SSLSocket)
            environ[OFFER] = is_plain and environ.get("SERVER_PROTOCOL") in _FRAMED
            return application(environ, start_response)

        self.wsgi = offering

    def handle(self, conn: Any) -> Any:
        """Return what becomes of the connection, as gunicorn does; a `Handover` where that was raised."""
        try:
            return super().handle(conn)
        except Handover as handover:
            return handover

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        handover = None if fs.cancelled() or fs.exception() else fs.result()
        if not isinstance(handover, Handover):
            super().finish_request(conn, fs)
            return
        self.nr_conns -= 1
        try:
            connection = socket.socket(fileno=conn.sock.detach())
        except (OSError, ValueError):  # it was closed meanwhile: there is nothing to adopt, and no stream
            handover.abandon()
        else:
            handover.adopt(connection)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        hub.stop()

    def run(self) -> None:
        try:
            super().run()
        finally:
            hub.stop()
