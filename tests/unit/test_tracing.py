"""Traces: what a collector gets where one is named, and that nothing of it is there otherwise."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from probes import tracing
from probes.policy.counting import BOUNDS_SECONDS
from probes.protocol.endpoint import EndpointPlan
from tests.fakes.collector import Collector, attributes, collecting
from tests.fakes.engine import FakeEngine
from tests.unit.edge.test_edge_runner import NOBODY, batch, plans, runner

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Trace this process for the test."""
    with collecting() as found:
        monkeypatch.setenv(tracing.ENDPOINT, found.url)
        assert tracing.start("kairos-test", region="eu-west")
        yield found
        tracing.stop()


def test_span_is_sent_with_what_it_came_to(collector: Collector) -> None:
    with tracing.span("task", task="probes.tick") as noted:
        noted.came_to(result="done")
    tracing.stop()
    (span,) = collector.named("kairos.task")
    assert attributes(span) == {"kairos.task": "probes.tick", "kairos.result": "done"}
    (resource,) = collector.resources
    assert resource["service.name"] == "kairos-test"
    assert resource["kairos.region"] == "eu-west"
    (point,) = collector.metrics["kairos.task.duration"].histogram.data_points
    assert (point.count, attributes(point)) == (1, {"kairos.result": "done"})
    assert collector.metrics["kairos.task.duration"].unit == "s"
    assert tuple(point.explicit_bounds) == BOUNDS_SECONDS


def test_error_is_told_by_its_kind_alone_and_goes_on(collector: Collector) -> None:
    def fail() -> None:
        with tracing.span("task"):
            raise KeyError("s3cret")

    with pytest.raises(KeyError):
        fail()
    tracing.stop()
    (span,) = collector.spans
    assert attributes(span) == {"error.type": "KeyError"}
    assert (span.status.code, span.status.message, list(span.events)) == (2, "", [])


async def test_batch_is_traced_with_its_checks(collector: Collector) -> None:
    items = plans("registry.test/ok", "other.test/raises")
    await runner(FakeEngine()).run(batch(*items), NOBODY)
    tracing.stop()
    (whole,) = collector.named("kairos.batch")
    assert attributes(whole)["kairos.checks"] == "2"
    found = {attributes(span)["kairos.reference"]: span for span in collector.named("kairos.check")}
    good, bad = found["registry.test/ok:latest"], found["other.test/raises:latest"]
    assert {good.parent_span_id, bad.parent_span_id} == {whole.span_id}
    assert attributes(good)["kairos.reason"] == "ok"
    assert attributes(good)["kairos.registry"] == "registry.test"
    assert attributes(bad)["error.type"] == "RuntimeError"
    assert sum(point.count for point in collector.metrics["kairos.check.duration"].histogram.data_points) == 2


async def test_query_values_of_an_endpoint_are_not_sent(collector: Collector) -> None:
    endpoint = EndpointPlan(url="https://api.test/ok?key=token-1", key="7", slot="s")
    await runner(FakeEngine()).run(batch(endpoint), NOBODY)
    tracing.stop()
    (span,) = collector.named("kairos.check")
    assert attributes(span)["kairos.reference"].startswith("https://api.test/ok?key=")
    assert "token-1" not in str(span)


def test_task_of_the_control_plane_is_traced(collector: Collector) -> None:
    """In a process of its own: an app that is complete is so for all tests after this one."""
    run_python(
        """
        from kairos.celery import app, send_what_was_traced, trace_this_process

        @app.task(name="test.fails", shared=False)
        def fails():
            raise LookupError

        trace_this_process()
        fails.apply()
        send_what_was_traced()
        """,
        **{tracing.ENDPOINT: collector.url},
    )
    (span,) = collector.named("kairos.task")
    assert attributes(span) == {"kairos.task": "test.fails", "error.type": "LookupError"}
    assert collector.resources[0]["service.name"] == "kairos-control"


def test_collector_that_is_away_holds_nobody_up() -> None:
    """In a process of its own: the library tries on in its threads, by chance, beside whatever test comes next."""
    told = run_python(
        """
        import time
        from probes import tracing

        assert tracing.start("kairos-test")
        with tracing.span("task"):
            pass
        began = time.monotonic()
        tracing.stop()
        print(time.monotonic() - began)
        """,
        **{tracing.ENDPOINT: "http://127.0.0.1:1"},
    )
    assert float(told) < 4


def test_without_an_endpoint_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)
    assert not tracing.start("kairos-test")
    with tracing.span("task") as noted:
        noted.came_to(result="done")


def test_without_the_extra_it_is_said_and_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(tracing.ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    assert not tracing.start("kairos-test")
    assert "install requirements-otel.txt" in caplog.text


@pytest.mark.parametrize("module", ["probes.edge.__main__", "kairos.celery"])
def test_what_traces_is_not_imported_where_nothing_is_traced(module: str) -> None:
    told = run_python(
        f"""
        import sys, {module}
        import probes.broker.redis
        from probes import tracing

        assert not tracing.start("x")
        with tracing.span("task"):
            pass
        print(*[name for name in sys.modules if name.startswith("opentelemetry")])
        """
    )
    assert told.strip() == ""


def run_python(program: str, **environment: str) -> str:
    """Run a program by itself; return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", dedent(program)],
        cwd=PROJECT,
        env={"DJANGO_SETTINGS_MODULE": "kairos.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
