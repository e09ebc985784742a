"""What a library loads besides, where it happens to be installed for something else: kept from it.

Redis' client loads half of OpenTelemetry, httpx a library that draws, REST framework one that speaks HTTP. None of it
is used, and it was a good part of a program's start (ADR 52).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Let what is imported in here find that these modules are not installed; those that were loaded before stay."""
    absent = dict.fromkeys(name for name in modules if name not in sys.modules)
    sys.modules.update(absent)  # type: ignore[arg-type]  # None says that there is none, and is not in the stubs
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
