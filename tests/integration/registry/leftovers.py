"""What a process holds: sockets, tasks, threads, objects by type, and what is in an engine's containers."""

import functools
import gc
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Leftovers:
    """One census. `holdings` are lengths by path within the engine, and of the caches of its functions."""

    descriptors: int
    tasks: int
    threads: int
    blocks: int  # of the interpreter's own allocator: what holds bytes, strings and numbers too
    objects: Counter[str]
    holdings: dict[str, int]

    @classmethod
    def of(cls, engine: object, *, tasks: int) -> "Leftovers":
        """Count, when what is only waiting to be collected is gone; the `tasks` are the caller's to count."""
        gc.unfreeze()  # else the collector knows nothing of what was there when Django was set up: `kairos.loading`
        for _ in range(3):
            gc.collect()
        objects = Counter(f"{type(item).__module__}.{type(item).__qualname__}" for item in gc.get_objects())
        return cls(
            descriptors=len(open_descriptors()),
            tasks=tasks,
            threads=threading.active_count(),
            blocks=sys.getallocatedblocks(),
            objects=objects,
            holdings=dict(_holdings(engine, "engine", set())) | dict(_function_caches()),
        )

    def growth(self, since: "Leftovers", *, beyond: int) -> dict[str, int]:
        """Return the types of which there are more than `beyond` more than before."""
        return {name: count for name, count in (self.objects - since.objects).items() if count > beyond}


def open_descriptors() -> dict[int, str]:
    """Return what each descriptor leads to: a path, or the kind of thing and its number."""
    found = {}
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that reads this very directory
            found[int(descriptor.name)] = str(descriptor.readlink())
    return found


def _holdings(holder: object, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """Yield the length of every container that an object of ours holds, and those that such objects hold."""
    for name, value in _attributes(holder):
        here = f"{path}.{name}"
        # Not by `Sized`: asking an abstract class leaves hundreds of weak references behind, one for each subclass.
        if hasattr(type(value), "__len__") and type(value) not in (str, bytes, memoryview):
            yield here, len(value)  # type: ignore[arg-type]  # it has a length
        if type(value).__module__.startswith("probes.") and id(value) not in seen:
            seen.add(id(value))
            yield from _holdings(value, here, seen)


def _attributes(holder: object) -> Iterator[tuple[str, object]]:
    yield from getattr(holder, "__dict__", {}).items()
    for kind in type(holder).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with suppress(AttributeError):
                yield name, getattr(holder, name)


def _function_caches() -> Iterator[tuple[str, int]]:
    for item in gc.get_objects():
        # Its very type: `isinstance` would wake whatever stands in for something else.
        if type(item) is functools._lru_cache_wrapper and item.__module__.startswith("probes."):  # noqa: SLF001
            yield f"{item.__module__}.{item.__qualname__}", item.cache_info().currsize
