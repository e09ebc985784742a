"""What Kairos decides, as pure functions over frozen values: no I/O, no clock, no Django.

Whoever calls brings the facts and the one `now` they hold at; the answer can be stored and explained.
"""
