"""The reference page of the probe command tells of every option, exit status and field, as they are."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from probes.management.commands.probe import EXIT_STATUSES, Command
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.taxonomy import Reason
from tests.fakes.steps import step

PAGE = (Path(__file__).parents[3] / "docs/reference/probe-command.md").read_text()


def table(heading: str) -> list[str]:
    """Return the first cell of each row of the table that is headed so."""
    _, _, found = PAGE.partition(f"| {heading} |")
    rows = found.partition("\n\n")[0].splitlines()[2:]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def invocation(action: argparse.Action) -> str:
    """Return an option as its usage writes it: `--depth {resolve,manifest}`, `--proxy URL`, `--json`."""
    if action.nargs == 0:
        return action.option_strings[0]
    value = action.metavar or "{" + ",".join(action.choices or ()) + "}"
    return f"{action.option_strings[0]} {value}"


def test_every_option_is_told_as_its_usage_writes_it() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    Command().add_arguments(parser)  # type: ignore[arg-type]  # without the options that Django adds to all commands
    options = {invocation(action) for action in parser._actions if action.option_strings}  # noqa: SLF001 - no other way
    assert set(re.findall(r"^\| `(--[^`]+)` \|", PAGE, re.MULTILINE)) == options


def test_every_status_has_its_number() -> None:
    numbers = dict(re.findall(r"^\| (\d) \| `([a-z_]+)`", PAGE, re.MULTILINE))
    assert {name: int(number) for number, name in numbers.items()} == {
        status.value: number for status, number in EXIT_STATUSES.items()
    }


def test_fields_are_those_of_the_document_in_their_order() -> None:
    outcome = Outcome(
        reference="x.io/app:1",
        conclusion=Conclusion(reason=Reason.OK, canonical="x.io/app:1"),
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        duration_ms=0.0,
        requests=0,
        bytes_read=0,
        connection=None,
        steps=(step(),),
    )
    document = outcome.to_json()
    assert names(table("field")) == list(document)
    assert names(table("field of a step")) == list(document["steps"][0])
