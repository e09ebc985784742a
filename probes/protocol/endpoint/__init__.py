"""The check of an HTTP endpoint, as a state machine like the conversation with a registry.

Theory of operation. A check is one request and where it is redirected to, one ask at a time. `start` gives the first
ask; its reply or fault goes to `advance`, which gives the next one, or `Done`.

    event                          what it does
    -----------------------------  ---------------------------------------------------------------------------------
    fault                          one more try on a new connection, where asking twice does no harm
    redirect that is to be followed   the request moves on; beyond its own origin it is a bare GET or HEAD
    5xx, 429 that is not expected  one more try after a pause, a 429's if it says how long
    anything else                  held against what is expected: status, content, certificates, time; in this order

What is asked of the endpoint's own origin bears the plan's headers and body, and the login; what is asked elsewhere
bears nothing, also where a redirect leads back. Bounds: 5 hops, 1 retry, so 7 requests; 256 KiB of each body.

All of that is in `conversation`. What is given here are the plans, for most who import them hold no conversation: the
control plane would load it at each start for nothing.
"""

from probes.protocol.endpoint.plan import EndpointPlan, Expectation
from probes.protocol.endpoint.problems import problems

__all__ = ["EndpointPlan", "Expectation", "problems"]
