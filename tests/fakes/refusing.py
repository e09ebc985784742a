"""A server whose TLS refuses its client in so many words."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def refusing(context: ssl.SSLContext) -> Iterator[str]:
    """Run a server that sends the alert which OpenSSL has for a refused client; asyncio's swallow it."""

    def serve() -> None:
        with suppress(OSError):  # among them the listener's end
            while True:
                accepted, _ = listener.accept()
                with accepted, suppress(ssl.SSLError), context.wrap_socket(accepted, server_side=True) as secure:
                    secure.recv(1)

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
