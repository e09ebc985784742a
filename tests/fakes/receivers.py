"""Whoever notices are delivered to: real servers on loopback that can be away for a while, and come back."""

import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from kairos.embedded import free_port

ALERTMANAGER: Final = shutil.which("prometheus-alertmanager")


@dataclass(frozen=True, slots=True)
class Post:
    """A request that came in whole."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HttpReceiver:
    """An HTTP server that keeps what it is sent, and answers as it is told."""

    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    pause_seconds: float = 0.0
    tls: ssl.SSLContext | None = None
    posts: list[Post] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(
                    Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                time.sleep(receiver.pause_seconds)
                with suppress(OSError):
                    self.send_response(receiver.status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(receiver.answer)))
                    self.end_headers()
                    self.wfile.write(receiver.answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class MailReceiver:
    """An SMTP server that keeps what it takes; `answer` is what it says to a message instead, if it says anything."""

    answer: str = ""
    answer_to_recipient: str = ""
    scheme: str = "smtp+plain"
    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None  # with TLS only
    mails: list[EmailMessage] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    _controller: Controller | None = None

    @property
    def url(self) -> str:
        login = ":".join(self.login) + "@" if self.login else ""
        return f"{self.scheme}://{login}127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.answer_to_recipient:
            return self.answer_to_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        if self.answer:
            return self.answer
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    def start(self) -> None:
        demands: dict[str, Any] = {}
        if self.scheme == "smtp":
            demands = {"tls_context": self.tls, "require_starttls": True}
        if self.login:
            is_secure = self.scheme == "smtps"  # which aiosmtpd does not count as TLS
            demands |= {
                "auth_required": True,
                "auth_require_tls": not is_secure,
                "authenticator": self._authenticate,
            }
        secure = self.tls if self.scheme == "smtps" else None
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, ssl_context=secure, ready_timeout=30.0, **demands
        )
        self._controller.start()

    def _authenticate(self, *given: Any) -> AuthResult:
        login = given[-1]
        is_right = isinstance(login, LoginPassword) and self.login == (login.login.decode(), login.password.decode())
        return AuthResult(success=is_right, handled=False)

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None


@dataclass
class Alertmanager:
    """Debian's Alertmanager, which tells a webhook of its own what it was told."""

    directory: Path
    told: str  # the webhook's URL
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert ALERTMANAGER
        config = self.directory / "alertmanager.yml"
        config.write_text(
            "route: {receiver: hook, group_by: [alertname, incident], group_wait: 100ms, group_interval: 200ms,"
            " repeat_interval: 1h}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{self.told}', send_resolved: true}}]}}]\n"
        )
        self._process = subprocess.Popen(
            [
                ALERTMANAGER,
                f"--config.file={config}",
                f"--storage.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--cluster.listen-address=",
                "--log.level=error",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self.is_ready, seconds=20)

    @property
    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310 - on loopback
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def alerts(self) -> list[Any]:
        request = Request(f"{self.url}/api/v2/alerts")  # noqa: S310 - likewise
        with urlopen(request, timeout=5) as answer:  # noqa: S310 - likewise
            found: list[Any] = json.load(answer)
            return found

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@contextmanager
def started(receiver: Any) -> Iterator[Any]:
    """Run a receiver while this holds."""
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


def until(holds: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait for something to hold; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.05)
