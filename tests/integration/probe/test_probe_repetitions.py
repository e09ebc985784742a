"""`manage.py probe --count`: one process that stays warm, waits where it is throttled, and sums up."""

import json
import re
import signal
import subprocess
import sys

from tests.integration.probe.conftest import ROOT, Demo, Probe


def test_repetitions_stay_warm_and_end_with_a_summary(demo: Demo, probe: Probe) -> None:
    done = probe(
        *demo.options, "--depth=resolve", "--count=3", "--interval=0.05", demo.reference("shop/checkout:2.4.1")
    )
    assert "3 checks: 3 available" in done.stdout.splitlines()[-1]
    assert sum("GET token" in line for line in done.stdout.splitlines()) == 1


def test_interrupted_repetitions_are_summed_up() -> None:
    """As ping does; the status is that of the interruption, since 1 would read as unavailable."""
    command = [sys.executable, "manage.py", "probe", "--count=1000", "--interval=0.05", "quay.io/Team/app"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as repeating:
        assert repeating.stdout is not None
        for _ in range(8):  # two outcomes
            repeating.stdout.readline()
        repeating.send_signal(signal.SIGINT)
        shown, complaint = repeating.communicate(timeout=60)
    assert re.search(r"\d+ checks: \d+ config_error; ", shown.splitlines()[-1])
    assert (repeating.returncode, complaint) == (130, "")


def test_throttled_registry_is_asked_once_and_then_waited_for(demo: Demo, probe: Probe) -> None:
    """E13."""
    done = probe(
        *demo.options, "--json", "--count=3", "--interval=0.05", demo.reference("library/warehouse:7", "hub")
    )
    first, *later = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 4
    for outcome in later:
        assert (outcome["reason"], outcome["requests"], outcome["steps"]) == ("rate_limited", 0, [])
        assert outcome["retry_at"] == first["retry_at"]
        assert outcome["detail"].startswith("nothing was sent: hub.kairos.test:")


def test_ladder_of_a_check_that_waits_says_so_and_until_when(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, "--count=2", "--interval=0.05", demo.reference("library/warehouse:7", "hub"))
    waiting = done.stdout[done.stdout.rindex("nothing was sent: ") :]
    assert "and we wait until " in waiting.splitlines()[0]
    assert " · next try after " in waiting
    assert " · 0 requests · " in waiting
