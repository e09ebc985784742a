"""What a scenario came to, for people and for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kairos.simulation import scratch
from kairos.simulation.expectation import FIELDS, INCIDENTS, NOTIFICATIONS, Lines, shown
from kairos.simulation.scenario import Scenario
from kairos.simulation.spans import span_text
from kairos.simulation.told import Moment, timeline, what_was_told
from kairos.simulation.world import World

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that is over. `differs` is how it is not as expected, None where nothing was expected."""

    scenario: Scenario
    told: Lines
    moments: Sequence[Moment]
    differs: tuple[str, ...] | None

    @property
    def is_as_expected(self) -> bool:
        return not self.differs

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.scenario.title,
            "starts": self.scenario.starts.isoformat(),
            "lasts": span_text(self.scenario.lasts),
            **{kind: list(lines) for kind, lines in self.told.items()},
            "timeline": [{"at": span_text(at), "of": of, "what": what} for at, of, what in self.moments],
            "differs": None if self.differs is None else list(self.differs),
        }


def play(scenario: Scenario) -> Played:
    """Play a scenario in the scratch database, which is emptied first. Raises `ScenarioInvalid` and `NoScratch`."""
    scratch.clear()
    World(scenario).run()
    told = what_was_told(scenario.starts, scenario.starts + scenario.lasts)
    expectation = scenario.expectation
    return Played(
        scenario, told, timeline(scenario.starts), None if expectation is None else expectation.differs(told)
    )


def lines(played: Played) -> Iterable[str]:
    """Yield what a person reads: what happened, what was told, and whether that is as expected."""
    scenario = played.scenario
    yield f"{scenario.title}"
    yield (
        f"from {scenario.starts:%Y-%m-%d %H:%M:%S} UTC for {span_text(scenario.lasts)}, "
        f"{len(scenario.regions)} regions, {len(scenario.subjects)} resources"
    )
    for at, of, what in played.moments:
        yield f"  {span_text(at):>12}  {of}  {what}"[:_LONGEST]
    for kind in (INCIDENTS, NOTIFICATIONS):
        found = played.told[kind]
        yield f"{kind}: {len(found) or 'none'}"
        yield from (f"  {line}" for line in shown(kind, found))
    if played.differs is None:
        yield "nothing was expected"
    elif played.is_as_expected:
        yield "as expected"
    else:
        yield "NOT as expected:"
        yield from (f"  {line}" for line in played.differs)


def expectation(played: Played) -> Iterable[str]:
    """Yield what was told as the `expect` of a scenario, of the kinds that its own has, or of all but verdicts."""
    own = played.scenario.expectation
    kinds = own.lines if own else (INCIDENTS, NOTIFICATIONS)
    yield "expect:"
    for kind in FIELDS:
        if kind in kinds:
            found = shown(kind, played.told[kind])
            yield f"  {kind}:" if found else f"  {kind}: []"
            yield from (f"    - {line}" for line in found)
