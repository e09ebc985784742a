"""One worker process of a region, put together: intake, engine, publisher, heartbeat, and Celery around them."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from celery import platforms
from celery.apps.worker import Worker as CeleryWorker
from celery.concurrency.thread import TaskPool
from celery.worker import state
from kombu.asynchronous import Hub

from probes.broker.transports import guard_queues
from probes.edge.app import RUN_BATCH, make_app
from probes.edge.canaries import Canaries
from probes.edge.clock import ControlClock
from probes.edge.engine import Engine
from probes.edge.hands import Hands
from probes.edge.health import NotedLink
from probes.edge.heartbeat import Pulse, Vitals
from probes.edge.intake import Intake, Taken
from probes.edge.link import BrokerLink, Link
from probes.edge.loop import Crew, EngineLoop
from probes.edge.publisher import Publisher
from probes.edge.pulse_route import PulseRoute
from probes.edge.reporter import Reporter
from probes.edge.runner import Runner
from probes.edge.settings import EdgeSettings
from probes.edge.spool import Spool
from probes.edge.tally import Tally
from probes.edge.waits import Waits
from probes.trust.envelope import CONTROL, Kind, sign
from probes.trust.refusal import Refused

if TYPE_CHECKING:
    from concurrent.futures import Future

BuildEngine = Callable[[EdgeSettings], Engine]

EXIT_STUCK: Final = 70
_STOP_MARGIN_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class EdgeWorker:
    """Runs from `main` until a signal; everything in it is made once and lives as long as the process."""

    def __init__(self, settings: EdgeSettings, build_engine: BuildEngine) -> None:
        self._settings = settings
        self._build_engine = build_engine
        self._tally = Tally()
        self._waits = Waits()
        self._id = str(uuid4())
        self._clock = ControlClock(self._id)
        self._route = PulseRoute()
        self._intake = Intake(settings.keys, self._clock, self._waits, self._route)
        self._app = make_app(settings, self.run_batch)
        self._guard = guard_queues(
            self._app, {settings.queue: {RUN_BATCH}}, on_refused=self._tally.refuse, on_late=self._run_late
        )
        self._late: list[threading.Thread] = []
        self._leaving: threading.Timer | None = None
        self._engine_loop = EngineLoop(self._build)
        self._hands = Hands(settings.batches, is_held_up=self._is_held_up)
        self._publisher = Publisher(BrokerLink(self._app), Spool())
        self._pulse = Pulse(
            settings,
            self._pulse_link(),
            self._waits,
            self._route,
            worker=self._id,
            take=self._vitals,
            on_stuck=self._leave_at_once,
        )

    def main(self) -> int:
        """Work until SIGTERM or SIGINT, then finish what is in hand, within bounds; return the exit status."""
        worker = _Worker(
            app=self._app,
            stopping=self._begin_to_stop,
            hostname=f"{self._settings.region}@{socket.gethostname()}",
            pool=_Pool if self._settings.broker.is_redis else _PoolOverRabbit,
            queues=[self._settings.queue],
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        # Only now: Celery has changed the environment. The C library ends the process if that happens while it reads
        # it in another thread, as it does there to resolve the first name.
        self._engine_loop.start()
        worker.heed_signals()
        self._publisher.start()
        self._pulse.start()
        worker.start()
        if self._leaving:
            self._leaving.cancel()  # it is for Celery, and what follows has bounds of its own
        for thread in self._late:
            thread.join()
        self._hands.close()
        self._publisher.stop(self._settings.drain_seconds)
        self._pulse.stop()
        self._engine_loop.stop()
        return int(worker.exitcode or 0)

    def _begin_to_stop(self) -> None:
        settings = self._settings
        self._engine_loop.close_within(settings.finish_seconds)
        within = settings.finish_seconds + settings.drain_seconds + _STOP_MARGIN_SECONDS
        if self._leaving is None:  # a second signal gives no more time
            self._leaving = threading.Timer(within, self._leave_in_time)
            self._leaving.daemon = True
            self._leaving.start()

    def _leave_in_time(self) -> None:
        """End a worker whom a broken connection keeps: what it had in hand has been reported or returned."""
        _log.error("Celery did not stop in time; leaving without it")
        self._publisher.stop(self._settings.drain_seconds)
        logging.shutdown()
        os._exit(0)

    def run_batch(self, envelope: object) -> None:
        """Run one message's batch, as long as there is a need to wait for it. Raises nothing for a bad message."""
        try:
            taken = self._intake.open(envelope)
        except Refused as refused:
            self._guard.refuse(self._settings.queue, refused.cause, refused.detail)
        else:
            self._hands.carry_out(taken.batch.id, partial(self._run_and_report, taken))

    def _run_and_report(self, taken: Taken) -> None:
        settings = self._settings
        with self._tally.running(taken):
            report = self._engine_loop.run(self._engine_loop.crew.reporter.report(taken))
            key = settings.keys.signing_key
            self._publisher.put(sign(Kind.REPORT, settings.region, CONTROL, report.to_json(), key))

    def _is_held_up(self, batch_id: str) -> bool:
        return self._engine_loop.run(self._engine_loop.crew.reporter.is_held_up(batch_id))

    def _run_late(self, envelope: object) -> None:
        """Run a batch that came when Celery had ceased to take any; what there is no time for is returned."""
        thread = threading.Thread(target=self.run_batch, args=(envelope,), name="late batch", daemon=True)
        self._late.append(thread)
        thread.start()

    def _build(self) -> Crew:
        settings = self._settings
        engine = self._build_engine(settings)
        runner = Runner(engine, in_flight=settings.checks_in_flight, per_host=settings.checks_per_host, now=_now)
        canaries = Canaries(
            settings.canaries,
            partial(engine.reach, ca_pem=settings.canaries_ca_pem),
            every_seconds=settings.canary_seconds,
            now=_now,
        )
        reporter = Reporter(runner, canaries, keys=settings.keys, worker=self._id, now=_now)
        return Crew(engine, runner, canaries, reporter)

    def _pulse_link(self) -> Link:
        link = BrokerLink(self._app)
        return NotedLink(link, self._settings.health_file) if self._settings.health_file else link

    def _vitals(self) -> Vitals:
        crew = self._engine_loop.crew
        return Vitals(
            in_flight=crew.runner.in_flight,
            starved=crew.runner.starved,
            batches_in_hand=self._tally.batches_in_hand - self._hands.aside,
            overdue_seconds=self._tally.overdue_seconds(),
            batches_run=self._tally.batches_run,
            checks_run=self._tally.checks_run,
            spooled_reports=self._publisher.spooled,
            dropped_reports=self._publisher.dropped,
            refused=self._tally.refused,
            popped=self._guard.popped,
            load_per_core=_load_per_core(),
            egress=crew.canaries.egress,
            canaries=crew.canaries.round,
            heard_issued_at=self._clock.heard_issued_at,
        )

    def _leave_at_once(self, reason: str) -> None:
        """End the process from a side thread: the main one is what is stuck. Its supervisor starts another."""
        _log.critical("the worker is stuck: %s; leaving", reason)
        self._publisher.stop(self._settings.drain_seconds)
        logging.shutdown()
        os._exit(EXIT_STUCK)


class _Pool(TaskPool):
    """Celery's threads, with a word to its event loop when one is free: by itself it looks about once a second.

    When the worker stops, a batch that waits for a thread is run as well: its checks are returned then.
    """

    _hub: Hub | None = None

    def register_with_event_loop(self, loop: Hub) -> None:
        self._hub = loop

    def on_stop(self) -> None:
        self.executor.shutdown()  # type: ignore[attr-defined] # missing from the stubs

    def on_apply(self, *args: Any, **options: Any) -> Any:
        applied: Any = super().on_apply(*args, **options)
        applied.f.add_done_callback(lambda _: _wake(self._hub))
        return applied


class _PoolOverRabbit(_Pool):
    """Forgets what waits for a thread when the connection is lost: the broker gives it out again, here or elsewhere.

    A batch is acknowledged when it begins. On Redis none waits here, and there would be no other copy of it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished: set[Future[Any]] = set()

    def on_apply(self, *args: Any, **options: Any) -> Any:
        applied = super().on_apply(*args, **options)
        self._unfinished.add(applied.f)
        applied.f.add_done_callback(self._unfinished.discard)
        return applied

    def flush(self) -> None:
        """Called by Celery whenever its connection ends. At an ordinary stop what waits is run, to be returned."""
        if state.should_stop is None:
            for future in tuple(self._unfinished):
                future.cancel()  # has no effect on one that has begun


def _wake(hub: Hub | None) -> None:
    """Have Celery's event loop look around, from another thread.

    To kombu's `get_event_loop` there is none after the first connection that broke: resetting its loop forgets it.
    """
    if hub is not None:
        hub.call_soon(lambda: None)


class _Worker(CeleryWorker):
    """Celery's worker as a program, with one way to stop: finish what is in hand, whichever signal asks."""

    def __init__(self, *, stopping: Callable[[], None], **options: Any) -> None:
        self._stopping = stopping
        super().__init__(**options)

    def heed_signals(self) -> None:
        """Stop at SIGTERM and SIGINT from here on, also before Celery has started.

        To process 1 of a container, a SIGTERM that nobody handles is as good as not sent, and whoever hears our first
        heartbeat may send one.
        """
        for name in ("SIGTERM", "SIGINT"):
            platforms.signals[name] = self._stop

    def install_platform_tweaks(self, worker: Any) -> None:
        """Leave out Celery's handlers: they take a second Ctrl-C for an order to drop everything at once."""

    def _stop(self, *_: Any) -> None:
        self._stopping()
        state.should_stop = platforms.EX_OK  # type: ignore[assignment] # typed as what it is at first
        # With RabbitMQ the loop may sleep for ten seconds. From a thread: here, its lock may be in our own hands.
        threading.Thread(target=_wake, args=(self.hub,), daemon=True).start()


def _load_per_core() -> float | None:
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except OSError:  # not every system tells
        return None


def _now() -> datetime:
    return datetime.now(UTC)
