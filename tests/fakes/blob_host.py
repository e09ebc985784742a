"""The host that a registry sends its readers to for blobs: aiohttp's file server over TLS, in a thread of its own.

It serves a registry's storage as an object store or CDN does: by path, with ranges, to whoever asks.
"""

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import web


@dataclass(slots=True)
class BlobHost:
    """A file server for `root`. `certificate` and `key` are PEM files; without them it speaks plain HTTP.

    `refusal` is the status it answers with instead, and `honours_range` whether it knows of ranges: both may be
    changed while it runs. `requests` keeps the headers of every request.
    """

    root: Path
    certificate: Path | None = None
    key: Path | None = None
    address: str = "127.0.0.1"
    refusal: int | None = None
    honours_range: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)
    _port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner and self._thread:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    @property
    def authority(self) -> str:
        return f"{self.address}:{self._port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.authority}"

    async def _start(self) -> None:
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key)
        application = web.Application()
        application.router.add_get("/{path:.+}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address, 0, ssl_context=context)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(dict(request.headers))
        path = self.root / request.match_info["path"]
        if self.refusal:
            return web.Response(status=self.refusal)
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path) if self.honours_range else web.Response(body=path.read_bytes())
