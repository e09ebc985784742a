"""Spans and how long they took, for OpenTelemetry: where OTEL_EXPORTER_OTLP_ENDPOINT is set, and otherwise nothing.

The library is an optional extra (requirements-otel.txt). It is imported by `start` alone, and only if it is wanted: a
region's worker that is not traced starts as fast and weighs as little as if this were not here. The library reads all
other `OTEL_…` variables by itself.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from probes.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"

_FLUSH_SECONDS: Final = 2.0
_BOUNDS_SECONDS: Final = tuple(2**exponent / 1000 for exponent in range(17))
"""As at `/metrics`. The library's own are meant for milliseconds: all of ours would be in its first bucket."""

_log = logging.getLogger(__name__)


class Tracing:
    """Providers of this process alone: nothing of the library's global state is touched."""

    def __init__(self, tracers: "TracerProvider", meters: "MeterProvider") -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - see above

        self._tracers, self._meters, self._error = tracers, meters, StatusCode.ERROR
        self._tracer = tracers.get_tracer("kairos", VERSION)
        self._meter: Meter = meters.get_meter("kairos", VERSION)
        self._durations: dict[str, Histogram] = {}

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str | int]) -> Iterator["Noted"]:
        noted, began = Noted(), time.monotonic()
        if name not in self._durations:
            self._durations[name] = self._meter.create_histogram(
                f"kairos.{name}.duration", "s", explicit_bucket_boundaries_advisory=_BOUNDS_SECONDS
            )
        with self._tracer.start_as_current_span(
            f"kairos.{name}", attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield noted
            except BaseException as error:
                # Its kind alone: what an error says may hold names that are nobody's business.
                noted.outcome["error.type"] = type(error).__name__
                span.set_status(self._error)
                raise
            finally:
                span.set_attributes(noted.outcome)
                self._durations[name].record(time.monotonic() - began, noted.outcome)

    def stop(self) -> None:
        """Send what is not sent yet, for two seconds at most. The library itself would try for longer."""
        threads = [threading.Thread(target=item.shutdown, daemon=True) for item in (self._tracers, self._meters)]
        until = time.monotonic() + _FLUSH_SECONDS
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


class Noted:
    """What came of it, by few values: the duration is told apart by them, and the span has them as well."""

    def __init__(self) -> None:
        self.outcome: dict[str, str] = {}

    def came_to(self, **outcome: str) -> None:
        self.outcome.update({f"kairos.{name}": value for name, value in outcome.items()})


_NOWHERE: Final = Noted()
_running: Tracing | None = None


def start(service: str, **resource: str) -> bool:
    """Begin to trace this process, if the environment says where to; tell whether it does."""
    global _running  # noqa: PLW0603 - a process is traced or it is not
    if _running is None and os.environ.get(ENDPOINT):
        try:
            _running = _make(service, resource)
        except ImportError as error:
            _log.warning("%s is set, but nothing is traced: install requirements-otel.txt (%s)", ENDPOINT, error)
    return _running is not None


def stop() -> None:
    """Send what is not sent yet, for two seconds at most, and trace no more."""
    global _running  # noqa: PLW0603 - as above
    if _running is not None:
        _running.stop()
        _running = None


@contextmanager
def span(name: str, **attributes: str | int) -> Iterator[Noted]:
    """Trace what happens within; an error is noted and goes on. Where nothing is traced this is nothing."""
    if _running is None:
        yield _NOWHERE
        return
    with _running.span(name, {f"kairos.{key}": value for key, value in attributes.items()}) as noted:
        yield noted


def _make(service: str, resource: Mapping[str, str]) -> Tracing:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - see above
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise

    named = {f"kairos.{name}": value for name, value in resource.items()}
    what = Resource.create({"service.name": service, "service.version": VERSION, **named})
    tracers = TracerProvider(resource=what, shutdown_on_exit=False)  # it would wait for a collector that is away
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return Tracing(tracers, MeterProvider([reader], resource=what, shutdown_on_exit=False))
