"""How one input becomes another: the small accidents and the large ones."""

from collections.abc import Sequence
from random import Random
from typing import Final

MOST: Final = 20_000  # bytes that an input may grow to


def mutated(random: Random, population: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return a child of the population after one to eight accidents."""
    child = bytearray(random.choice(population))
    for _ in range(random.choice((1, 1, 1, 2, 3, 5, 8))):
        _accident(random, child, population, tokens)
    return bytes(child[:MOST])


def _accident(random: Random, child: bytearray, population: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    start = random.randrange(len(child) + 1)
    end = min(len(child), start + random.choice((0, 1, 1, 2, 4, 16, 256)))
    match random.randrange(8):
        case 0:
            child[start:end] = random.choice(tokens)
        case 1:
            child[start:start] = random.choice(tokens)
        case 2:
            del child[start:end]
        case 3:
            child[start:end] = bytes(child[start:end]) * random.choice((2, 3, 50))
        case 4:
            child[start:end] = random.randbytes(end - start)
        case 5:
            other = random.choice(population)
            place = random.randrange(len(other) + 1)
            child[start:] = other[place:]
        case 6:
            del child[start:]
        case _:
            if start < len(child):
                child[start] ^= 1 << random.randrange(8)
