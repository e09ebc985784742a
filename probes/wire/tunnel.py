"""A way through a proxy: CONNECT, and TLS on top of whatever carries it.

Source: rows N16 and C22. The proxy resolves the name and dials, so the guard has no say over either. It is told
host and port and, where one is configured, its own login; nothing of a registry's.
"""

from typing import Any, Final, cast

from probes.protocol.exchange import FaultKind
from probes.protocol.proxy import Proxy
from probes.wire.channel import Channel, End
from probes.wire.faults import WireFault
from probes.wire.http1 import Reading
from probes.wire.limits import Limits

_GATEWAY_FAULTS: Final = {  # the proxy tried, and the registry did not answer it
    502: FaultKind.CONNECT_UNREACHABLE,
    503: FaultKind.CONNECT_UNREACHABLE,
    504: FaultKind.CONNECT_TIMEOUT,
}


async def connect_through(proxy: Proxy, channel: Channel, target: str, limits: Limits) -> None:
    """Have the proxy at the other end of `channel` connect it to `target`, as `host:port`.

    Raises `WireFault`. The caller bounds the time, and aborts the channel when this fails.
    """
    asking = _Asking(channel, limits)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if login := proxy.authorization:
        lines.append(f"Proxy-Authorization: {login}")
    channel.write("\r\n".join((*lines, "", "")).encode("ascii"))
    try:
        await asking.reading.head()
    except WireFault as fault:
        if fault.kind is FaultKind.ABORTED:
            raise
        raise WireFault(FaultKind.PROXY_FAILED, f"the proxy {proxy.netloc}: {fault.detail}") from fault
    channel.receiver = None
    _judge(proxy, target, asking.reading.status)


def _judge(proxy: Proxy, target: str, status: int) -> None:
    if 200 <= status < 300:
        return
    if status == 407:
        said = "refuses the login that it is configured with" if proxy.authorization else "wants a login"
        raise WireFault(FaultKind.PROXY_AUTH, f"the proxy {proxy.netloc} {said}")
    kind = _GATEWAY_FAULTS.get(status, FaultKind.PROXY_FAILED)
    # Only the status: its page may be about anything (S22).
    raise WireFault(kind, f"the proxy {proxy.netloc} answered {status} when asked for {target}")


class _Asking:
    """Reads the answer to CONNECT: only its head, since what follows belongs to the tunnel."""

    def __init__(self, channel: Channel, limits: Limits) -> None:
        self.reading = Reading(self, limits, bodiless=True)
        self._channel = channel
        if channel.end is not None:
            self.reading.end(channel.end, "")
        channel.receiver = self

    def bytes_received(self, data: bytes | memoryview) -> None:
        self.reading.feed(data)

    def channel_ended(self, end: End, detail: str) -> None:
        self.reading.end(end, detail)

    def abort(self) -> None:
        self._channel.abort()

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def head_read(self) -> None: ...
    def body_read(self) -> None: ...


def over(outer: Channel) -> Channel:
    """Return a channel whose bytes travel inside `outer`, so that TLS can be spoken within TLS."""
    inner = Channel(lambda _: None)
    inner.connection_made(cast("Any", _Passage(outer, inner)))
    return inner


class _Passage:
    """What stands between two channels: the transport of the inner one, and the receiver of the outer one."""

    def __init__(self, outer: Channel, inner: Channel) -> None:
        self._outer = outer
        self._inner = inner
        outer.receiver = self

    def write(self, data: bytes) -> None:
        self._outer.write(data)

    def abort(self) -> None:
        self._outer.abort()

    def pause_reading(self) -> None:
        self._outer.pause()

    def resume_reading(self) -> None:
        self._outer.resume()

    def bytes_received(self, data: Any) -> None:
        rest = memoryview(data)
        while rest.nbytes and not self._inner.ended:
            view = self._inner.get_buffer(rest.nbytes)
            size = min(view.nbytes, rest.nbytes)
            view[:size] = rest[:size]
            self._inner.buffer_updated(size)
            rest = rest[size:]

    def channel_ended(self, end: End, _detail: str) -> None:
        if end is End.OURS:
            self._inner.abort()
        elif end is End.CLEAN:
            self._inner.eof_received()
        else:
            self._inner.connection_lost(None)
