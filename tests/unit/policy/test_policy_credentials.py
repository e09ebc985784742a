"""Which credential a check uses."""

import pytest

from probes.policy.credentials import Candidate, choose, covers

WHOLE = Candidate(1, "")
TEAM = Candidate(2, "team")
PROJECT = Candidate(3, "team/project")
TEAM_IN_US = Candidate(4, "team", "us-east")
WHOLE_IN_US = Candidate(5, "", "us-east")
ALL = (WHOLE, TEAM, PROJECT, TEAM_IN_US, WHOLE_IN_US)


@pytest.mark.parametrize(
    ("prefix", "repository", "covered"),
    [
        ("", "anything/at/all", True),
        ("team", "team", True),
        ("team", "team/app", True),
        ("team", "team2/app", False),
        ("team/project", "team", False),
    ],
)
def test_prefix_covers_whole_parts_only(prefix: str, repository: str, covered: bool) -> None:  # noqa: FBT001 - a table's column
    assert covers(prefix, repository) is covered


@pytest.mark.parametrize(
    ("repository", "region", "chosen"),
    [
        ("other/app", "eu-west", WHOLE),
        ("other/app", "us-east", WHOLE_IN_US),
        ("team/app", "eu-west", TEAM),
        ("team/app", "us-east", TEAM_IN_US),
        ("team/project/app", "us-east", PROJECT),
    ],
)
def test_longest_prefix_wins_then_the_region(repository: str, region: str, chosen: Candidate) -> None:
    assert choose(ALL, repository=repository, region=region) == chosen


def test_no_match_means_anonymous() -> None:
    assert choose((TEAM,), repository="other/app", region="eu-west") is None


def test_credential_of_another_region_is_never_used() -> None:
    assert choose((TEAM_IN_US,), repository="team/app", region="eu-west") is None


@pytest.mark.parametrize(
    ("pinned", "region", "chosen"),
    [
        (TEAM, "eu-west", TEAM),
        (TEAM, "us-east", TEAM_IN_US),
        (WHOLE, "eu-west", WHOLE),
        (TEAM_IN_US, "us-east", TEAM_IN_US),
        (TEAM_IN_US, "eu-west", None),
    ],
)
def test_pinned_credential_gives_way_only_to_its_own_regional_one(
    pinned: Candidate, region: str, chosen: Candidate | None
) -> None:
    assert choose(ALL, repository="team/project/app", region=region, pinned=pinned) == chosen
