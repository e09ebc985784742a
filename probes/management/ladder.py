"""An outcome as a person reads it at a terminal: one line a step, and the hint under the step that failed."""

from collections.abc import Callable, Iterator

from probes.protocol.outcome import Outcome, Step
from probes.protocol.taxonomy import Status

Paint = Callable[[Status, str], str]
"""Colours a text for a status; the identity where there are no colours."""

_MARKS = {
    Status.AVAILABLE: "✓",
    Status.UNAVAILABLE: "✗",
    Status.DEGRADED: "!",
    Status.INDETERMINATE: "?",
    Status.CONFIG_ERROR: "✗",
}
_PHASES = (("dns", "dns_ms"), ("connect", "connect_ms"), ("tls", "tls_ms"), ("first byte", "first_byte_ms"))


def ladder(outcome: Outcome, paint: Paint) -> Iterator[str]:
    """Yield the lines for one outcome, coloured by `paint`."""
    found = outcome.conclusion
    yield found.canonical
    failed = outcome.failed_step
    widths = [max((len(column(step)) for step in outcome.steps), default=0) for column in (_what, _where, _answer)]
    for step in outcome.steps:
        cells = (_what(step), _where(step), _answer(step))
        text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        mark = paint(outcome.status, _MARKS[outcome.status]) if step is failed else "·"
        yield f"  {mark} {text}  {step.total_ms:7.1f} ms  {_phases(step)}".rstrip()
        if "?" in step.url:
            yield f"      {step.url}"
        if step is failed:
            yield from _explanation(outcome, paint, indent="      ")
    if failed is None and outcome.status is not Status.AVAILABLE:
        yield from _explanation(outcome, paint, indent="  ")
    for item in found.platforms:
        digest = item.digest or "no digest"
        yield f"    {item.platform}: {paint(item.status, item.reason.value)}  {digest}"
    if found.warnings:
        yield "    warnings: " + ", ".join(warning.value for warning in found.warnings)
    yield "  " + paint(outcome.status, f"{_MARKS[outcome.status]} {_verdict(outcome)}")


def summary(outcomes: list[Outcome], paint: Paint) -> str:
    """Return the closing line of several checks: how many ended how, and how long they took."""
    counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
    ended = ", ".join(paint(status, f"{count} {status}") for status, count in counts.items() if count)
    times = [outcome.duration_ms for outcome in outcomes]
    mean = sum(times) / len(times)
    return f"{len(outcomes)} checks: {ended}; {min(times):.0f}/{mean:.0f}/{max(times):.0f} ms min/mean/max"


def _explanation(outcome: Outcome, paint: Paint, indent: str) -> Iterator[str]:
    found = outcome.conclusion
    yield indent + paint(outcome.status, found.reason.value) + (f": {found.detail}" if found.detail else "")
    yield indent + found.hint


def _what(step: Step) -> str:
    return f"{step.method} {step.stage.value}"


def _where(step: Step) -> str:
    return f"{step.host} [{step.address}]" if step.address else step.host


def _answer(step: Step) -> str:
    answer = str(step.http_status) if step.http_status is not None else ""
    return f"{answer} {step.error}".strip() if step.error else answer


def _phases(step: Step) -> str:
    known = ((label, getattr(step, name)) for label, name in _PHASES)
    phases = " · ".join(f"{label} {value:.1f}" for label, value in known if value is not None)
    return f"{step.connection or ''}  {phases}".strip()


def _verdict(outcome: Outcome) -> str:
    found = outcome.conclusion
    parts = [found.status.value]
    if found.depth:
        parts.append(f"proven to {found.depth.value}")
    if found.digest:
        parts.append(found.digest)
    if found.retry_at:
        parts.append(f"next try after {found.retry_at:%H:%M:%S} UTC")
    requests = "1 request" if outcome.requests == 1 else f"{outcome.requests} requests"
    parts += [requests, f"{outcome.bytes_read} bytes", f"{outcome.duration_ms:.0f} ms"]
    return " · ".join(parts)
