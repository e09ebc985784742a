"""What is told of the facts of an event."""

from probes.policy.happenings import in_words


def test_facts_are_told_in_words() -> None:
    facts = {
        "not_after": "2026-12-01T00:00:00.000Z",
        "step_days": 30,
        "lasted_seconds": 86400,
        "before": None,
        "is_known": True,
        "was_known": False,
        "platforms": ["linux/amd64", None, "linux/arm64"],
        "seen": {"eu-west": "<b>", "us-east": None},
        "nothing": {},
    }
    assert in_words(facts) == [
        ("not after", "2026-12-01T00:00:00.000Z"),
        ("step days", "30"),
        ("lasted seconds", "86,400"),
        ("is known", "yes"),
        ("was known", "no"),
        ("platforms", "linux/amd64, linux/arm64"),
        ("seen", "eu-west <b>"),
    ]


def test_what_was_before_comes_first() -> None:
    assert in_words({"after": "b", "before": "a"}) == [("before", "a"), ("after", "b")]
