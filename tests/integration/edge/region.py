"""The other end of a region's broker link, and its worker as a process."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from celery import Celery
from kombu.utils.json import loads

from probes.broker.address import BrokerAddress
from probes.broker.queues import plain_queue
from probes.edge.app import HEARTBEAT, INGEST, RUN_BATCH
from probes.protocol.batch import MAX_HEARTBEAT_BYTES, MAX_REPORT_BYTES, Batch, Heartbeat, Report
from probes.protocol.plan import Plan, Secret
from probes.trust.accounts import Account
from probes.trust.envelope import CONTROL, Kind, open_envelope, sign
from probes.trust.keys import ControlKeys, RegionKeys
from probes.trust.sealing import BoundSecret, seal
from tests.fakes.redis_server import MortalRedis
from tests.servers import wait_until

REGION: Final = "eu-west"
ROOT: Final = Path(__file__).parents[3]
WAIT_SECONDS: Final = 30.0


class Region:
    """Sends to `probe.<region>` what a test wants sent, and reads what arrives in the control plane's queues."""

    reads: tuple[str, ...] = ("heartbeats", "results")

    def __init__(self, server: MortalRedis, control: ControlKeys, keys: RegionKeys, key_file: Path) -> None:
        self.server = server
        self.control = control
        self.keys = keys
        self.key_file = key_file
        self.queue = f"probe.{keys.region}"
        self.edge_url = server.url
        self._connect(server)
        self._app = Celery("control", broker=server.url, fixups=[], set_as_current=False)
        self._reports: list[Report] = []
        self._heartbeats: list[Heartbeat] = []

    def log_in_as(self, username: str, password: str, admit: Callable[[Account], object]) -> None:
        """Give the region's worker an account of its own from now on; `admit` makes it on the broker."""
        admit(Account.make(self.keys.region, username, password))
        self.edge_url = BrokerAddress(self.server.url).url_for(username, password)

    def batch(self, *images: str, seconds: float = 60.0, secrets: dict[str, BoundSecret] | None = None) -> Batch:
        """A batch of one plan for each image; `secrets` by the image that is to use it."""
        now = datetime.now(UTC)
        sealed = {name: seal(bound, self.keys.public.box_key) for name, bound in (secrets or {}).items()}
        return Batch(
            id=str(uuid4()),
            region=self.keys.region,
            issued_at=now,
            expires_at=now + timedelta(seconds=seconds),
            plans=tuple(
                Plan(
                    reference=f"registry.test/{image}",
                    key=str(number),
                    slot="2026-01-01T00:00:00.000Z",
                    secret_key=image if image in sealed else "",
                )
                for number, image in enumerate(images)
            ),
            secrets=sealed,
        )

    def envelope(
        self, batch: Batch, *, recipient: str | None = None, key: ControlKeys | None = None
    ) -> dict[str, Any]:
        signing_key = (key or self.control).signing_key
        return sign(Kind.BATCH, CONTROL, recipient or batch.region, batch.to_json(), signing_key)

    def send(self, envelope: object, *, task: str = RUN_BATCH, **options: Any) -> None:
        self._app.send_task(task, args=[envelope], queue=_as_it_is(self.queue), **options)

    def push(self, entry: bytes) -> None:
        """Put raw bytes where a message should be."""
        self._redis.lpush(self.queue, entry)

    def entry(self, envelope: object, *, task: str = RUN_BATCH, **options: Any) -> dict[str, Any]:
        """The raw entry that `send` would make, to be spoilt and pushed."""
        self._app.send_task(task, args=[envelope], queue=_as_it_is("scratch"), **options)
        raw = self._redis.rpop("scratch")
        assert isinstance(raw, bytes)
        document: dict[str, Any] = json.loads(raw)
        document["properties"]["delivery_info"]["routing_key"] = self.queue
        return document

    @property
    def waiting(self) -> int:
        return int(self._redis.llen(self.queue))

    def reports(self) -> list[Report]:
        """Every report that has arrived so far, opened as the control plane does."""
        self._collect()
        return self._reports

    def heartbeats(self) -> list[Heartbeat]:
        self._collect()
        return self._heartbeats

    def wait_for_reports(self, count: int) -> list[Report]:
        wait_until(lambda: len(self.reports()) >= count, WAIT_SECONDS, f"{count} reports")
        return self._reports

    def wait_for_refusals(self, **expected: int) -> Heartbeat:
        """Wait for a heartbeat that counts these refusals, and no others."""
        return self.wait_for_heartbeat(lambda beat: beat.refused == expected)

    def wait_for_heartbeat(self, tells: Callable[[Heartbeat], bool]) -> Heartbeat:
        """Wait until the newest heartbeat tells what is expected."""

        def told() -> bool:
            beats = self.heartbeats()
            return bool(beats) and tells(beats[-1])

        try:
            wait_until(told, WAIT_SECONDS, "a heartbeat")
        except RuntimeError as error:
            raise AssertionError(f"the last heartbeat was {self._heartbeats[-1:]}") from error
        return self._heartbeats[-1]

    def _collect(self) -> None:
        while (sent := self._pop()) is not None:
            task, body = sent
            (envelope,), _, _ = json.loads(body)
            match task:
                case task if task == INGEST:
                    self._reports.append(Report.from_json(self._open(envelope, Kind.REPORT, MAX_REPORT_BYTES)))
                case task if task == HEARTBEAT:
                    self._heartbeats.append(
                        Heartbeat.from_json(self._open(envelope, Kind.HEARTBEAT, MAX_HEARTBEAT_BYTES))
                    )
                case _:
                    raise AssertionError(f"a region has no business with {task}")

    def _connect(self, server: Any) -> None:
        self._redis = server.client()

    def _pop(self) -> tuple[str, bytes] | None:
        """Take a message that the region sent: the task it is for, and its body."""
        for queue in self.reads:
            if (raw := self._redis.rpop(queue)) is not None:
                message = loads(raw)
                return message["headers"]["task"], base64.b64decode(message["body"])
        return None

    def _open(self, envelope: object, kind: Kind, max_bytes: int) -> Any:
        verify_keys = {self.keys.region: [self.keys.public.verify_key]}
        opened = open_envelope(
            envelope, kind=kind, recipient=CONTROL, verify_keys_of=verify_keys.get, max_bytes=max_bytes
        )
        assert opened.sender == self.keys.region
        return opened.body


class EdgeProcess:
    """One worker process; `log` is everything it said."""

    def __init__(
        self,
        region: Region,
        log: Path,
        *arguments: str,
        module: str = "tests.integration.edge.fake_worker",
        python: str = sys.executable,
        **environment: str,
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [python, "-m", module, *arguments],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "BROKER_URL": region.edge_url,
                    "KAIROS_REGION": REGION,
                    "KAIROS_REGION_KEY_FILE": str(region.key_file),
                    "KAIROS_EDGE_HEARTBEAT_SECONDS": "0.3",
                    "KAIROS_EDGE_CANARIES": "",  # tests of them name their own
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, text: str) -> None:
        wait_until(lambda: text in self.log, WAIT_SECONDS, f"{text!r} in the log", alive=self.process)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = WAIT_SECONDS) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_SECONDS)


def _as_it_is(queue: str) -> Any:
    """Return a queue behind the default exchange. Celery takes it, though its types ask for a name."""
    return plain_queue(queue)


def bound(username: str, *, host: str, repository_prefix: str = "") -> BoundSecret:
    return BoundSecret(Secret(username=username, password="swordfish"), host, repository_prefix)
