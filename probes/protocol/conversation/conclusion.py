"""From what a conversation found to one conclusion.

Source: behaviour table, C.2 to C.4. One failure out of several is chosen by precedence: security refusals, then
integrity, then manifest and child, then config, then layers; within a stage definite before ambiguous before
transient; among equals the first in pull order.
"""

from dataclasses import replace
from typing import Final

from probes.protocol.conversation.state import Failure, State, Wanted
from probes.protocol.errors import clean_text
from probes.protocol.notices import within
from probes.protocol.outcome import Conclusion, PlatformResult
from probes.protocol.redaction import scrub, scrub_host
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status

_SECURITY: Final = frozenset(
    {
        Reason.TARGET_FORBIDDEN,
        Reason.AUTH_REALM_UNTRUSTED,
        Reason.AUTH_REALM_FORBIDDEN,
        Reason.AUTH_REDIRECT,
        Reason.REDIRECT_FORBIDDEN,
        Reason.REDIRECT_INSECURE,
        Reason.REDIRECT_AUTH_REQUIRED,
    }
)
_INTEGRITY: Final = frozenset({Reason.DIGEST_MISMATCH, Reason.SIZE_MISMATCH, Reason.MANIFEST_TYPE_CONFLICT})
_SHOWN_DETAIL: Final = 500  # an index may list thousands of platforms, a size may have thousands of digits
_OWN_END: Final = frozenset({Reason.PROBE_ABORTED, Reason.INTERNAL_ERROR})
_BLOB_STAGES: Final = {Stage.CONFIG: 3, Stage.LAYER: 4}
_LOGIN_STAGES: Final = frozenset({Stage.CHALLENGE, Stage.TOKEN})


def precedence(failure: Failure) -> tuple[int, int]:
    """Return the rank of a failure by C.4; the lowest is reported."""
    if failure.reason in _SECURITY:
        kind = 0
    elif failure.reason in _INTEGRITY:
        kind = 1
    else:
        kind = _BLOB_STAGES.get(failure.stage, 2)
    if failure.reason.status in (Status.DEGRADED, Status.INDETERMINATE):
        return kind, 2
    return kind, 1 if failure.confidence is Confidence.AMBIGUOUS else 0


def first_of(*failures: Failure | None) -> Failure | None:
    """Return the failure that counts among several, or None if there is none."""
    return min((failure for failure in failures if failure is not None), key=_among_blobs, default=None)


def _among_blobs(failure: Failure) -> tuple[int, int, int, tuple[int, ...]]:
    """A definite failure of any blob outweighs a transient one of another (C.4, last sentence).

    So it does one of the login: where blobs have failed before it, it was to be renewed for a blob (row B8).
    """
    kind, certainty = precedence(failure)
    is_for_blobs = kind >= min(_BLOB_STAGES.values()) or failure.stage in _LOGIN_STAGES
    return int(is_for_blobs and certainty == 2), kind, certainty, failure.place


def _deciding(state: State, ending: Failure | None) -> Failure | None:
    """What ended the check takes its place among what was found before it (C.4), unless we ended it (N19, E21)."""
    if ending is not None and ending.reason in _OWN_END:
        return ending
    return first_of(*state.failures, ending)


def conclude(state: State, ending: Failure | None) -> Conclusion:
    """Return the conclusion of a conversation that ended with `ending`, or ran to its end."""
    failure = _deciding(state, ending)
    quota = state.rate_limit
    reason = failure.reason if failure else Reason.OK
    return Conclusion(
        reason=reason,
        canonical=state.reference.canonical,
        stage=failure.stage if failure else None,
        host=scrub_host(failure.host, state.secrets) if failure else None,
        confidence=failure.confidence if failure else Confidence.DEFINITE,
        depth=_depth(state, ending),
        digest=state.digest,
        platforms=tuple(_platform_result(item, state.secrets) for item in state.wanted) if ending is None else (),
        warnings=state.warnings,
        notices=within((scrub(notice, state.secrets) for notice in state.notices), state.limits.notice_bytes),
        hint=reason.meaning.hint,
        detail=scrub(clean_text(failure.detail, _SHOWN_DETAIL), state.secrets) if failure else "",
        retry_at=failure.retry_at if failure else None,
        attempts=state.attempts,
        auth_path=state.login.path,
        rate_limit=quota and replace(quota, source=quota.source and scrub(quota.source, state.secrets)),
    )


def _depth(state: State, ending: Failure | None) -> Depth | None:
    if state.digest is None:
        return None
    if not state.has_manifest:
        return Depth.RESOLVE
    if ending is not None or any(failure.stage not in _BLOB_STAGES for failure in state.failures):
        return Depth.MANIFEST
    if state.failures:
        return min(Depth.PLATFORM, state.deepest, key=_rank)
    return min(state.plan.depth, state.deepest, key=_rank)


def _rank(depth: Depth) -> int:
    return depth.rank


def _platform_result(item: Wanted, secrets: tuple[str, ...]) -> PlatformResult:
    """An index may call its platforms what it likes, so they are scrubbed as any text of the registry's."""
    reason = item.failure.reason if item.failure else Reason.OK
    return PlatformResult(
        platform=scrub_host(item.name, secrets), digest=item.digest, status=reason.status, reason=reason
    )
