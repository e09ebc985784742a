"""Sampling passes nothing over: no layer, whatever an image holds, and no turn, whatever its schedule is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.sampling import rotation
from probes.protocol.conversation.sampling import sample
from probes.protocol.digest import Digest
from probes.protocol.manifest import Descriptor

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(sizes=st.lists(st.integers(0, 5), max_size=12), start=st.integers(0, 10**9))
def test_each_layer_is_looked_at_within_one_round(sizes: list[int], start: int) -> None:
    """B25, E.2."""
    layers = tuple(
        Descriptor(media_type="x", digest=Digest.of(b"%d" % at), size_bytes=size, is_foreign=at % 5 == 4)
        for at, size in enumerate(sizes)
    )
    rounds = [sample(layers, start + turn) for turn in range(max(len(layers) - 2, 1))]
    assert {item for chosen in rounds for item in chosen} == set(layers)
    for chosen in rounds:
        assert sum(bool(item.size_bytes) and not item.is_foreign for item in chosen) <= 4
        assert list(chosen) == sorted(chosen, key=layers.index)


@given(
    interval_seconds=st.integers(15, 100_000),
    cadence_seconds=st.integers(1, 200_000),
    offset_seconds=st.integers(0, 100_000),
)
def test_each_look_at_the_blobs_is_one_turn_on(
    interval_seconds: int, cadence_seconds: int, offset_seconds: int
) -> None:
    """B25, E.2: whatever interval and cadence are, no turn is passed over."""
    cadence, interval = timedelta(seconds=cadence_seconds), timedelta(seconds=interval_seconds)
    slot = NOON + timedelta(seconds=offset_seconds)
    turns = []
    for _ in range(20):
        turns.append(rotation(slot, interval_seconds=interval_seconds, blobs_every=cadence))
        looked_at, slot = slot, slot + interval
        while slot - looked_at < cadence:
            slot += max(interval, (cadence - (slot - looked_at)) // interval * interval)
    assert turns == list(range(turns[0], turns[0] + 20))
