"""The evidence for a ticket: what was asked, from where, when, and what came back, as a document and as a text.

PURE. It is for somebody who runs a registry and has never heard of Kairos. Everything in it passes a `Redactor`; what
that took out is said in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dashboard import words
from dashboard.image.redaction import HIDDEN_ADDRESS, Redactor, Taken
from dashboard.image.rungs import State, rungs
from probes.protocol.outcome import Outcome, Step, rfc3339
from probes.version import VERSION

BUNDLE_VERSION: Final = 1
_MOST_STEPS: Final = 200
_NOTES: Final = (
    "Logins, tokens and request headers are in no record that this was made from.",
    "Values in the queries of URLs are left out, but for a few that are harmless (service, scope).",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A region and its outcome, if it can be read. `addresses` are those that it is known to come from."""

    slug: str
    name: str
    addresses: Sequence[str]
    slot: datetime | None
    checked_at: datetime | None
    since: datetime | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the evidence is about. `verdict` is its sentence."""

    name: str
    reference: str
    kind: str
    platforms: Sequence[str]
    verdict: str
    sentence: str
    since: datetime | None
    witnesses: Sequence[Witness]


def bundle(case: Case, now: datetime, *, keeps_addresses: bool = False) -> dict[str, Any]:
    """Return the document: JSON values, every field present. Times are RFC 3339 in UTC, durations milliseconds."""
    redactor = Redactor(keeps_addresses=keeps_addresses)
    told = {
        "bundle_version": BUNDLE_VERSION,
        "made_at": rfc3339(now),
        "made_by": f"Kairos {VERSION}",
        "user_agent": f"kairos/{VERSION}",
        "what": {
            "name": redactor.text(case.name, 255),
            "reference": redactor.text(case.reference, 1024),
            "kind": case.kind,
            "platforms": [redactor.text(platform, 100) for platform in case.platforms],
        },
        "verdict": {
            "state": case.verdict,
            "sentence": redactor.text(case.sentence, 600),
            "since": _instant(case.since),
        },
        "regions": [_witness(witness, redactor) for witness in case.witnesses],
    }
    return {**told, "left_out": _left_out(redactor)}


def readable(document: Mapping[str, Any]) -> str:
    """Return the same as a text of lines that a person reads in a mail."""
    return "\n".join(_lines(document)) + "\n"


def _witness(witness: Witness, redactor: Redactor) -> dict[str, Any]:
    found = witness.outcome
    return {
        "region": witness.slug,
        "name": redactor.text(witness.name, 100),
        "egress_addresses": [redactor.text(address, 60) for address in witness.addresses],
        "due_at": _instant(witness.slot),
        "checked_at": _instant(witness.checked_at),
        "as_it_is_since": _instant(witness.since),
        "outcome": _outcome(found, redactor) if found else None,
    }


def _outcome(outcome: Outcome, redactor: Redactor) -> dict[str, Any]:
    found, quota = outcome.conclusion, outcome.conclusion.rate_limit
    failed = outcome.failed_step
    return {
        "status": found.status.value,
        "reason": found.reason.value,
        "meaning": words.reason(found.reason),
        "hint": redactor.text(found.hint or found.reason.meaning.hint, 600),
        "detail": redactor.text(found.detail, 1000),
        "stage": found.stage.value if found.stage else None,
        "host": redactor.text(found.host, 260) or None,
        "confidence": found.confidence.value,
        "depth": found.depth.value if found.depth else None,
        "digest": redactor.text(found.digest, 140) or None,
        "platforms": [
            {
                "platform": redactor.text(item.platform, 100),
                "digest": redactor.text(item.digest, 140) or None,
                "status": item.status.value,
                "reason": item.reason.value,
            }
            for item in found.platforms
        ],
        "warnings": [warning.value for warning in found.warnings],
        "registry_says": [redactor.text(notice, 400) for notice in found.notices[:20]],
        "retry_at": _instant(found.retry_at),
        "quota": {
            "limit": quota.limit,
            "remaining": quota.remaining,
            "window_seconds": quota.window_seconds,
            "counted_for": redactor.text(quota.source, 64) or None,
        }
        if quota
        else None,
        "began_at": rfc3339(outcome.started_at),
        "duration_ms": outcome.duration_ms,
        "requests": outcome.requests,
        "through_a_proxy": outcome.proxy is not None,
        "login": found.auth_path,
        "certificates": [
            {
                "host": redactor.text(item.host, 260),
                "valid_until": rfc3339(item.not_after),
                "issuer": redactor.text(item.issuer, 300),
            }
            for item in outcome.certificates
        ],
        "ladder": [
            {
                "rung": item.rung.value,
                "state": item.state.value,
                "hosts": [redactor.text(it, 260) for it in item.hosts],
            }
            for item in rungs(outcome)
        ],
        "steps": [_step(step, redactor, is_failed=step is failed) for step in outcome.steps[:_MOST_STEPS]],
    }


def _step(step: Step, redactor: Redactor, *, is_failed: bool) -> dict[str, Any]:
    return {
        "stage": step.stage.value,
        "method": redactor.text(step.method, 10),
        "url": redactor.text(step.url, 800),
        "host": redactor.text(step.host, 260),
        "address": redactor.text(step.address, 60) or None,
        "http_status": step.http_status,
        "error": redactor.text(step.error, 60) or None,
        "connection": step.connection,
        "dns_ms": step.dns_ms,
        "connect_ms": step.connect_ms,
        "tls_ms": step.tls_ms,
        "first_byte_ms": step.first_byte_ms,
        "total_ms": step.total_ms,
        "bytes": step.bytes,
        "request_id": redactor.text(step.request_id, 128) or None,
        "is_failed": is_failed,
    }


def _left_out(redactor: Redactor) -> list[str]:
    counted = [f"{words.counted(redactor.taken[what], what)}." for what in Taken if redactor.taken[what]]
    kept = ["Private addresses are in it, as whoever made it asked for that."] if redactor.keeps_addresses else []
    return [*_NOTES, *kept, *counted]


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    what, verdict = document["what"], document["verdict"]
    yield f"Evidence: {what['reference']}"
    yield "=" * min(len(what["reference"]) + 10, 100)
    yield ""
    yield from _facts(
        ("Name", what["name"]),
        ("Platforms", ", ".join(what["platforms"])),
        ("Verdict", verdict["state"]),
        ("Since", verdict["since"] or ""),
        ("Because", verdict["sentence"]),
        (
            "Made",
            f"{document['made_at']} by {document['made_by']} (a monitor that pulls manifests, and of blobs a byte)",
        ),
    )
    for region in document["regions"]:
        yield ""
        yield from _region_lines(region)
    yield ""
    yield "Left out of this"
    yield "----------------"
    yield from (f"- {line}" for line in document["left_out"])


def _region_lines(region: Mapping[str, Any]) -> Iterator[str]:
    name = f"{region['name']} ({region['region']})" if region["name"] != region["region"] else region["region"]
    yield f"From {name}"
    yield "-" * (len(name) + 5)
    found = region["outcome"]
    yield from _facts(
        ("Comes from", ", ".join(region["egress_addresses"]) or "an address that is not known"),
        ("Checked", region["checked_at"] or "never"),
        ("As it is since", region["as_it_is_since"] or ""),
    )
    if found is None:
        yield "Nothing is known of the last check."
        return
    where = ", ".join(filter(None, (found["stage"], found["host"])))
    yield from _facts(
        ("Found", f"{found['status']}: {found['meaning']} ({found['reason']})"),
        ("At", where),
        ("Detail", found["detail"]),
        ("Registry says", "; ".join(found["registry_says"])),
        ("Digest", found["digest"] or ""),
        ("Quota", _quota(found["quota"])),
    )
    for item in found["platforms"]:
        yield f"  {item['platform']}: {item['status']}, {item['reason']} {item['digest'] or ''}".rstrip()
    if found["ladder"]:
        yield "  " + " > ".join(_rung(item) for item in found["ladder"])
    for number, step in enumerate(found["steps"], start=1):
        yield from _step_lines(number, step)
    for item in found["certificates"]:
        issuer = item["issuer"] or "an unknown issuer"
        yield f"  Certificate of {item['host']} until {item['valid_until']}, by {issuer}"


def _step_lines(number: int, step: Mapping[str, Any]) -> Iterator[str]:
    answer = " ".join(str(part) for part in (step["http_status"], step["error"]) if part is not None) or "no answer"
    mark = ">" if step["is_failed"] else " "
    address = f" [{step['address']}]" if step["address"] and step["address"] != HIDDEN_ADDRESS else ""
    yield f"{mark} {number:>2}. {step['stage']}: {step['method']} {step['url']}"
    yield f"       {step['host']}{address} answered {answer} in {step['total_ms']:.1f} ms{_phases(step)}"
    if step["request_id"]:
        yield f"       request id: {step['request_id']}"


def _phases(step: Mapping[str, Any]) -> str:
    phases = (("dns", "dns_ms"), ("connect", "connect_ms"), ("tls", "tls_ms"), ("first byte", "first_byte_ms"))
    said = [f"{name} {step[key]:.1f}" for name, key in phases if step[key] is not None]
    return f" ({', '.join(said)})" if said else ""


def _rung(item: Mapping[str, Any]) -> str:
    sign = {State.OK: "ok", State.BROKEN: "BROKEN", State.NOT_NEEDED: "not needed"}
    return f"{item['rung']} {sign.get(State(item['state']), State(item['state']).value.replace('_', ' '))}"


def _quota(quota: Mapping[str, Any] | None) -> str:
    if quota is None:
        return ""
    left, limit = ("?" if quota[key] is None else quota[key] for key in ("remaining", "limit"))
    return f"{left} of {limit} left"


def _facts(*facts: tuple[str, str]) -> Iterator[str]:
    for term, said in facts:
        if said:
            yield f"  {term + ':':<16} {said}"


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def file_name(name: str, now: datetime) -> str:
    """Return what the bundle is called, without a suffix: letters of any file system."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    short = "-".join(filter(None, plain.split("-")))[:60]
    return f"kairos-{short or 'evidence'}-{now:%Y%m%dT%H%M%SZ}"
