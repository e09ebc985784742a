"""The conversation with a registry, as pure functions over frozen values.

Nothing in this package performs I/O, reads a clock, draws a random number or imports Django: it is given
bytes, headers and instants, and answers with what to ask next or with what was found. `probes.wire` feeds it.
"""
