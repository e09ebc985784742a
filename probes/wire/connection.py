"""One HTTP/1.1 connection: at most one exchange at a time, each within its time, and rest in between."""

import asyncio
from collections.abc import Callable

from probes.protocol.outcome import Certificate
from probes.wire.alarm import Alarm
from probes.wire.channel import Channel, End
from probes.wire.http1 import Reading
from probes.wire.limits import Limits
from probes.wire.route import Terms


class Connection:
    """A channel that speaks HTTP. States: ready, busy with one reading, at rest in a pool, ended for ever."""

    def __init__(
        self, channel: Channel, limits: Limits, *, address: str | None, certificate: Certificate | None
    ) -> None:
        self.address = address
        self.certificate = certificate
        self._loop = asyncio.get_running_loop()
        self.retires_at = self._loop.time() + limits.connection_age_seconds
        self._channel = channel
        self._alarm = Alarm(self._loop, self._rang)
        self._reading: Reading | None = None
        self._terms: Terms  # of the exchange under way, or the last one
        self._began_at = 0.0
        self._on_end: Callable[[Connection], None] | None = None
        channel.receiver = self

    def begin(self, payload: bytes, terms: Terms, *, bodiless: bool) -> Reading:
        """Send a request; return the reading of its response."""
        self._reading = reading = Reading(self, terms.limits, bodiless=bodiless)
        self._terms = terms
        self._began_at = self._loop.time()
        self._on_end = None
        if self._channel.end is not None:
            reading.end(self._channel.end, "")
        else:
            self._alarm.set(min(self._began_at + terms.limits.headers_seconds, terms.deadline))
            self._channel.write(payload)
        return reading

    def finish(self) -> bool:
        """End the exchange, read or not; tell whether the connection is ready for another. If not, it ends."""
        reading, self._reading = self._reading, None
        ready = reading is not None and reading.is_complete and reading.is_reusable and not self._channel.ended
        if not ready:
            self.abort()
        return ready

    def rest(self, until: float, on_end: Callable[["Connection"], None]) -> None:
        """Wait for another exchange; when none begins before `until`, or the peer stirs, end and say so."""
        self._on_end = on_end
        self._alarm.set(until)

    def pause(self) -> None:
        self._channel.pause()

    def resume(self) -> None:
        self._channel.resume()

    def head_read(self) -> None:
        self._alarm.set(min(self._loop.time() + self._terms.limits.body_seconds, self._terms.deadline))

    def body_read(self) -> None:
        self._alarm.clear()

    def abort(self) -> None:
        self._channel.abort()

    def bytes_received(self, data: bytes | memoryview) -> None:
        if self._reading is None:
            self.abort()  # nothing was asked
            return
        if self._terms.trace.first_byte_ms is None:
            self._terms.trace.first_byte_ms = round((self._loop.time() - self._began_at) * 1000, 3)
        self._reading.feed(data)

    def channel_ended(self, end: End, detail: str) -> None:
        self._alarm.stop()
        if self._reading is not None:
            self._reading.end(end, detail)
        elif self._on_end is not None:
            self._on_end(self)

    def _rang(self) -> None:
        if self._reading is None:
            self.abort()
        else:
            self._reading.late(check_is_over=self._loop.time() >= self._terms.deadline)
