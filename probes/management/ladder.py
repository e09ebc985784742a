"""An outcome as a person reads it at a terminal: one line a step, and the hint under the step that failed."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from probes.protocol.errors import clean_text
from probes.protocol.outcome import Outcome, RateLimit, Step
from probes.protocol.taxonomy import Confidence, Status, Warn
from probes.protocol.warnings import SENTENCES

Paint = Callable[[Status, str], str]
"""Colours a text for a status; the identity where there are no colours."""

_MARKS: Final = {
    Status.AVAILABLE: "✓",
    Status.UNAVAILABLE: "✗",
    Status.DEGRADED: "!",
    Status.INDETERMINATE: "?",
    Status.CONFIG_ERROR: "✗",
}
_TEXTS: Final = ("step", "host", "answer")
_TIMES: Final = ("dns", "connect", "tls", "first byte", "total ms")
_SHOWN_HEX: Final = 12  # of a digest: enough to tell two layers apart
_SHOWN_TAG: Final = 30
_SHOWN_REFERENCE: Final = 1024
_ASKED: Final = re.compile(r"/v2/.+/(?:manifests|blobs)/([^/?:]+:)?([^/?:]+)")


def ladder(outcome: Outcome, paint: Paint) -> Iterator[str]:
    """Yield the lines for one outcome, coloured by `paint`."""
    through = f"  through the proxy {clean_text(outcome.proxy)}" if outcome.proxy else ""
    yield clean_text(outcome.conclusion.canonical, _SHOWN_REFERENCE) + through
    failed = outcome.failed_step
    head, *rungs = _table(outcome.steps) if outcome.steps else [""]
    if head:
        yield f"    {head}"
    for step, rung in zip(outcome.steps, rungs, strict=True):
        mark = paint(outcome.status, _MARKS[outcome.status]) if step is failed else "·"
        yield f"  {mark} {rung}"
        if step is failed:
            yield from (f"      {line}" for line in _explanation(outcome, paint))
            yield f"      asked: {step.url}"
    if failed is None and outcome.status is not Status.AVAILABLE:
        reason, hint = _explanation(outcome, paint)
        yield f"  {paint(outcome.status, _MARKS[outcome.status])} {reason}"
        yield f"    {hint}"
    yield from _facts(outcome, paint)
    yield "  " + paint(outcome.status, f"{_MARKS[outcome.status]} {_verdict(outcome)}")


def summary(outcomes: list[Outcome], paint: Paint) -> str:
    """Return the closing line of several checks: how many ended how, and how long they took."""
    counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
    ended = ", ".join(paint(status, f"{count} {status}") for status, count in counts.items() if count)
    times = [outcome.duration_ms for outcome in outcomes]
    mean = sum(times) / len(times)
    return f"{_counted(len(times), 'check')}: {ended}; {min(times):.0f}/{mean:.0f}/{max(times):.0f} ms min/mean/max"


def _table(steps: Sequence[Step]) -> list[str]:
    """Return the head of the ladder and a line a step; a phase that no step has gets no column."""
    rows = [(*_TEXTS, *_TIMES), *((*_texts(step), *_times(step)) for step in steps)]
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    aligned = []
    for column in columns:
        width = max(map(len, column))
        aligned.append([cell.rjust(width) if column[0] in _TIMES else cell.ljust(width) for cell in column])
    return ["  ".join(row) for row in zip(*aligned, strict=True)]


def _texts(step: Step) -> tuple[str, ...]:
    host = f"{step.host} [{step.address}]" if step.address else step.host
    answer = " ".join(str(part) for part in (step.http_status, step.error) if part is not None)
    return f"{step.method} {step.stage} {_target(step.url)}".rstrip(), host, answer


def _target(url: str) -> str:
    """Return by which tag or digest something was asked for; the URLs of a registry say so, its storage's do not."""
    asked = _ASKED.search(url)
    if asked is None:
        return ""
    algorithm, target = asked.groups()
    return target[: _SHOWN_HEX if algorithm else _SHOWN_TAG]


def _times(step: Step) -> tuple[str, ...]:
    times = [step.dns_ms, step.connect_ms, step.tls_ms, step.first_byte_ms, step.total_ms]
    texts = ["" if time is None else f"{time:.1f}" for time in times]
    if step.connection == "reused":
        texts[1] = step.connection
    return tuple(texts)


def _explanation(outcome: Outcome, paint: Paint) -> tuple[str, str]:
    found = outcome.conclusion
    reason = paint(outcome.status, found.reason.value)
    return f"{reason}: {found.detail}" if found.detail else reason, found.hint


def _facts(outcome: Outcome, paint: Paint) -> Iterator[str]:
    """Yield what is known beside the verdict: a name, then what there is under it."""
    found = outcome.conclusion
    facts = [("digest", found.digest)] if found.digest else []
    facts += [
        (item.platform, f"{paint(item.status, item.reason.value)}  {item.digest or ''}".rstrip())
        for item in found.platforms
    ]
    facts += [("warning", f"{warning}: {SENTENCES[warning]}") for warning in found.warnings]
    facts += [("it says", notice) for notice in found.notices]
    if Warn.TLS_EXPIRING in found.warnings:
        facts += [
            ("certificate", f"{one.host} until {one.not_after:%Y-%m-%d}, by {clean_text(one.issuer)}")
            for one in outcome.certificates
        ]
    if found.rate_limit:
        facts.append(("quota", _quota(found.rate_limit)))
    width = max((len(name) for name, _ in facts), default=0)
    for name, fact in facts:
        yield f"    {name.ljust(width)}  {fact}"


def _quota(quota: RateLimit) -> str:
    left, limit = ("?" if number is None else number for number in (quota.remaining, quota.limit))
    window = f" in {quota.window_seconds} s" if quota.window_seconds else ""
    return f"{left} of {limit} left{window}" + (f", counted for {quota.source}" if quota.source else "")


def _verdict(outcome: Outcome) -> str:
    found = outcome.conclusion
    ambiguous = " (ambiguous)" if found.confidence is Confidence.AMBIGUOUS else ""
    parts = [
        f"{found.status}{ambiguous}",
        f"proven to {found.depth}" if found.depth else "",
        f"next try after {found.retry_at:%H:%M:%S} UTC" if found.retry_at else "",
        "with a remembered login" if found.auth_path == "cached" else "",
        _counted(outcome.requests, "request"),
        f"{found.attempts} attempts" if found.attempts > 1 else "",
        f"{outcome.bytes_read} bytes",
        f"{outcome.duration_ms:.0f} ms",
    ]
    return " · ".join(filter(None, parts))


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
