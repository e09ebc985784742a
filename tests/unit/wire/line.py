"""Both ends of a channel in memory: what asyncio gives it below, and who listens to it above."""

from dataclasses import dataclass, field
from typing import Any, cast

from probes.wire.channel import Channel, End


@dataclass
class MemoryTransport:
    """What a channel sees of asyncio's transport. `sent` holds what went to the peer."""

    sent: bytearray = field(default_factory=bytearray)
    notes: list[str] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.notes.append("abort")

    def pause_reading(self) -> None:
        self.notes.append("pause")

    def resume_reading(self) -> None:
        self.notes.append("resume")


@dataclass
class NotingReceiver:
    """Notes what it receives, and how it ended."""

    received: bytearray = field(default_factory=bytearray)
    ends: list[tuple[End, str]] = field(default_factory=list)

    def bytes_received(self, data: bytes | memoryview) -> None:
        self.received += data

    def channel_ended(self, end: End, detail: str) -> None:
        self.ends.append((end, detail))


class Line:
    """A channel, its transport and its receiver; `arrive` brings bytes as asyncio would."""

    def __init__(self) -> None:
        self.lost: list[Channel] = []
        self.channel = Channel(self.lost.append)
        self.transport = MemoryTransport()
        self.receiver = NotingReceiver()
        self.channel.connection_made(cast("Any", self.transport))

    def arrive(self, data: bytes) -> None:
        while data:
            buffer = self.channel.get_buffer(-1)
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            data = data[count:]
            self.channel.buffer_updated(count)
