"""Whatever is given as a name, what is made of it is one."""

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.names import candidates, is_stable_name, stable_name, suffixed


@given(st.text())
def test_whatever_the_text_it_is_a_name_with_room_for_a_suffix(text: str) -> None:
    name = stable_name(text, otherwise="row")

    assert is_stable_name(name)
    assert suffixed(name, "0123456789ab").startswith(name)
    assert all(map(is_stable_name, [*candidates(name), suffixed(name, "0123456789ab")]))
