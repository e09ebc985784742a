"""What is simulated does not drift from what runs in earnest: both call the same actions."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
OF_THE_TASKS: Final = ("control", "events", "results", "summing")
NOT_SIMULATED: Final = {
    "beat.note_empty": "the broker's queues: there is no broker, and nothing waits to be read",
    "accounts.end_with_keys": "the broker's accounts: there is no broker",
    "retention": "no scenario lasts as long as anything is kept",
    "thinning": "likewise",
    "staleness": "likewise: nothing is listed by a source",
    "runs": "nobody asks for a check by hand",
    "partitions.drop_partitions": "likewise",
    "partitions.is_held": "likewise: asked of what drops and thins",
}
"""Actions of which a simulation knows nothing, and why."""


def test_simulation_calls_the_actions_that_the_tasks_call() -> None:
    in_earnest = {call for name in OF_THE_TASKS for call in actions_called(ROOT / f"probes/tasks/{name}.py")}
    simulated = actions_called(ROOT / "kairos/simulation/control.py")
    missing = {call for call in in_earnest - simulated if not {call, call.split(".")[0]} & NOT_SIMULATED.keys()}
    assert "dispatch.claim_due" in simulated
    assert missing == set(), "have kairos/simulation/control.py do what probes/tasks does"
    assert simulated - in_earnest == set(), "kairos/simulation/control.py does what probes/tasks does not"


def actions_called(path: Path) -> set[str]:
    """Return `module.function` of every call to an action that a file imports, whatever it calls it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: dict[str, str] = {}
    functions: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "probes.actions":
            modules |= {item.asname or item.name: item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("probes.actions."):
            module = (node.module or "").removeprefix("probes.actions.")
            functions |= {item.asname or item.name: f"{module}.{item.name}" for item in node.names}
    called = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if name in modules:
                called.add(f"{modules[name]}.{attribute}")
            case ast.Call(func=ast.Name(id=name)) if name in functions:
                called.add(functions[name])
    return called
