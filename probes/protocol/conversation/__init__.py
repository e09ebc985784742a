"""The conversation with a registry as a state machine.

Theory of operation. A check is a set of *errands*, each one thing to fetch: the tag (HEAD), its manifest, a
platform's manifest, a config, a layer. An errand may take several requests: it is redirected, told to log in,
retried once. `start` gives the first ask; each reply or fault goes to `advance`, which gives the next asks, or
`Done`. Several asks may be in flight; their events may come in any order.

    event                              what it does
    ---------------------------------  -----------------------------------------------------------------------
    fault                              retry once on a new connection, else a failure           (hops)
    3xx                                the errand moves on, stripped of our headers             (hops)
    401 from the registry              the errand waits; one login for all who wait             (authorisation)
    401 from another host              at most one token that anyone may have, for that host    (guests)
    400, 403 with a remembered login   forget it, log in once, ask again                        (authorisation)
    400, 401, 403 under an older login ask again with the present one                           (authorisation)
    200 with a challenge beside it     log in for what is still to be asked, if we have a login (authorisation)
    401 of the token service           settled; one try without the credentials, for a hint     (guests)
    5xx, 429                           retry once after a pause, a 429's if it says how long    (hops)
    HEAD of known bytes, in doubt      the same by GET                                          (documents)
    404 of a manifest as a web page    `GET /v2/` tells a registry from a proxy                 (documents)
    anything else                      the reader for the errand's purpose decides              (documents, blobs)

A failure of the tag or its manifest ends the check; one of a child or blob counts against the platforms that
need it, and the others go on. When nothing is in flight, waiting or queued, `conclude` picks what to report.

Bounds (`CheckLimits`), each held in one place: 12 requests besides children and blobs, 200 and 12 MiB in all
(`Turn.send`), 5 hops an errand (`follow`), 2 token exchanges (`_after_bearer`) and 1 as a guest (`guests`), 1 retry
an errand, 3 in flight (`Turn.finish`), and no longer a queue than may still be sent (`Turn.room`).
"""

from probes.protocol.conversation.known import NOTHING_KNOWN, Document, Known
from probes.protocol.conversation.machine import UnexpectedEventError, advance, registry_origin, start
from probes.protocol.conversation.state import Done, Memory, Send, State

__all__ = [
    "NOTHING_KNOWN",
    "Document",
    "Done",
    "Known",
    "Memory",
    "Send",
    "State",
    "UnexpectedEventError",
    "advance",
    "registry_origin",
    "start",
]
