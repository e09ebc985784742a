"""Alerts and dashboards: by Prometheus' own judgement, and against what `/metrics` tells."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from api.metrics.families import FAMILIES
from tests.deploy.dockerfile import ROOT

ALERTS: Final = ROOT / "deploy/prometheus/alerts.yml"
TESTS: Final = ROOT / "tests/deploy/prometheus/alerts_test.yml"
BOARDS: Final = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "deploy/grafana").glob("*.json"))}
RULES: Final = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
TOLD: Final = {name for family in FAMILIES for name in family.samples}
LABELS: Final = {name: set(family.labels) for family in FAMILIES for name in family.samples}
# What Prometheus adds, what a histogram has, and what rules and dashboards make themselves.
OTHERS: Final = {"instance", "job", "le"}


def promtool(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: Debian has it in the package prometheus")
    return subprocess.run(["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


def expressions(board: dict[str, Any]) -> list[str]:
    """Return what the panels and variables of a dashboard ask, with a value in the place of each variable."""
    asked = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    variables = [item["query"]["query"] for item in board["templating"]["list"] if item["type"] == "query"]
    for query in variables:
        found = re.fullmatch(r"(?:label_values|query_result)\((kairos_\w+(?:\{.*\})?)(?:, \w+)?\)", query)
        assert found, query
        asked.append(found[1])
    return [item.replace("$__rate_interval", "5m").replace("${datasource}", "x") for item in asked]


ASKED: Final = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{f"{name} {number}": text for name, board in BOARDS.items() for number, text in enumerate(expressions(board))},
}


def test_there_are_three_dashboards() -> None:
    assert list(BOARDS) == ["overview.json", "regions.json", "resource.json"]


@pytest.mark.parametrize("where", ASKED)
def test_only_what_is_told_is_asked_for(where: str) -> None:
    names = set(re.findall(r"\bkairos_\w+", ASKED[where]))
    assert names
    assert names <= TOLD


@pytest.mark.parametrize("where", ASKED)
def test_only_labels_that_are_there_are_asked_for(where: str) -> None:
    for name, chosen in re.findall(r"\b(kairos_\w+)\{([^}]*)\}", ASKED[where]):
        asked = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', chosen))
        assert asked <= LABELS[name] | OTHERS, name


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_reads_from_the_data_source_that_is_chosen(name: str) -> None:
    board, chosen = BOARDS[name], {"type": "prometheus", "uid": "${datasource}"}
    assert board["templating"]["list"][0]["name"] == "datasource"
    for panel in panels(board):
        assert panel["datasource"] == chosen, panel["title"]
        assert all(target["datasource"] == chosen for target in panel["targets"]), panel["title"]
    assert {item["datasource"]["uid"] for item in board["templating"]["list"][1:]} == {"${datasource}"}


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap_and_have_ids_of_their_own(name: str) -> None:
    places = [
        (x, y)
        for panel in BOARDS[name]["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", BOARDS)
def test_variables_that_are_used_are_declared(name: str) -> None:
    text = json.dumps(BOARDS[name]["panels"])
    declared = {item["name"] for item in BOARDS[name]["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval", "__data"}
    assert used <= declared


def test_dashboards_have_ids_and_link_to_those_that_exist() -> None:
    ids = {board["uid"] for board in BOARDS.values()}
    assert len(ids) == len(BOARDS)
    linked = {uid for board in BOARDS.values() for uid in re.findall(r'"/d/([\w-]+)', json.dumps(board))}
    assert linked
    assert linked <= ids


def test_prometheus_takes_the_rules() -> None:
    checked = promtool("check", "rules", str(ALERTS))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should() -> None:
    tested = promtool("test", "rules", TESTS.name, cwd=TESTS.parent)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_tested() -> None:
    assert {rule["alert"] for rule in RULES} <= set(re.findall(r"Kairos\w+", TESTS.read_text()))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [('{state="unavailable"} == 1', '{state="unknown"} == 1'), ("for: 15m", "for: 40m"), ("> 0.5", "> 0.9")],
)
def test_alert_that_is_wrong_would_be_noticed(tmp_path: Path, was: str, becomes: str) -> None:
    alerts = ALERTS.read_text()
    assert was in alerts
    (tmp_path / "alerts.yml").write_text(alerts.replace(was, becomes))
    (tmp_path / "test.yml").write_text(TESTS.read_text().replace("../../../deploy/prometheus/", ""))
    assert promtool("test", "rules", "test.yml", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("name", BOARDS)
def test_prometheus_takes_what_a_dashboard_asks(tmp_path: Path, name: str) -> None:
    rules = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(expressions(BOARDS[name]))]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    checked = promtool("check", "rules", "asked.yml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_takes_the_scrape(tmp_path: Path) -> None:
    example = yaml.safe_load((ROOT / "deploy/prometheus/scrape.yml").read_text())
    (job,) = example["scrape_configs"]
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    job["authorization"]["credentials_file"] = str(token)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(example))
    checked = promtool("check", "config", "prometheus.yml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert job["metrics_path"] == "/metrics"
