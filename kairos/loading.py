"""Python's collector of garbage, while a program loads what it is made of: a fifth of the time of a start was its.

It looks at all that was loaded again and again, and finds nothing. So it looks seldom until the models are there, and
never again at what was there by then: which also leaves the pages of memory alone that a worker's processes share.
"""

import gc
from importlib import import_module
from typing import Final

_SELDOM: Final = 100_000
"""Objects that are new; usually it looks after 700."""

_usual: Final = gc.get_threshold()


def begin() -> None:
    gc.set_threshold(_SELDOM, *_usual[1:])


def end() -> None:
    gc.freeze()
    gc.set_threshold(*_usual)


def with_addresses(module: str) -> None:
    """Load what answers under the addresses of a module as well, which otherwise comes with the first request.

    A web server would look at all of it with each thirtieth page of a list, for 76 ms.
    """
    import_module(module)
    gc.freeze()
