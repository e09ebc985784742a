"""What `manage.py up` does when one of its programs is killed."""

import os
import signal

import psutil

from tests.fakes.up import Up
from tests.servers import wait_until


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


def _edges(up: Up, region: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process(up.process.pid).children()
        if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("KAIROS_REGION") == region
    ]
