"""What a run of `manage.py up` does while it runs, and when one of its programs is killed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from kairos.embedded.redis import PREFERRED, find_binary, version
from probes.broker.address import BrokerAddress
from tests.fakes.up import PROJECT, Up, bare_environment, run_to_end
from tests.servers import wait_until


def test_healthz_answers(up: Up) -> None:
    assert up.get("/healthz") == 200


def test_banner_comes_when_beat_and_a_region_were_heard_of(up: Up) -> None:
    assert re.search(r"kairos +\| ready after ", up.output)
    assert up.get("/readyz") == 200


def test_admin_shows_its_login_with_its_style_sheet(up: Up) -> None:
    assert up.get("/admin/login/") == 200
    assert up.get("/static/admin/css/base.css") == 200


def test_banner_tells_addresses_password_and_regions(up: Up) -> None:
    assert f"http://127.0.0.1:{up.port}/" in up.output
    assert re.search(r"log in as +admin / \S{16}   \(shown this once\)", up.output)
    assert re.search(r"regions +eu-west, us-east\n", up.output)


def test_secrets_are_in_files_of_their_owner_alone(up: Up) -> None:
    files = [path for path in up.state.glob("*") if path.is_file()]
    assert {"secret-key", "fernet-keys", "control-key.json", "database-url"} <= {path.name for path in files}
    open_to_others = [path.name for path in files if path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_edge_worker_is_told_three_things_and_nothing_of_the_control_plane(up: Up) -> None:
    environment = up.edge("eu-west").environ()
    told = {name for name in environment if name.startswith(("KAIROS", "DATABASE", "BROKER", "DJANGO"))}
    assert told == {
        *("BROKER_URL_FILE", "KAIROS_REGION", "KAIROS_REGION_KEY_FILE"),
        *("KAIROS_EDGE_FINISH_SECONDS", "KAIROS_EDGE_DRAIN_SECONDS", "KAIROS_EDGE_CANARIES", "KAIROS_UP"),
    }
    assert "postgres" not in " ".join(environment.values())


def broker_url(up: Up, region: str = "eu-west") -> str:
    return Path(up.edge(region).environ()["BROKER_URL_FILE"]).read_text().strip()


def test_edge_worker_logs_in_as_its_region_where_the_broker_has_accounts(up: Up) -> None:
    address = BrokerAddress(broker_url(up))
    has_accounts = version(find_binary()) >= PREFERRED
    assert address.login[0] == ("region-eu-west" if has_accounts else "")
    assert ("regions get no broker accounts of their own" in up.output) != has_accounts


def test_edge_workers_cannot_do_more_than_their_regions_may(up: Up) -> None:
    if version(find_binary()) < PREFERRED:
        pytest.skip("no Redis 7 on PATH: install Debian's redis-server")
    with redis.Redis.from_url(broker_url(up)) as client:
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.lpush("control", "an order")
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.llen("probe.us-east")


def test_passwords_are_on_no_command_line(up: Up) -> None:
    logins = (BrokerAddress(path.read_text().strip()).login for path in up.state.glob("regions/*/broker-url"))
    passwords = [path.read_text().strip() for path in up.state.glob("*-password")]
    assert len(passwords) == 2
    passwords += {password for _, password in logins} - {*passwords}
    command_lines = " ".join(word for process in up.processes for word in process.cmdline())
    assert len(passwords) == (4 if version(find_binary()) >= PREFERRED else 2)  # with one for each region
    assert not any(password in command_lines for password in passwords)


def test_nothing_listens_beyond_loopback(up: Up) -> None:
    processes = [psutil.Process(up.process.pid), *up.processes]
    inet = [connection for process in processes for connection in process.net_connections("inet")]
    listening = [connection.laddr for connection in inet if connection.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    # Web, PostgreSQL and Redis: the process manager has no port of its own.
    assert len({address.port for address in listening}) == 3


def test_other_commands_find_the_embedded_servers(up: Up) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--check"],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(up.state)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_second_run_says_so_in_one_line(up: Up) -> None:
    second = run_to_end(up.state)
    assert second.returncode != 0
    assert second.stdout == ""
    assert second.stderr == (
        f"CommandError: Kairos already runs from {up.state}: process {up.process.pid}, http://127.0.0.1:{up.port}/\n"
    )


def test_killed_edge_worker_is_reported_and_started_again(up: Up) -> None:
    before = up.edge("us-east")
    os.kill(before.pid, signal.SIGKILL)
    up.wait_for("us-east was ended by SIGKILL; starting it again in 1 s")
    wait_until(lambda: any(p.pid != before.pid for p in _edges(up, "us-east")), 10, "a new worker")
    assert up.edge("eu-west").is_running()


def test_killed_web_server_is_back_on_its_port(up: Up) -> None:
    os.kill(up.child("gunicorn").pid, signal.SIGKILL)
    up.wait_for("web was ended by SIGKILL")
    wait_until(lambda: up.get("/healthz") == 0 or up.process.poll() is not None, 10, "the web server to be gone")
    wait_until(lambda: up.get("/healthz") == 200, 20, "the web server to be back")


def test_killed_postgres_comes_back_with_its_data(up: Up) -> None:
    os.kill(up.child("bin/postgres").pid, signal.SIGKILL)
    up.wait_for("postgres was ended by SIGKILL")
    wait_until(lambda: up.get("/readyz") == 200, 60, "readiness after the crash")


def test_killed_redis_comes_back_and_everyone_finds_it(up: Up) -> None:
    os.kill(up.child("redis-server").pid, signal.SIGKILL)
    up.wait_for("redis was ended by SIGKILL")
    wait_until(lambda: up.get("/readyz") == 200, 60, "readiness after the crash")
    # Regions have accounts of their own, which a new Redis does not know before they are given to it again.
    wait_until(lambda: _is_let_in(broker_url(up)), 90, "a region's account after the crash")


def _is_let_in(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            client.llen("probe.eu-west")
        except redis.exceptions.NoPermissionError:
            return True
        except redis.exceptions.RedisError:
            return False
    return True


def _edges(up: Up, region: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process(up.process.pid).children()
        if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("KAIROS_REGION") == region
    ]
