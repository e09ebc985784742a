"""Which layers are looked at when not all of them are.

Source: behaviour row B25 and E.2 (blob presence: rotate the sample). The first, the last, the largest, and of
the others the one whose turn it is: as many turns as there are others, and each has been looked at.
"""

from probes.protocol.manifest import Descriptor


def sample(layers: tuple[Descriptor, ...], rotation: int) -> tuple[Descriptor, ...]:
    """Return the layers to look at, in their order. What is never fetched anyway stays in: it costs nothing."""
    fetched = [at for at, layer in enumerate(layers) if layer.size_bytes and not layer.is_foreign]
    if not fetched:
        return layers
    always = {fetched[0], fetched[-1], max(fetched, key=lambda at: layers[at].size_bytes)}
    others = [at for at in fetched if at not in always]
    left_out = set(others) - {others[rotation % len(others)]} if others else set()
    return tuple(layer for at, layer in enumerate(layers) if at not in left_out)
