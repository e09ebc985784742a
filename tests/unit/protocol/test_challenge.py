"""The WWW-Authenticate grammar, as it comes from the wild."""

import pytest

from probes.protocol.challenge import MAX_CHALLENGES, Challenge, parse_challenges

REALM = "https://auth.example/token"


def read(*lines: str) -> list[tuple[str, dict[str, str]]]:
    return [(challenge.scheme, dict(challenge.parameters)) for challenge in parse_challenges(lines)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            [f'Bearer realm="{REALM}",service="x.io"'], [("bearer", {"realm": REALM, "service": "x.io"})], id="C2"
        ),
        pytest.param([f'BEARER Realm="{REALM}"'], [("bearer", {"realm": REALM})], id="C3"),
        pytest.param(
            ['Bearer scope="repository:x:pull,push",realm="a b"'],
            [("bearer", {"scope": "repository:x:pull,push", "realm": "a b"})],
            id="C4-comma",
        ),
        pytest.param([r'Bearer realm="a \"b\" \\ c=d"'], [("bearer", {"realm": r'a "b" \ c=d'})], id="C4-escape"),
        pytest.param(["Bearer realm=token, a=b"], [("bearer", {"realm": "token", "a": "b"})], id="C4-bare"),
        pytest.param(
            [f"Bearer realm={REALM},service=x"], [("bearer", {"realm": REALM, "service": "x"})], id="C4-bare-url"
        ),
        pytest.param(
            [f'Bearer realm = "{REALM}" , service\t= x'],
            [("bearer", {"realm": REALM, "service": "x"})],
            id="C4-spaces",
        ),
        pytest.param(
            ['Basic realm="r"', 'Bearer realm="t"'],
            [("basic", {"realm": "r"}), ("bearer", {"realm": "t"})],
            id="C5",
        ),
        pytest.param(
            ['Basic realm="r", charset="UTF-8", Bearer realm="t",service="s"'],
            [("basic", {"realm": "r", "charset": "UTF-8"}), ("bearer", {"realm": "t", "service": "s"})],
            id="C6",
        ),
        pytest.param(
            ['Negotiate, NTLM abc==, Bearer realm="t"'],
            [("negotiate", {}), ("ntlm", {}), ("bearer", {"realm": "t"})],
            id="C7",
        ),
        pytest.param(["Bearer"], [("bearer", {})], id="C11-bare"),
        pytest.param(["Bearer dG9rZW42OA=="], [("bearer", {})], id="C11-token68"),
        pytest.param(["Bearer realm="], [("bearer", {})], id="C12-empty"),
        pytest.param(['Bearer realm="first",realm="second"'], [("bearer", {"realm": "first"})], id="first-wins"),
        pytest.param(['Bearer realm="unclosed'], [("bearer", {"realm": "unclosed"})], id="unclosed"),
        pytest.param(['Bearer realm="ends\\'], [("bearer", {"realm": "ends"})], id="unclosed-escape"),
        pytest.param(['Bearer realm="a"; service="s"'], [("bearer", {"realm": "a", "service": "s"})], id="stray"),
        pytest.param([', ,Bearer realm="a",,'], [("bearer", {"realm": "a"})], id="empty-elements"),
        pytest.param(["", "  ", '"', "=,="], [], id="nothing"),
        pytest.param([], [], id="none"),
    ],
)
def test_challenges_are_read(lines: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert read(*lines) == expected


def test_parameter_that_is_not_there_is_empty() -> None:
    """C12, C16."""
    challenge = Challenge("bearer", (("realm", REALM),))
    assert (challenge.get("realm"), challenge.get("service")) == (REALM, "")


def test_very_many_challenges_are_cut() -> None:
    assert len(parse_challenges(["Basic"] * 50)) == MAX_CHALLENGES
