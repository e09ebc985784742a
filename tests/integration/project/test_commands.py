"""The commands of the project: what they need, what they make, and what they leave alone."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from probes.actions import enrolment
from probes.models import Region
from tests.fakes.up import PROJECT, bare_environment


def manage(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with no setting at all but an empty state directory."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(state)}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_probe_needs_no_settings_and_leaves_nothing_behind(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = manage(state, "probe", "--json", "Not/A/Reference")
    assert json.loads(done.stdout)["status"] == "config_error"
    assert done.returncode == 5
    assert not state.exists()


def test_check_needs_neither_database_nor_keys(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = manage(state, "check", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert not state.exists()


def test_check_of_a_deployment_names_what_is_missing(tmp_path: Path) -> None:
    done = manage(tmp_path / "state", "check", "--deploy")
    assert done.returncode == 1
    missing = ["kairos.E101", "kairos.E102", "kairos.E103", "kairos.E104", "kairos.E105"]
    assert [check_id for check_id in missing if check_id not in done.stderr] == []


class TestPrepare:
    @pytest.fixture(autouse=True)
    def _region_keys(self, settings: Settings, tmp_path: Path) -> None:
        settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"

    @pytest.mark.django_db
    def test_admin_can_log_in_with_the_password_that_is_reported_once(self, tmp_path: Path, client: Client) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        call_command("prepare", report=first, stdout=StringIO())
        call_command("prepare", report=second, stdout=StringIO())
        report = json.loads(first.read_text())
        login = {"username": report["admin"], "password": report["admin_password"]}
        assert client.post("/login/", login).status_code == 302
        assert first.stat().st_mode & 0o777 == 0o600
        assert json.loads(second.read_text())["admin_password"] == ""
        assert get_user_model().objects.count() == 1

    @pytest.mark.django_db
    def test_password_is_printed_where_no_report_is_wanted(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("prepare")
        assert "Admin user: admin, password: " in capsys.readouterr().out

    @pytest.mark.django_db
    def test_every_region_of_the_settings_gets_what_its_worker_reads(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        call_command("prepare", report=tmp_path / "report")
        homes = {
            path.name: {file.name for file in path.iterdir()} for path in settings.KAIROS_REGION_KEYS_DIR.iterdir()
        }
        assert homes == {region.slug: {"region-key.json", "broker-url"} for region in settings.KAIROS_REGIONS}
        assert {region.slug for region in Region.objects.active()} == homes.keys()

    @pytest.mark.django_db
    def test_retired_region_stays_so_and_is_told_in_a_line(
        self, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report = tmp_path / "report"
        call_command("prepare", report=report)
        enrolment.retire([Region.objects.get(slug="eu-west").pk], now=timezone.now())
        capsys.readouterr()
        call_command("prepare", report=report)
        (line,) = capsys.readouterr().err.splitlines()
        assert "eu-west was retired" in line
        assert "manage.py region enroll eu-west --here" in line
        assert json.loads(report.read_text())["retired"] == ["eu-west"]
        others = {region.slug for region in settings.KAIROS_REGIONS} - {"eu-west"}
        assert {region.slug for region in Region.objects.active()} == others

    @pytest.mark.django_db
    def test_region_whose_keys_were_changed_elsewhere_keeps_nothing_from_starting(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What mends it is a command, which needs the database that `manage.py up` starts."""
        call_command("prepare", report=tmp_path / "report")
        enrolment.rotate("eu-west", now=timezone.now())
        call_command("prepare", report=tmp_path / "report")
        assert "region rotate eu-west --here" in capsys.readouterr().err
