"""`manage.py up`: everything of one machine, started in order, watched, and stopped without a trace.

`sequence` is the order of things; `supervisor` runs the children under Circus; `programs` says what they are;
`state` and `leftovers` deal with what an earlier run has left.
"""


class Refused(Exception):
    """A reason not to start. The message is one line for the operator, and what to do is part of it."""
